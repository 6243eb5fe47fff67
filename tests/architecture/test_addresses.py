"""Addresses of the project lead to what is here, those of the README on an index, too."""

from __future__ import annotations

import re
import tomllib
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

import beetle_lm
from beetle_lm.citation import ADDRESS, PAPER

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SOURCE, SITE = PROJECT["urls"]["Source"], PROJECT["urls"]["Documentation"]
FILES = f"{SOURCE}/blob/main/"
IN_BROWSER = f"{SITE}try/"  # which .github/workflows/pages.yml puts there
RAW = f"{SOURCE.replace('github.com', 'raw.githubusercontent.com')}/main/"
TARGET = re.compile(r"\]\(([^)\s]+)\)")


def targets(path: Path) -> list[str]:
    """What a page links to; the README as an index shows it."""
    text = path.read_text(encoding="utf-8")
    return TARGET.findall(for_index(text) if path == ROOT / "README.md" else text)


def for_index(readme: str) -> str:
    spec = spec_from_file_location("readme_for_index", ROOT / ".github" / "readme_for_index.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return str(module.absolute(readme))


def of_site(address: str) -> list[Path]:
    """The pages that an address of the site may stand for."""
    name = address.removeprefix(SITE).strip("/") or "index"
    return [ROOT / "docs" / f"{name}.md", ROOT / "docs" / name / "README.md"]


def anchors(path: Path) -> set[str]:
    """Those of a page's headings, as GitHub and the site make them of simple ones."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_works_where_the_repository_lies_and_on_an_index() -> None:
    own = TARGET.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    files = [target.partition("#")[0] for target in own if not target.startswith(("https://", "#"))]
    assert len(files) > 20
    assert [file for file in files if not (ROOT / file).exists()] == []
    on_index = targets(ROOT / "README.md")
    assert [target for target in on_index if not target.startswith(("https://", "#"))] == []


@pytest.mark.parametrize(
    "page",
    [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))],
    ids=lambda page: page.relative_to(ROOT).as_posix(),
)
def test_addresses_of_the_project_lead_to_what_is_here(page: Path) -> None:
    for target in targets(page):
        address, _, anchor = target.partition("#")
        if address == IN_BROWSER:
            continue
        if address.startswith(SITE):
            there = [path for path in of_site(address) if path.exists()]
            assert there, target
        elif address.startswith((FILES, RAW)):
            there = [ROOT / address.removeprefix(FILES).removeprefix(RAW)]
            assert there[0].exists(), target
        else:
            continue
        assert not anchor or anchor in anchors(there[0]), target


def test_other_files_name_the_same_addresses() -> None:
    recipe = (ROOT / "conda" / "recipe.yaml").read_text(encoding="utf-8")
    site = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]
    assert f"\n  repository: {SOURCE}\n" in recipe and f"\n  documentation: {SITE}\n" in recipe
    assert (site["site_url"], site["repo_url"]) == (SITE, SOURCE)


def test_the_citation_names_the_version_and_the_authors() -> None:
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {beetle_lm.__version__}\n" in citation
    [author] = PROJECT["authors"]
    assert author["name"] in citation
    assert ADDRESS == SOURCE
    title = re.search(r'^  title: "(.*)"$', citation, re.MULTILINE)
    families = re.findall(r'family-names: "(.*)"', citation)
    assert title is not None and title[1] in PAPER
    assert len(families) == 4 and all(name in PAPER for name in families)
