"""How much a model that comes from a stranger may claim; more is refused before it costs anything.

Each bound is far above what a model of beetles needs, and far below what fills a computer.
"""

from __future__ import annotations

LARGEST_MODEL = 1 << 31
"""Bytes of a file; an ONNX file cannot have more."""

LONGEST_CARD = 1 << 22
"""Bytes of a card, of what lies beside it, of a registry, and of each other answer of a Hub."""

MOST_FIELDS = 1_000_000
"""Fields in an ONNX file that are looked at; some thousands are usual."""

DEEPEST_GRAPH = 32
"""Graphs inside the nodes of graphs."""

MOST_LANDMARKS = 1000
"""Of a part; a row is drawn, and columns are written, for each."""

MOST_MEASUREMENTS = 200
"""Of a part; four columns are written for each."""

MOST_SEMILANDMARKS = 1000
"""Of a part, on all its curves together; a row is written for each."""

LONGEST_CURVE_NAME = 200
"""Characters of a curve's name, which stands in each row of a table."""

MOST_COMPONENTS = 64
"""Of the shapes; they are held against each other in pairs."""

MOST_WINDOWS = 100
"""Parts that a model of whole specimens finds."""

MOST_METRICS = 100
"""Measured errors in a card."""

MOST_COUNTED = 10**9
"""Photographs or specimens that a number in a card may be about."""

LONGEST_NAME = 100
"""Bytes in UTF-8 of a part's name, which names folders; file systems end at 255 with what is
added."""

LONGEST_LANDMARK_NAME = 300
"""Characters of a landmark's name, which stands in each row of a table."""

LONGEST_MEASUREMENT_NAME = 200
"""Characters of a measurement's name, which begins the names of columns."""

LONGEST_LABEL = 200
"""Characters of a version and a checksum."""

LONGEST_TEXT = 20_000
"""Characters of a text in a card: provenance, licence, what was measured."""

LARGEST_SIDE = 8192
"""Pixels of a side of the model's input."""

MOST_PIXELS = 1 << 24
"""Of the model's input; as 32-bit numbers of three colours they take 200 MB."""

LARGEST_BATCH = 256
"""Photographs that a file may insist on taking at once."""

LARGEST_INPUT = 1 << 28
"""Bytes of such a batch; inside the runtime it takes four times as much."""

MOST_LISTED = 10_000
"""Models of an organisation on a Hub."""
