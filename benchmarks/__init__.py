"""`make bench`: what the function costs, against its goals and against other handlers."""
