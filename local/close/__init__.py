"""`make close`: closes what is open to the Internet in one security group."""
