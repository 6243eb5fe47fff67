"""Landmarks in files that are no text: ImageJ's selections, DeepLabCut's HDF5, SLEAP's projects.

They are written by the library of the program, or by what it writes them with: the files in
`written_by_pandas` by pandas' `to_hdf`, as DeepLabCut calls it for its labels and its predictions.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kinds import Command
from PIL import Image

from beetle_lm.errors import LandmarkFileError, MissingExtraError
from beetle_lm.predict.formats.read import read_records

WRITTEN = Path(__file__).parent / "written_by_pandas"
NAN = float("nan")
A, B = [[10.5, 20.25], [12.0, 70.0]], [[NAN, NAN], [7.0, 8.0]]
FOLDER = "labeled-data/wings"


def told(path: Path) -> list[tuple[str, list[list[float]]]]:
    return [(record.name, record.points.tolist()) for record in read_records(path)]


def same(
    found: list[tuple[str, list[list[float]]]], *wanted: tuple[str, list[list[float]]]
) -> None:
    assert [name for name, _ in found] == [name for name, _ in wanted]
    for (_, xy), (_, true) in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(xy, true)


@pytest.fixture
def h5py() -> Any:
    return pytest.importorskip("h5py", reason="the extra deeplabcut is not installed")


@pytest.fixture
def roifile() -> Any:
    return pytest.importorskip("roifile", reason="the extra imagej is not installed")


@pytest.fixture
def sleap_io() -> Any:
    return pytest.importorskip("sleap_io", reason="the extra sleap is not installed")


def test_labels_of_deeplabcut(h5py: Any) -> None:
    found = read_records(WRITTEN / "collected.h5")
    same(told(WRITTEN / "collected.h5"), (f"{FOLDER}/a.jpg", A), (f"{FOLDER}/b.jpg", B))
    assert {record.names for record in found} == {("tip", "base")}
    assert [record.score for record in found] == [None, None]


def test_predictions_of_deeplabcut(h5py: Any) -> None:
    """They are in the other layout of pandas, whose headings are pickled."""
    first, second = read_records(WRITTEN / "predicted.h5")
    assert (first.name, first.points.tolist()) == ("a.jpg", A)
    assert second.score is not None and second.score.tolist() == [0.1, 0.7]


def test_several_individuals_are_several_specimens(h5py: Any, tmp_path: Path) -> None:
    wanted = [
        (f"{FOLDER}/a.jpg", A),
        (f"{FOLDER}/a.jpg", [[1.0, 2.0], [3.0, 4.0]]),
        (f"{FOLDER}/b.jpg", [[5.0, 6.0], [7.0, 8.0]]),
    ]
    same(told(WRITTEN / "several.h5"), *wanted)
    table = tmp_path / "a.csv"
    table.write_text(
        "scorer,,,me,me,me,me,me,me,me,me\nindividuals,,,one,one,one,one,two,two,two,two\n"
        "bodyparts,,,tip,tip,base,base,tip,tip,base,base\ncoords,,,x,y,x,y,x,y,x,y\n"
        "labeled-data,wings,a.jpg,10.5,20.25,12,70,1,2,3,4\n"
        "labeled-data,wings,b.jpg,,,,,5,6,7,8\n"
    )
    same(told(table), *wanted)
    table.write_text(table.read_text().replace("tip,tip,base,base\n", "tip,tip,eye,eye\n"))
    with pytest.raises(LandmarkFileError, match="'one' and 'two' have different body parts"):
        read_records(table)


def test_pickles_are_not_run(h5py: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    path.write_bytes((WRITTEN / "predicted.h5").read_bytes())
    with h5py.File(path, "r+") as file:
        file["df_with_missing/table"].attrs["values_block_0_kind"] = np.bytes_(b"cos\ngetcwd\n(tR.")
    with pytest.raises(LandmarkFileError, match="is damaged, or no HDF5"):
        read_records(path)


def test_other_hdf5_is_refused(h5py: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["tracks"] = [1.0]
    with pytest.raises(LandmarkFileError, match="is HDF5, but of none of these"):
        read_records(path)
    whole = (WRITTEN / "collected.h5").read_bytes()
    for length in (0, 4, 9, 1000, len(whole) // 2):
        path.write_bytes(whole[:length])
        with pytest.raises(LandmarkFileError, match=r"is none of these|is damaged"):
            read_records(path)


def points(roifile: Any, xy: list[list[float]], name: str | None = None) -> Any:
    roi = roifile.ImagejRoi.frompoints(np.array(xy, np.float32), name=name)
    roi.roitype = roifile.ROI_TYPE.POINT
    return roi


def test_a_selection_of_several_points(roifile: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.roi"
    points(roifile, A).tofile(path)
    same(told(path), ("a", A))
    whole = points(roifile, [[10, 20], [12, 70]])
    whole.options &= ~roifile.ROI_OPTIONS.SUB_PIXEL_RESOLUTION
    whole.tofile(path)
    same(told(path), ("a", [[10, 20], [12, 70]]))
    points(roifile, A).tofile(tmp_path / "b.roi")
    same(told(tmp_path), ("a", [[10, 20], [12, 70]]), ("b", A))


def test_single_points_of_the_roi_manager(roifile: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    for name, xy in zip(("tip", "base"), A, strict=True):
        points(roifile, [xy], name).tofile(path)
    [record] = read_records(path)
    assert (record.name, record.names, record.points.tolist()) == ("a", ("tip", "base"), A)
    path.unlink()
    for name, xy in zip(("0020-0010", "0070-0012"), A, strict=True):  # as ImageJ calls them
        points(roifile, [xy], name).tofile(path)
    [record] = read_records(path)
    assert (record.names, record.points.tolist()) == (None, A)


def test_several_selections_are_several_specimens(
    roifile: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "set.zip"
    points(roifile, A, "a.jpg").tofile(path)
    points(roifile, [[1, 2], [3, 4]], "b.jpg").tofile(path)
    outline = roifile.ImagejRoi.frompoints(np.array([[0, 0], [9, 0], [9, 9]], np.float32))
    outline.tofile(path)
    same(told(path), ("a.jpg", A), ("b.jpg", [[1, 2], [3, 4]]))
    assert "1 selection that is no points left out" in caplog.text
    points(roifile, [[1, 2]], "c").tofile(path)
    with pytest.raises(LandmarkFileError, match="single points beside selections of several"):
        read_records(path)


def test_damaged_selections(roifile: Any, tmp_path: Path) -> None:
    points(roifile, A).tofile(tmp_path / "a.roi")
    content = (tmp_path / "a.roi").read_bytes()
    path = tmp_path / "b.roi"
    for length in (0, 4, 40, 70):
        path.write_bytes(content[:length])
        with pytest.raises(LandmarkFileError, match=r"is none of these|is damaged"):
            read_records(path)
    archive = tmp_path / "c.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.roi", bytes(20 << 20))
    with pytest.raises(LandmarkFileError, match="more than selections of points can"):
        read_records(archive)
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.txt", "")
    with pytest.raises(LandmarkFileError, match=r"archive without selections"):
        read_records(archive)
    archive.write_bytes(archive.read_bytes()[:30])
    with pytest.raises(LandmarkFileError, match="is a damaged archive"):
        read_records(archive)


def project(sleap_io: Any, folder: Path) -> Path:
    for name in ("a.jpg", "b.jpg"):
        Image.new("L", (100, 80)).save(folder / name)
    skeleton = sleap_io.Skeleton(["tip", "base"])
    video = sleap_io.Video.from_filename([str(folder / "a.jpg"), str(folder / "b.jpg")])
    frames = [
        sleap_io.LabeledFrame(
            video=video,
            frame_idx=number,
            instances=[sleap_io.Instance.from_numpy(np.array(xy), skeleton=skeleton)],
        )
        for number, xy in enumerate((A, B))
    ]
    path = folder / "labels.slp"
    sleap_io.save_slp(sleap_io.Labels(frames), str(path))
    return path


def test_a_project_of_sleap(sleap_io: Any, tmp_path: Path) -> None:
    path = project(sleap_io, tmp_path)
    first, second = read_records(path)
    assert [Path(record.name).name for record in (first, second)] == ["a.jpg", "b.jpg"]
    assert first.names == ("tip", "base")
    np.testing.assert_array_equal([first.points, second.points], [A, B])
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(LandmarkFileError, match="is damaged"):
        read_records(path)


def test_predictions_of_sleap_have_scores(sleap_io: Any, tmp_path: Path) -> None:
    Image.new("L", (100, 80)).save(tmp_path / "a.jpg")
    instance = sleap_io.PredictedInstance.from_numpy(
        np.array(A), point_scores=np.array([0.5, 0.25]), skeleton=sleap_io.Skeleton(["tip", "base"])
    )
    video = sleap_io.Video.from_filename(str(tmp_path / "a.jpg"))
    frame = sleap_io.LabeledFrame(video=video, frame_idx=0, instances=[instance])
    sleap_io.save_slp(sleap_io.Labels([frame]), str(tmp_path / "a.slp"))
    [record] = read_records(tmp_path / "a.slp")
    assert Path(record.name).name == "a.jpg" and record.points.tolist() == A
    assert record.score is not None and record.score.tolist() == [0.5, 0.25]


@pytest.mark.parametrize(
    ("name", "library", "extra"),
    [("a.slp", "h5py", "sleap"), ("a.h5", "h5py", "deeplabcut"), ("a.roi", "roifile", "imagej")],
)
def test_a_library_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, library: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    path = tmp_path / name
    path.write_bytes((b"Iout" if extra == "imagej" else b"\x89HDF\r\n\x1a\n") + bytes(100))
    with pytest.raises(MissingExtraError, match=rf'pip install "beetle-lm\[{extra}\]"'):
        read_records(path)


def test_a_command_takes_them(h5py: Any, tmp_path: Path, command: Command) -> None:
    done = command("convert", WRITTEN / "collected.h5", tmp_path / "a.csv", "--to", "tidy")
    assert done.code == 0, done.err
    assert f"{FOLDER}/a.jpg,1,tip,10.50000,20.25000,," in (tmp_path / "a.csv").read_text()
