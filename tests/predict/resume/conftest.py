"""What all tests of unfinished runs predict."""

from thirteen import manual, photos

__all__ = ["manual", "photos"]
