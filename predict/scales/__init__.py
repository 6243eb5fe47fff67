"""How long a pixel is: scales that are given, listed in a table, or read from the photograph."""
