"""`make verify`, after a deployment: whether every part of the alert path works."""
