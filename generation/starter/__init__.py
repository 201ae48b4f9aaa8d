"""The model in the box: its world, its training and its judge."""
