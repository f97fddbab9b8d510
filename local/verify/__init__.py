"""After a deployment, `make verify`: whether every part of the road from trail to people works."""
