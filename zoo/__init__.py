"""What a part is, what a model says of itself, and where models are found."""
