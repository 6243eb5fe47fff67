"""Annotated photographs in, a trained network out."""
