"""What runs on your own machine, never in Lambda."""
