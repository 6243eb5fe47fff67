"""Two runs into one folder, and a user who works in it meanwhile: nothing is mixed or lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("onnxruntime")

from kinds import Command, Draw
from results import read_table
from stopped_runs import ROWS, UNFINISHED, files, stop_early, write_photos

from beetle_lm.errors import OutputError
from beetle_lm.predict.batch.journal import Journal
from beetle_lm.predict.batch.options import Options
from beetle_lm.predict.batch.plan import Request, Task, plan_one
from beetle_lm.predict.batch.progress import Observer
from beetle_lm.predict.batch.rows import result_of
from beetle_lm.predict.batch.runner import run_plan
from beetle_lm.predict.result import Result
from beetle_lm.zoo.model_file.parts import PartSpec


class Meanwhile(Observer):
    """Does something when so many photographs are done."""

    def __init__(self, after: int, do: Callable[[], object]) -> None:
        self.left, self.do = after, do

    def placed(self, task: Task, result: Result) -> None:
        self.left -= 1
        if not self.left:
            self.do()


def test_a_second_run_without_a_lock_is_noticed(
    command: Command, model: Path, draw: Draw, tmp_path: Path
) -> None:
    photos, out, whole = tmp_path / "photos", tmp_path / "out", tmp_path / "whole"
    write_photos(photos, draw, 12)
    call = ("predict", photos, "-m", model, "-b", "2", "-o")
    assert command(*call, whole).code == 0
    options = Options(batch_size=2)
    errors = []

    def second() -> None:
        (out / ".incomplete.lock").unlink()
        request = Request([str(photos)], out, resume=True)
        try:
            run_plan(plan_one(request, model, options=options), observer=Meanwhile(4, stop))
        except (OutputError, KeyboardInterrupt) as error:
            errors.append(error)

    def stop() -> None:
        raise KeyboardInterrupt

    first = plan_one(Request([str(photos)], out), model, options=options)
    with pytest.raises(OutputError, match="another run has written to"):
        run_plan(first, observer=Meanwhile(6, second))
    assert len(errors) == 1
    assert not (out / "specimens.csv").exists()
    assert command(*call, out, "--resume").code == 0
    assert files(out) == files(whole)


def rows_of(path: Path, names: list[str]) -> Journal:
    return Journal(path, 1, names)


def names_of(rows: Journal) -> list[str]:
    spec = PartSpec("dots", ("red", "green", "blue"))
    return [result_of(row, spec).name for row in rows.rows()]


def kept(path: Path, names: list[str]) -> list[str]:
    rows = rows_of(path, names)
    rows.close()
    return names_of(rows)


def failed(*names: str) -> list[Result]:
    return [Result(name, None, 1, None, "no image") for name in names]


def test_rows_travel_with_names(tmp_path: Path) -> None:
    names = ["a", "b", "c", "d"]
    rows = rows_of(tmp_path / "rows", names)
    with pytest.raises(ValueError, match="come next"):
        rows.append(failed("b"))
    rows.append(failed("a", "b"))
    rows.keep(1.0)
    other = rows_of(tmp_path / "rows", names)
    for _ in range(2):
        with pytest.raises(OutputError, match="another run has written"):
            rows.check()
    other.append(failed("c", "d"))
    other.keep(2.0)
    rows.append(failed("c", "d"))  # ends without a word: what is wrong was said
    rows.keep(2.0)
    assert names_of(other) == names
    assert names_of(rows) == ["a", "b"]
    rows.close()
    other.close()
    assert kept(tmp_path / "rows", names) == names


def test_rows_of_other_photographs_do_not_count(tmp_path: Path) -> None:
    rows = rows_of(tmp_path / "rows", ["a", "b"])
    for name in ("a", "b"):
        rows.append(failed(name))
        rows.keep(1.0)
    rows.close()
    twice = (tmp_path / "rows").read_bytes() * 2  # as two writers would leave it
    (tmp_path / "rows").write_bytes(twice)
    assert kept(tmp_path / "rows", ["a", "x"]) == ["a"]
    (tmp_path / "rows").write_bytes(twice)
    assert kept(tmp_path / "rows", ["a", "b"]) == ["a", "b"]


@pytest.mark.parametrize("name", ["landmarks.csv", "overlays/mine.jpg", "evaluation/a.txt"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_what_the_user_puts_into_the_folder_meanwhile_stays(
    command: Command,
    model: Path,
    photos: Path,
    manual: Path,
    tmp_path: Path,
    name: str,
    overwrite: bool,
) -> None:
    out = tmp_path / "out"
    call = ("predict", photos, "-m", model, "-b", "2", "--overlay", "--reference", manual)
    assert command(*call, "-o", tmp_path / "whole").code == 3
    if overwrite:
        assert command(*call, "-o", out).code == 3
    request = Request([str(photos)], out, reference=manual, overwrite=overwrite)
    plan = plan_one(request, model, options=Options(batch_size=2, overlay=True))

    def put() -> None:
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_text("mine", encoding="utf-8")

    with pytest.raises(OutputError, match="was put there, or changed, while the run"):
        run_plan(plan, observer=Meanwhile(5, put))
    assert (out / name).read_text(encoding="utf-8") == "mine"
    refused = command(*call, "-o", out, "--resume")
    assert refused.code == 1
    assert "is not replaced; move it away, and go on with --resume" in refused.err
    assert (out / name).read_text(encoding="utf-8") == "mine"
    (out / name).rename(tmp_path / "mine")
    assert command(*call, "-o", out, "--resume").code == 3
    assert files(out) == files(tmp_path / "whole")


def test_what_this_run_does_not_write_is_left_alone(
    model: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    plan = plan_one(Request([str(photos)], out), model)

    def put() -> None:
        (out / "overlays").mkdir()
        (out / "overlays" / "mine.jpg").touch()
        (out / "review.csv").touch()

    run_plan(plan, observer=Meanwhile(5, put))
    assert (out / "overlays" / "mine.jpg").exists() and (out / "review.csv").exists()
    assert len(read_table(out / "specimens.csv")) == 13


@pytest.mark.parametrize("name", ["job.json", "photographs.jsonl", "whole.json"])
@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"{}", b"[1]\n"])
def test_damaged_records_are_a_sentence(
    command: Command, model: Path, photos: Path, tmp_path: Path, name: str, content: bytes
) -> None:
    out = tmp_path / "out"
    stop_early(photos, model, out)
    (out / UNFINISHED / "part-1" / name).write_bytes(content)
    call = ("predict", photos, "-m", model, "-b", "2", "-o", out)
    done = command(*call, "--resume")
    assert done.code == 1
    assert name in done.err or "other photographs" in done.err
    assert "--overwrite" in done.err
    assert (out / ROWS).exists()
    assert command(*call, "--overwrite").code == 3


def test_a_damaged_record_of_earlier_results_is_a_sentence(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    call = ("predict", photos, "-m", model, "-b", "2", "-o", tmp_path / "out")
    command(*call)
    plan = plan_one(Request([str(photos)], tmp_path / "out", overwrite=True), model)
    record = tmp_path / "out" / UNFINISHED / "earlier.jsonl"
    with pytest.raises(OutputError, match=r"earlier\.jsonl is damaged"):
        run_plan(plan, observer=Meanwhile(5, lambda: record.write_bytes(b"\xff")))
    assert (tmp_path / "out" / "landmarks.csv").exists()


def test_a_run_json_of_another_program_is_never_overwritten(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for content in ('{"program": "counter"}', "no JSON", "[1]"):
        (out / "run.json").write_text(content, encoding="utf-8")
        done = command("predict", photos, "-m", model, "-o", out, "--overwrite")
        assert done.code == 1
        assert "run.json of another program, which is never overwritten; name another" in done.err
        assert (out / "run.json").read_text(encoding="utf-8") == content
