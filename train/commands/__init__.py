"""The commands of training: they parse, call and print."""
