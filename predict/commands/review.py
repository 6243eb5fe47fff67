"""`beetle-lm review-list`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from beetle_lm.console import echo
from beetle_lm.text import counted


def review_list(
    folder: Annotated[
        Path, typer.Argument(metavar="OUT", help="Folder of results that `predict` wrote.")
    ],
    number: Annotated[
        int, typer.Option("-n", "--number", min=1, help="How many photographs to list.")
    ] = 24,
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of the photographs, if they were moved; of several parts that with PART/.",
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Replace an earlier review even if it was changed."),
    ] = False,
) -> None:
    """Lists the photographs to check first, the worst first, as a table and as a picture.

    Example: beetle-lm review-list landmarks -n 50

    Those that failed come first, then those that are flagged, then those with the largest expected
    errors. Writes OUT/review.csv, OUT/review.jpg, and OUT/review.tps with their landmarks, to be
    corrected in tpsDig. An earlier review is replaced unless it was changed meanwhile.
    """
    from beetle_lm.errors import OutputError
    from beetle_lm.files import write_bytes, write_text
    from beetle_lm.predict.batch.result_files import REVIEW
    from beetle_lm.predict.batch.review import (
        is_changed,
        review,
        review_records,
        review_rows,
        stamp,
    )
    from beetle_lm.predict.batch.review_sheet import MOST, review_sheet
    from beetle_lm.predict.drawing.overlay import jpeg
    from beetle_lm.text import printable

    files = table, records, picture = tuple(folder / name for name in REVIEW)
    if not overwrite and is_changed(files):
        raise OutputError(
            f"{folder} holds a review that was changed since it was written; --overwrite replaces"
            " it"
        )
    found = review(folder, number)
    write_text(table, review_rows(found))
    write_text(records, review_records(found))
    drawn, missing = review_sheet(found, images)
    write_bytes(picture, [jpeg(drawn)])
    stamp(files)
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        echo(
            f"not in the picture, because they cannot be read: {printable(', '.join(missing[:3]))}"
            f"{more}; --images says where the photographs are now",
            err=True,
        )
    counts = found.counts
    echo(
        f"{counted(sum(counts.values()), found.unit)}: {counts['failed']} failed,"
        f" {counts['flagged']} flagged; the {len(found.worst)} to check first are in {table},"
        f" {records.name} and {picture}"
    )
    if len(found.worst) > MOST:
        echo(f"the picture shows the first {MOST} of them")
    if found.suspicious > len(found.worst):
        echo(f"-n {found.suspicious} lists all that failed or are flagged")
