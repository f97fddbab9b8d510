"""Puts each Lambda function together: settings and clients in, the steps out."""
