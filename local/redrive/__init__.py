"""When deliveries have failed for good, `make redrive`: which, why, and once more."""
