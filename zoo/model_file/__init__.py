"""What a part is, and what a model file holds and says of itself."""
