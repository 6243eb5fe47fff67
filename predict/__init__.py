"""Photographs in, landmarks out: everything that works without torch."""
