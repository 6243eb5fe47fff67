"""Annotated photographs, and which of them train, validate and test."""
