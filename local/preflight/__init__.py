"""Before a deployment, `make preflight`: what would make it fail, or cost too much."""
