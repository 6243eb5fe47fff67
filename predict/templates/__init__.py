"""Landmarks from annotated photographs, without training."""
