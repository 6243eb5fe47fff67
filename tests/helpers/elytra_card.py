"""A card of elytra, with all that a card may hold."""

from __future__ import annotations

import math

from beetle_lm.zoo.model_file.card import Metrics, ModelCard
from beetle_lm.zoo.model_file.parts import PARTS
from beetle_lm.zoo.model_file.shape_space import Limits, ShapeSpace

ANGLES = [2 * math.pi * k / 11 for k in range(11)]
MEAN = tuple((round(math.cos(k) / 11**0.5, 6), round(math.sin(k) / 11**0.5, 6)) for k in ANGLES)
FIRST = (1.0, *(21 * (0.0,)))
SHAPES = ShapeSpace(40, MEAN, (FIRST, FIRST[::-1]), (2e-3, 1e-3), 1e-4, 5.5)
CARD = ModelCard(
    spec=PARTS["elytra"],
    input_width=256,
    input_height=192,
    channels=1,
    fit="letterbox",
    version="1.0",
    weights_sha256="ab" * 32,
    metrics=(Metrics("photographs kept aside", 10, 2.5),),
    provenance="drawn beetles, 'Käfer'",
    licence="Apache-2.0",
    shapes=SHAPES,
    limits=Limits(4.0, 9.0, (-20.0, 25.0), (0.3, 0.8)),
)
