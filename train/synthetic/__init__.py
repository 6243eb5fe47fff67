"""Drawn photographs of carabid parts whose landmarks are known exactly."""
