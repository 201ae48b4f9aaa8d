"""One test per protocol, over every implementation."""
