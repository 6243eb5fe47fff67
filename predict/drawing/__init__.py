"""Landmarks drawn on photographs, one at a time and many on a sheet."""
