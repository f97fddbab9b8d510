"""Alerts people to what a security-group change really did. docs/architecture.md is the map."""
