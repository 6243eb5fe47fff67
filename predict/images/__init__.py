"""Photographs: found in folders, looked at before they are read, and read."""
