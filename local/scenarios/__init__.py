"""Plays scenarios: what happens in an organization step by step, and what is alerted.

docs/replay.md describes the files.
"""
