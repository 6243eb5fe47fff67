"""Landmark files of other annotation programs: XML and JSON, known by their content."""
