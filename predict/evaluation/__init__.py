"""Predicted landmarks compared with manual ones: figures, tables, plots."""
