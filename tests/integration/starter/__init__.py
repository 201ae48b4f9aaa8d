"""What the model in the box draws, through stock diffusers classes."""
