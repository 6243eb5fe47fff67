"""Finding the specimens that are in two landmark files."""

from __future__ import annotations

from collections.abc import Sequence

from beetle_lm.errors import LandmarkError
from beetle_lm.predict.formats.names import NameIndex
from beetle_lm.predict.formats.records import Annotation


def pair_by_image(
    predicted: Sequence[Annotation], manual: Sequence[Annotation]
) -> list[tuple[Annotation, Annotation]]:
    """The specimens that are in both lists, in the order of the predictions.

    Names match as `NameIndex` says: whole, else without folders, else without regard to case.

    Raises:
        LandmarkError: an image occurs twice in one list, a name may mean several, or no specimen
            is in both.
    """
    by_name = _by_name(predicted, "predicted"), _by_name(manual, "manual")
    forth, back = NameIndex(by_name[1]), NameIndex(by_name[0])
    names = {}
    for name in by_name[0]:
        found = forth.find(name)
        if found is not None and back.find(found) == name:
            names[name] = found
    _refuse_ambiguous(set(by_name[0]) - set(names), set(by_name[1]) - set(names.values()))
    if not names:
        raise LandmarkError(_nothing_in_common(predicted, manual))
    return [(by_name[0][one], by_name[1][other]) for one, other in names.items()]


def _by_name(annotations: Sequence[Annotation], kind: str) -> dict[str, Annotation]:
    by_name: dict[str, Annotation] = {}
    for annotation in annotations:
        first = by_name.setdefault(annotation.image, annotation)
        if first is not annotation:
            raise LandmarkError(
                f"the {kind} landmarks hold {annotation.image} twice (lines {first.line} and"
                f" {annotation.line}); each specimen needs an image name of its own"
            )
    return by_name


def _nothing_in_common(predicted: Sequence[Annotation], manual: Sequence[Annotation]) -> str:
    if not predicted or not manual:
        return f"there are no {'manual' if predicted else 'predicted'} landmarks to compare"
    return (
        "no specimen is in both files: specimens are matched by the names of their images, and"
        f" those are like {predicted[0].image} in the predictions and like {manual[0].image} in"
        " the manual landmarks"
    )


def _refuse_ambiguous(predicted: set[str], manual: set[str]) -> None:
    """Refuses names without a folder that several with one could stand for."""
    index = NameIndex(manual)
    for name in sorted(predicted):
        candidates = [
            other for other in index.candidates(name) if not ("/" in name and "/" in other)
        ]
        if candidates:
            raise LandmarkError(
                f"{name} of the predicted and {', '.join(candidates)} of the manual landmarks may"
                " stand for several images of that name; write the images' folders in both files"
            )
