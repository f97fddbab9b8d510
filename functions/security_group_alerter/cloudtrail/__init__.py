"""Turns what CloudTrail recorded into what a call did."""
