"""The adapters: the only modules that call AWS."""
