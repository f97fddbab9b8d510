"""Judges what was changed: how much of the Internet it lets in, and how bad that is. Pure."""
