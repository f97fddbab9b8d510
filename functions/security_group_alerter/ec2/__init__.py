"""What EC2 answers to Describe calls becomes groups, rules, interfaces and their reach."""
