"""Gives the README absolute addresses, as the page of a package index needs them.

``python .github/readme_for_index.py`` rewrites README.md; the release does so before it builds. In
the repository its links are relative, so that they work wherever it lies.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s:]+)\)")


def absolute(text: str) -> str:
    """A README whose links and images have the addresses of the project."""
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]
    source, site = urls["Source"], urls["Documentation"]
    raw = f"{source.replace('github.com', 'raw.githubusercontent.com')}/main/"

    def address(link: re.Match[str]) -> str:
        image, shown, target = link.groups()
        path, _, anchor = target.partition("#")
        if not path:
            return link[0]
        if image:
            return f"![{shown}]({raw}{path})"
        page = re.fullmatch(r"docs/(.+?)(?:/README)?\.md", path)
        found = f"{site}{page[1]}/" if page else f"{source}/blob/main/{path}"
        return f"[{shown}]({found}{'#' if anchor else ''}{anchor})"

    return _LINK.sub(address, text)


if __name__ == "__main__":
    readme = ROOT / "README.md"
    readme.write_text(absolute(readme.read_text(encoding="utf-8")), encoding="utf-8")
