"""What an image job is and how it is made."""
