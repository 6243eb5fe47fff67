"""Where this beetle-lm was installed from, and the command that installs it from there again.

A name on an index is of no use to those who have a checkout or a file of a wheel; pip writes down
which of these it was (PEP 610).
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
"""The index that has PyTorch for Linux without the libraries of CUDA, some 2 GB."""

_NAME = "beetle-lm"


def install(*extras: str, options: str = "") -> str:
    """The command that installs beetle-lm again, with these extras.

    Where the folder or file is gone that it came from, the command installs what the extras
    require.

    Args:
        extras: names such as ``train``.
        options: further options of pip.
    """
    found = _distribution()
    # The plain PyTorch is for NVIDIA's cards, whose driver brings this program.
    if "train" in extras and sys.platform == "linux" and shutil.which("nvidia-smi") is None:
        options = f"{options} --extra-index-url {CPU_INDEX}"
    words = [_installer(found), *options.split(), *_from_origin(found, extras)]
    return " ".join(words)


def _distribution() -> Distribution | None:
    try:
        return distribution(_NAME)
    except PackageNotFoundError:  # run from a folder in the path
        return None


def _installer(found: Distribution | None) -> str:
    environment = Path(sys.prefix)
    if (environment / "pipx_metadata.json").exists():
        return f"pipx runpip {_NAME} install"
    if (environment / "uv-receipt.toml").exists():
        return f"uv pip install --python {_quoted(sys.prefix)}"
    by_uv = found is not None and (found.read_text("INSTALLER") or "").strip() == "uv"
    return "uv pip install" if by_uv else "pip install"


def _from_origin(found: Distribution | None, extras: tuple[str, ...]) -> list[str]:
    wanted = f"[{','.join(extras)}]" if extras else ""
    origin = _direct_url(found)
    if origin is None:
        return [_quoted(f"{_NAME}{wanted}")]
    url = str(origin.get("url", ""))
    if "vcs_info" in origin:
        vcs = origin["vcs_info"]
        revision = vcs.get("requested_revision") or vcs.get("commit_id")
        return [_quoted(f"{_NAME}{wanted} @ {vcs.get('vcs')}+{url}@{revision}")]
    if (parts := urlsplit(url)).scheme != "file":
        return [_quoted(f"{_NAME}{wanted} @ {url}")]
    path = Path(url2pathname(parts.path))
    if not path.exists():
        return [_quoted(each) for each in _required(found, extras)] or [_quoted(_NAME)]
    editable = ["-e"] if origin.get("dir_info", {}).get("editable") else []
    return [*editable, _quoted(f"{path}{wanted}")]


def _direct_url(found: Distribution | None) -> Mapping[str, Any] | None:
    """What PEP 610 has pip write of an installation that came from no index."""
    text = found and found.read_text("direct_url.json")
    return json.loads(text) if text else None


def _required(found: Distribution | None, extras: tuple[str, ...]) -> list[str]:
    requirements = [each.partition(";") for each in (found and found.requires) or ()]
    return [
        name.strip()
        for name, _, marker in requirements
        if any(re.search(rf"extra == ['\"]{re.escape(each)}['\"]", marker) for each in extras)
    ]


def _quoted(text: str) -> str:
    """One word for the shells of Windows and of other systems."""
    if sys.platform != "win32":
        text = re.sub(r'([$`"\\])', r"\\\1", text)
    return f'"{text}"'
