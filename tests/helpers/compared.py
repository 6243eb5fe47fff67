"""Shapes to be compared."""

from __future__ import annotations

import numpy as np

SQUARE = np.array([[100.0, 100.0], [300.0, 100.0], [300.0, 300.0], [100.0, 300.0]])
SIZE = (512, 384)  # twice 256 x 192
