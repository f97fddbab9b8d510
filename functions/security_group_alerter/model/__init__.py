"""The vocabulary: frozen values that every step shares. Imports nothing above it."""
