"""The lock that keeps two runs out of one folder."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from beetle_lm.errors import Hint
from beetle_lm.predict.batch.lock import LOCK, FolderLock, HeldError

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")


def test_only_one_holds_a_folder_and_nothing_is_left_of_it(tmp_path: Path) -> None:
    for _ in range(2):
        with FolderLock(tmp_path):
            with pytest.raises(HeldError, match="another run is writing into") as refused:
                FolderLock(tmp_path).__enter__()
            assert str(tmp_path) in str(refused.value)
            assert refused.value.hint is Hint.RUN_IN_PROGRESS
        assert list(tmp_path.iterdir()) == []


def test_a_left_over_file_locks_nothing(tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text("12345\n", encoding="utf-8")
    with FolderLock(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


@posix
@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP])
def test_where_there_are_no_locks_a_run_is_warned_and_goes_on(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    number: int,
) -> None:
    import fcntl

    def refuse(*_: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with FolderLock(tmp_path):
        assert f"the file system of {tmp_path} has no locks" in caplog.text
    assert list(tmp_path.iterdir()) == []


@posix
def test_another_error_of_the_disk_stops_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    def refuse(*_: Any) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        FolderLock(tmp_path).__enter__()
    with pytest.raises(OSError):
        FolderLock(tmp_path / "nowhere").__enter__()


@posix
def test_many_that_take_turns_never_hold_it_at_once(tmp_path: Path) -> None:
    import subprocess

    taking = (
        "import os, sys, time; from pathlib import Path\n"
        "from beetle_lm.predict.batch.lock import FolderLock, HeldError\n"
        "folder, done = Path(sys.argv[1]), 0\n"
        "while done < 40:\n"
        "    try:\n"
        "        with FolderLock(folder):\n"
        "            os.close(os.open(folder / 'held', os.O_CREAT | os.O_EXCL))\n"
        "            os.unlink(folder / 'held')\n"
        "            done += 1\n"
        "    except HeldError:\n"
        "        pass\n"
    )
    call = [sys.executable, "-c", taking, str(tmp_path)]
    processes = [subprocess.Popen(call, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    said = [process.communicate(timeout=120)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], said
    assert list(tmp_path.iterdir()) == []
