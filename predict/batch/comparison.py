"""The predictions of one run beside the manual landmarks."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from beetle_lm.predict.batch.reference import Reference
from beetle_lm.predict.batch.writers import Written
from beetle_lm.predict.evaluation.metrics import Evaluation, evaluate
from beetle_lm.predict.formats.records import Record
from beetle_lm.predict.landmarks import curve_points
from beetle_lm.predict.result import Result
from beetle_lm.zoo.model_file.parts import PartSpec


class Comparison:
    """Takes the predictions of one run and holds them against the manual landmarks.

    Args:
        reference: the manual landmarks, which stay as they are.
        spec: the part.
        left_out: names of photographs that are not compared.
        note: what there is to say of the comparison; empty for nothing.
    """

    def __init__(
        self,
        reference: Reference,
        spec: PartSpec,
        left_out: Collection[str] = (),
        note: str = "",
    ) -> None:
        self._reference, self._spec = reference, spec
        self._left_out, self._note = left_out, note
        self._predicted: list[Record] = []
        self._sizes: dict[str, tuple[int, int]] = {}
        self._without: list[str] = []

    def add(self, result: Result, written: Written) -> None:
        """Takes the predicted landmarks of a specimen."""
        name = result.called
        if result.name in self._left_out:
            return
        if result.name in self._reference:
            curves = curve_points(self._spec, written.xy, written.semilandmarks)
            self._predicted.append(
                Record(
                    written.xy,
                    name,
                    curves=tuple(curves.values()),
                    curve_names=tuple(curves) or None,
                    control_points=False,
                )
            )
            self._sizes[name] = written.size
        else:  # only the name is needed, and there may be a million
            self._without.append(name)

    def evaluation(self, scale: float | None) -> Evaluation:
        """Compares all that was added.

        Args:
            scale: units per pixel, None where unknown.

        Raises:
            LandmarkError: no photograph has both, or their numbers of landmarks differ.
        """
        manual = self._reference.without(self._left_out)
        compared = evaluate(self._predicted, manual, self._sizes, self._spec, scale)
        remarks = (*compared.remarks, *([self._note] if self._note else []))
        alone = (*compared.only_predicted, *self._without)
        return replace(compared, only_predicted=alone, remarks=remarks)
