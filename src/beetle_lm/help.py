"""What `--help` looks like: the panels of options, and flags without a type."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

RESULTS, SPEED, ROBUSTNESS = "Results", "Speed", "Robustness"
LEARNING, PHOTOGRAPHS = "Learning", "Photographs and landmarks"
PUBLISHING, TERMINAL = "Publishing", "Terminal"
"""Panels of options; what is in none of them is what most runs need."""


class Command(TyperCommand):
    """A command."""

    def get_params(self, ctx: Any) -> Any:
        """Its options and arguments."""
        return _without_types(super().get_params(ctx))


class Group(TyperGroup):
    """A group of commands."""

    def get_params(self, ctx: Any) -> Any:
        """Its options and arguments."""
        return _without_types(super().get_params(ctx))


def group(**options: Any) -> typer.Typer:
    """A program, or commands under one name; see `typer.Typer` for the options."""
    return typer.Typer(cls=Group, **options)


def _without_types(parameters: Any) -> Any:
    """The parameters, of which flags, which are there or not, show no type."""
    for parameter in parameters:
        if getattr(parameter, "is_flag", False) and parameter.metavar is None:
            parameter.metavar = ""
    return parameters
