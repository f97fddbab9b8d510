"""The entry points of the Lambda functions: wiring only, no decisions."""
