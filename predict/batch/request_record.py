"""What a run was asked for, kept beside what it has done, so that others can write its results."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from beetle_lm.predict.batch.options import Options
from beetle_lm.predict.batch.plan import Plan
from beetle_lm.predict.images.find import folder_of
from beetle_lm.predict.scales.sources import scale_source


def record_of(plan: Plan) -> dict[str, Any]:
    """What a plan asks for, as JSON values: all but the names of the photographs."""
    options, scale = plan.options, plan.options.scale
    return {
        "command": list(plan.command),
        "directory": str(Path.cwd()),
        "shards": None if plan.shard is None else plan.shard.of,
        "together": plan.together is not None,
        "finder": None if plan.finder is None else os.path.abspath(plan.finder),
        "search": plan.search,
        "options": {
            **asdict(replace(options, scale=None)),
            "scale": None if scale is None else scale.record,
        },
        "tasks": [
            {
                "part": task.part,
                "file": os.path.abspath(task.file),
                "folder": None if task.folder == plan.output else task.folder.name,
                "photographs": str(task.images[0].folder),
                "reference": None
                if task.reference is None
                else os.path.abspath(task.reference.path),
                "measures": task.measures,
            }
            for task in plan.tasks
        ],
    }


@dataclass(frozen=True)
class Wanted:
    """One part of a run, as `record_of` keeps it.

    Args:
        part: its name.
        file: what its landmarks come from.
        folder: where its results go.
        photographs: the folder that the names of the photographs are below, or its address.
        reference: the file of manual landmarks to compare with.
        measures: the part names measurements.
    """

    part: str
    file: Path
    folder: Path
    photographs: Path | str
    reference: Path | None
    measures: bool


@dataclass(frozen=True)
class Requested:
    """What a run was asked for, as `record_of` keeps it.

    Args:
        command: how the user asked for it.
        directory: where.
        shards: among how many workers it was shared when it was begun; None for no sharing.
        together: the folder that holds the folders of several parts; None for one part.
        options: how photographs are predicted and what is written.
        tasks: one for each part.
    """

    command: tuple[str, ...]
    directory: Path
    shards: int | None
    together: Path | None
    options: Options
    tasks: tuple[Wanted, ...]

    @classmethod
    def of(cls, record: dict[str, Any], folder: Path) -> Self:
        """Reads what `record_of` gave.

        Args:
            record: as JSON values.
            folder: of all results.

        Raises:
            KeyError, TypeError, ValueError: an entry is missing or of a wrong kind.
            LandmarkFileError: the table of scales is not there, or has changed.
            RequestError: the record of the scales is damaged.
        """
        directory, options = Path(record["directory"]), dict(record["options"])
        scale = options["scale"]
        options["scale"] = None if scale is None else scale_source(scale, directory)
        options["formats"] = tuple(options["formats"])
        tasks = [
            Wanted(
                str(task["part"]),
                Path(task["file"]),
                folder if task["folder"] is None else folder / task["folder"],
                folder_of(task["photographs"]),
                None if task["reference"] is None else Path(task["reference"]),
                bool(task["measures"]),
            )
            for task in record["tasks"]
        ]
        shards = record["shards"]
        return cls(
            tuple(map(str, record["command"])),
            directory,
            None if shards is None else int(shards),
            folder if record["together"] else None,
            Options(**options),
            tuple(tasks),
        )
