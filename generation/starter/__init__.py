"""The model in the box: its world, its training and its judge; and the noise that stands in until it is trained."""
