"""The commands of prediction: they parse, call and print."""
