"""What is predicted with which model, and where its results go: settled before anything runs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from beetle_lm.errors import ImageError, ModelError, RequestError
from beetle_lm.predict.batch.image_list import photographs_at, photographs_of
from beetle_lm.predict.batch.mirror import Mirror
from beetle_lm.predict.batch.options import Options
from beetle_lm.predict.batch.reference import Reference
from beetle_lm.predict.batch.result_files import is_unfinished
from beetle_lm.predict.batch.shard import Shard
from beetle_lm.predict.batch.staging import refuse_unless_free
from beetle_lm.predict.formats import parquet
from beetle_lm.predict.images.earlier import EarlierResults, read_run
from beetle_lm.predict.images.find import is_file, is_folder
from beetle_lm.predict.images.kinds import extensions
from beetle_lm.predict.images.pages import each_page
from beetle_lm.predict.images.read import ImageFile, find_images
from beetle_lm.predict.images.stores import is_address
from beetle_lm.predict.views.finding import window_of
from beetle_lm.text import file_name
from beetle_lm.zoo.model_file.onnx import read_card
from beetle_lm.zoo.model_file.parts import PartSpec
from beetle_lm.zoo.registry import known_names, named_model

_NAMED = 5

_log = logging.getLogger("beetle_lm")


@dataclass(frozen=True, eq=False)
class Task:
    """Photographs of one part, what their landmarks come from and the folder of their results.

    Args:
        part: the part's name.
        file: what the landmarks come from: a model file, or the landmark file of templates.
        images: the photographs, one at least.
        folder: where the results go; it holds none, or they may be replaced.
        reference: manual landmarks to compare with, which fit the part.
        measures: the part names measurements.
        curved: the part has curves.
    """

    part: str
    file: Path
    images: Sequence[ImageFile]
    folder: Path
    reference: Reference | None
    measures: bool = False
    curved: bool = False


@dataclass(frozen=True, eq=False)
class Plan:
    """All that one run predicts: data, which stays as it is however often it is run.

    Args:
        tasks: one for each part.
        options: how photographs are predicted and what is written.
        together: the folder that holds the folders of several parts; None where one part was asked
            for.
        overwrite: earlier results may be replaced, and an unfinished run may be dropped.
        resume: an unfinished run is resumed, if there is one.
        finder: the file of the model that finds the parts on whole specimens, which are read once
            for all parts; None where each photograph shows its part.
        search: each model searches the photographs for its part.
        shard: the share of it that is computed here; None for all of it.
        command: how the user asked for it, to be told again.
        mirror: of the folder of results, where it stands for one of a store.
    """

    tasks: tuple[Task, ...]
    options: Options
    together: Path | None = None
    overwrite: bool = False
    resume: bool = False
    finder: Path | None = None
    search: bool = False
    shard: Shard | None = None
    command: tuple[str, ...] = ()
    mirror: Mirror | None = None

    def told(self, path: Path) -> str:
        """What a path in the folder of all results is called, which may stand for an address."""
        return str(path) if self.mirror is None else self.mirror.told(path)

    def takes(self, partition: int) -> bool:
        """Whether the partition of a number is computed here."""
        return self.shard is None or self.shard.takes(partition)

    @property
    def groups(self) -> list[tuple[Task, ...]]:
        """The tasks whose photographs are gone through at once."""
        return [self.tasks] if self.finder is not None else [(task,) for task in self.tasks]

    @property
    def output(self) -> Path:
        """The folder of all results."""
        return self.tasks[0].folder if self.together is None else self.together


@dataclass(frozen=True)
class Request:
    """What is to be predicted, and where the results go.

    Args:
        inputs: files, folders, or glob patterns; or one address of a store.
        output: folder of the results; None for one named by the part.
        recursive: also look into sub-folders for photographs.
        reference: manual landmarks, in the frame of the written coordinates; for several parts a
            folder of theirs.
        overwrite: earlier results may be replaced, and an unfinished run may be dropped.
        resume: an unfinished run is resumed, if there is one.
        shard: the share that is computed here; None for all of it.
        command: how the user asked for it, to be told again.
        listed: a file that names the photographs, below the one input where there is one.
        mirror: of the folder of results, where it stands for one of a store.
    """

    inputs: Sequence[str]
    output: Path | None = None
    recursive: bool = False
    reference: Path | None = None
    overwrite: bool = False
    resume: bool = False
    shard: Shard | None = None
    command: tuple[str, ...] = ()
    listed: Path | None = None
    mirror: Mirror | None = None

    def photographs(self, options: Options) -> Sequence[ImageFile]:
        """The photographs that are meant; those of lists and stores are in no memory.

        Raises:
            ImageError: there are none.
            RequestError: inputs do not fit together.
            StoreError: a store does not answer, or lets nobody in.
        """
        addresses = [text for text in self.inputs if is_address(text)]
        if options.pages == "all" and (addresses or self.listed is not None):
            raise RequestError(
                "pages of all files cannot be told apart where photographs are given by a list or"
                " an address: only the first of each file can be read there"
            )
        if self.listed is not None:
            if len(self.inputs) > 1:
                raise RequestError("a list of photographs goes with one folder or address at most")
            return photographs_of(self.listed, self.inputs[0] if self.inputs else None)
        if addresses:
            if len(self.inputs) > 1:
                raise RequestError(
                    "an address is given alone: others go into a list of photographs"
                )
            return photographs_at(addresses[0], self.recursive)
        found = find_images(self.inputs, self.recursive)
        return tuple(each_page(found) if options.pages == "all" else found)

    @property
    def resumes(self) -> bool:
        """Whether what is there of an unfinished run is gone on with."""
        return self.resume or self.shard is not None

    def refuse_unless_free(self, folder: Path) -> None:
        """Makes sure that results may go into a folder.

        Raises:
            OutputError: see `staging.refuse_unless_free`.
        """
        refuse_unless_free(folder, self.overwrite, self.resumes, shared=self.shard is not None)

    def plan(
        self,
        tasks: tuple[Task, ...],
        options: Options,
        together: Path | None = None,
        finder: Path | None = None,
        *,
        search: bool = False,
    ) -> Plan:
        """The plan of what was found to be asked for; see `Plan` for the arguments.

        Raises:
            MissingExtraError: Parquet is asked for, and pyarrow is not installed.
        """
        if "parquet" in options.formats:
            parquet.check_installed()
        return Plan(
            tasks,
            options,
            together,
            self.overwrite,
            self.resume,
            finder,
            search,
            self.shard,
            self.command,
            self.mirror,
        )


def plan_one(
    request: Request,
    model: Path,
    part: str | None = None,
    options: Options | None = None,
    *,
    search: bool = False,
) -> Plan:
    """Everything that was given is predicted with one model.

    Args:
        request: what the user asks for.
        model: the model's file.
        part: what the model was called; None for the name in its card.
        options: how photographs are predicted and what is written; the defaults where not given.
        search: the model searches the photographs for its part.

    Raises:
        ModelError: the file is no model.
        ImageError: there are no photographs.
        OutputError: there are results already.
        LandmarkFileError: the manual landmarks cannot be read.
        LandmarkError: they do not fit the photographs or the model.
    """
    options = options or Options()
    images = request.photographs(options)
    if request.output is not None:  # told before the model is read
        request.refuse_unless_free(request.output)
    spec = _part_of(model)
    name = part or spec.name
    folder = request.output or Path(f"beetle-lm-{file_name(name)}")
    request.refuse_unless_free(folder)
    reference = _reference(request.reference, images, options, partial(_part_of, model))
    measures, curved = bool(spec.measurements), bool(spec.curves)
    task = Task(name, model, images, folder, reference, measures, curved)
    return request.plan((task,), options, search=search)


def plan_found(
    request: Request,
    finder: Path,
    models: Mapping[str, Path],
    options: Options | None = None,
) -> Plan:
    """Parts are found on photographs of whole specimens, and predicted each with its model.

    Args:
        request: what the user asks for; the manual landmarks of several parts are
            ``REFERENCE/PART/landmarks.tps``.
        finder: the file of the model of whole specimens.
        models: the models' files by the names of the parts, one at least.
        options: how photographs are predicted and what is written; the defaults where not given.

    Raises:
        RequestError: the finder does not know a part, the results of two parts would go to one
            folder, or the manual landmarks of several parts are not given as a folder.
        And all that `plan_one` raises.
    """
    options = options or Options()
    images = request.photographs(options)
    parts = list(models)
    together = None
    if len(parts) > 1:
        together = request.output or Path("beetle-lm-parts")
        folders = {part: together / file_name(part) for part in parts}
        _refuse_one_folder(folders)
        references = _references(parts, request.reference)
    else:
        folders = {parts[0]: request.output or Path(f"beetle-lm-{file_name(parts[0])}")}
        references = {} if request.reference is None else {parts[0]: request.reference}
    output = together or folders[parts[0]]
    request.refuse_unless_free(output)
    goes_on = request.resumes and is_unfinished(output)
    whole = read_card(finder)
    tasks = []
    for part, model in models.items():
        spec, folder = _part_of(model), folders[part]
        window_of(spec.name, whole)
        if not goes_on:
            refuse_unless_free(folder, request.overwrite, shared=request.shard is not None)
        reference = _reference(references.get(part), images, options, partial(_part_of, model))
        measures, curved = bool(spec.measurements), bool(spec.curves)
        tasks.append(Task(part, model, images, folder, reference, measures, curved))
    return request.plan(tuple(tasks), options, together, finder=finder)


def plan_parts(request: Request, zoo: str | None, options: Options | None = None) -> Plan | None:
    """Each sub-folder that is named after a part is predicted with the model of that part.

    The photographs of a part are those in ``FOLDER/PART/images``, where there is such a folder, or
    else in ``FOLDER/PART``; their manual landmarks are ``REFERENCE/PART/landmarks.tps``.

    Args:
        request: what the user asks for.
        zoo: the organisation's registry, whose names are parts too; BEETLE_LM_ZOO where not given.
        options: how photographs are predicted and what is written; the defaults where not given.

    Returns:
        None where not one folder was given, or one without such sub-folders.

    Raises:
        ModelError: a part has no model at hand.
        RequestError: the manual landmarks are not given as a folder.
        And all that `plan_one` raises.
    """
    options = options or Options()
    if (
        len(request.inputs) != 1
        or request.listed is not None
        or not is_folder(Path(request.inputs[0]))
    ):
        return None
    root = Path(request.inputs[0])
    try:
        found = sorted(path for path in root.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise ImageError(f"{root} cannot be searched: {error.strerror}") from error
    known = known_names(zoo)
    folders = [path for path in found if is_folder(path) and path.name in known]
    if not folders:
        return None
    references = _references([path.name for path in folders], request.reference)
    together = request.output or Path("beetle-lm-parts")
    request.refuse_unless_free(together)
    goes_on = request.resumes and is_unfinished(together)
    models = {path.name: _model_of(path, zoo) for path in folders}
    tasks = []
    for path in folders:
        inside = path / "images"
        given = [str(inside if is_folder(inside) else path)]
        images = replace(request, inputs=given).photographs(options)
        folder, model = together / path.name, models[path.name]
        if not goes_on:  # or else the parts before the interrupted one are there already
            refuse_unless_free(folder, request.overwrite, shared=request.shard is not None)
        manual = references.get(path.name)
        reference = _reference(manual, images, options, partial(_part_of, model))
        part = _part_of(model)
        measures, curved = bool(part.measurements), bool(part.curves)
        tasks.append(Task(path.name, model, images, folder, reference, measures, curved))
    _tell_passed_over(root, [path for path in found if path not in folders])
    return request.plan(tuple(tasks), options, together)


def plan_transfer(
    request: Request, landmarks: Path, spec: PartSpec, options: Options | None = None
) -> Plan:
    """Everything that was given gets its landmarks from templates.

    Args:
        request: what the user asks for.
        landmarks: the landmark file of the templates.
        spec: their part.
        options: how photographs are treated and what is written; the defaults where not given.

    Raises:
        ImageError: there are no photographs.
        OutputError: there are results already.
        LandmarkFileError: the manual landmarks cannot be read.
        LandmarkError: they do not fit the photographs or the part.
    """
    options = options or Options()
    images = request.photographs(options)
    folder = request.output or Path("beetle-lm-transfer")
    request.refuse_unless_free(folder)
    reference = _reference(request.reference, images, options, lambda: spec)
    task = Task(spec.name, landmarks, images, folder, reference, bool(spec.measurements))
    return request.plan((task,), options)


def _refuse_one_folder(folders: Mapping[str, Path]) -> None:
    """Two names of a laboratory's registry may give one name of a folder, or differ in case."""
    parts: dict[str, str] = {}
    for part, folder in folders.items():
        first = parts.setdefault(folder.name.casefold(), part)
        if first != part:
            raise RequestError(
                f"{first} and {part} cannot be predicted together: the results of both would go to"
                f" {folder}"
            )


def _reference(
    manual: Path | None,
    images: Sequence[ImageFile],
    options: Options,
    spec: Callable[[], PartSpec],
) -> Reference | None:
    if manual is None:
        return None
    return Reference.read(manual, images, options.exif, many=options.many).of_part(spec())


def _part_of(model: Path) -> PartSpec:
    return read_card(model).spec


def _model_of(folder: Path, zoo: str | None) -> Path:
    try:
        return named_model(folder.name, zoo)
    except ModelError as error:
        raise ModelError(f"nothing was predicted, for want of a model for {folder}: {error}") from (
            error
        )


def _references(parts: Sequence[str], folder: Path | None) -> dict[str, Path]:
    if folder is None:
        return {}
    if not is_folder(folder):
        raise RequestError(
            "the manual landmarks of several parts must be given as a folder, with"
            f" {parts[0]}/landmarks.tps and so on in it; {folder} is none"
        )
    files = {part: folder / part / "landmarks.tps" for part in parts}
    missing = [part for part, file in files.items() if not is_file(file)]
    if len(missing) == len(parts):
        raise RequestError(
            f"the folder of manual landmarks, {folder}, has no {parts[0]}/landmarks.tps or the like"
            " in it"
        )
    for part in missing:
        _log.warning("%s is not there: %s is not compared", files.pop(part), part)
    return files


def _tell_passed_over(root: Path, rest: Sequence[Path]) -> None:
    """A folder whose name was misspelt must not be missed in silence."""
    earlier = EarlierResults()
    names = [
        path.name
        for path in rest
        if (is_folder(path) and read_run(path) is None)
        or (
            not is_folder(path)
            and path.suffix.lower() in extensions()
            and not earlier.is_picture(path)
        )
    ]
    if names:
        more = len(names) - _NAMED
        listed = ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
        _log.warning("passed over in %s, not named after a part: %s", root, listed)
