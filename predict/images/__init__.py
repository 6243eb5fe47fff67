"""Photographs: finding them in folders, reading their headers, and reading them."""
