"""Tells people what a security-group change really did. README.md says how to read this folder."""
