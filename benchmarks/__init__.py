"""`make bench`: what the function costs, beside what others would."""
