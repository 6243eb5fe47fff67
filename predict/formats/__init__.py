"""Landmark files: TPS and tables, and how their names are matched with photographs."""
