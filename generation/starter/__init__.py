"""The model that comes with the project."""
