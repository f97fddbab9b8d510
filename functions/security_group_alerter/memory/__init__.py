"""What is known of a security group or a prefix list over time, and the exposures that it makes."""
