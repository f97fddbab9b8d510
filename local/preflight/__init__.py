"""`make preflight`, before a deployment: what would make it fail or cost too much."""
