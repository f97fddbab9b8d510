"""`make deploy`: checks, asks for what has no good default, keeps the answers, builds, deploys."""
