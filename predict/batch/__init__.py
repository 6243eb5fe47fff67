"""From a folder of photographs to a folder of results."""
