"""`make redrive`, when deliveries have failed for good: shows which and why, and tries again."""
