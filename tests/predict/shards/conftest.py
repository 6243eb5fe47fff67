"""What all tests of shards predict."""

from thirteen import manual, photos

__all__ = ["manual", "photos"]
