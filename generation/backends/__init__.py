"""One file per way of making a picture."""
