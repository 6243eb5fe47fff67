"""Only the page itself reaches the server, and only photographs of the list."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest
from pages import odd_photographs, served

from beetle_lm.web.project import annotation_project
from beetle_lm.zoo.model_file.parts import PartSpec

Asked = tuple[int, dict[str, str], bytes]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page for all attacks: none of them changes anything."""
    folder = tmp_path_factory.mktemp("attacked")
    photographs = odd_photographs(folder / "photographs")
    spec = PartSpec.numbered("dots", 3)
    with served(annotation_project([photographs], folder / "dots.tps", spec)) as given:
        yield given


def ask(
    address: str,
    path: str,
    method: str = "GET",
    body: object = None,
    **headers: str,
) -> Asked:
    """An answer of the server; headers are given with _ for -, and an empty one is left out."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if body is not None:
        given.setdefault("Content-Type", "application/json")
        given.setdefault("Origin", f"http://{parts.netloc}")
    content = None if body is None else body if isinstance(body, bytes) else json.dumps(body)
    connection.request(method, parts.path + path, content, {k: v for k, v in given.items() if v})
    answer = connection.getresponse()
    done = answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    connection.close()
    return done


def test_the_page_and_what_it_loads(address: str) -> None:
    for path, kind in (
        ("", "text/html"),
        ("app/main.js", "text/javascript"),
        ("app/style.css", ""),
    ):
        status, headers, content = ask(address, path)
        assert status == 200 and headers["content-type"].startswith(kind) and content
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_nothing_is_loaded_from_elsewhere() -> None:
    folder = Path(__file__).parents[2] / "web" / "app"
    for file in folder.iterdir():
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text and "https://" not in text and "//cdn" not in text


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "127.0.0.1"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["", "api/session", "photograph/0", "app/main.js"])
def test_other_pages_reach_nothing(address: str, path: str, headers: dict[str, str]) -> None:
    assert ask(address, path, **headers)[0] == 403


@pytest.mark.parametrize("token", ["", "x", "%2e%2e", "..", "../..", "%C3%A9"])
def test_nothing_without_the_token(address: str, token: str) -> None:
    parts = urlsplit(address)
    base = f"http://{parts.netloc}"
    for path in ("/", "/api/session", "/photograph/0", "/app/main.js"):
        asked = f"/{token}{path}".encode().decode("latin-1")
        status, _, content = ask(base, asked)
        assert status == 403 and b"token" in content


def test_the_token_is_long(address: str) -> None:
    assert len(urlsplit(address).path.strip("/")) >= 32


@pytest.mark.parametrize(
    "way", ["../", "..%2f", "%2e%2e/", "..\\", "/etc/passwd", "-1", "99", "1e3"]
)
def test_no_path_of_a_request_is_opened(address: str, way: str) -> None:
    for path in ("photograph/", "thumbnail/", "app/", "api/photographs/"):
        for asked in (f"{path}{way}", f"{path}{way}{way}pyproject.toml", f"{path}0/{way}"):
            status, _, content = ask(address, asked)
            assert status in (400, 403, 404), asked
            assert b"project" not in content and b"root:" not in content
    status, _, _ = ask(address, f"api/news?since={way}")
    assert status in (200, 400)  # a number, or none


def test_only_json_of_the_page_is_taken(address: str) -> None:
    good = {"revision": 0, "state": "excluded", "xy": None}
    path = "api/photographs/0"
    assert ask(address, path, "POST", good, Origin="")[0] == 403
    assert ask(address, path, "POST", good, Origin="https://evil.example")[0] == 403
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        assert ask(address, path, "POST", good, **{"Content-Type": kind})[0] == 415
    assert ask(address, path, "PUT", good)[0] == 405
    assert ask(address, path, "DELETE")[0] == 405
    assert json.loads(ask(address, path)[2])["revision"] == 0
    path = "api/photographs/1"
    assert ask(address, path, "POST", good)[0] == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"[" * 100_000,
        b'{"revision": 0}',
        {"revision": "0", "state": "open", "xy": None},
        {"revision": True, "state": "open", "xy": None},
        {"revision": 0, "state": "gone", "xy": None},
        {"revision": 0, "state": ["open"], "xy": None},
        {"revision": 0, "state": "open", "xy": "xy"},
        {"revision": 0, "state": "open", "xy": [[1, 2]]},
        {"revision": 0, "state": "open", "xy": [[1, 2]] * 4},
        {"revision": 0, "state": "open", "xy": [[1, 2], [1], [2, 3]]},
        {"revision": 0, "state": "open", "xy": [[1, 2], ["1", 2], [2, 3]]},
        {"revision": 0, "state": "open", "xy": [[1, 2], [True, 2], [2, 3]]},
        {"revision": 0, "state": "open", "xy": [[1, 2], [1, 10**400], [2, 3]]},
        b'{"revision": 0, "state": "open", "xy": [[1, 2], [NaN, 2], [2, 3]]}',
        b'{"revision": 0, "state": "open", "xy": [[1, 2], [Infinity, 2], [2, 3]]}',
        {"revision": 0, "state": "accepted", "xy": None},
        {"revision": 0, "state": "accepted", "xy": [None, None, None]},
        {"revision": 0, "state": "open", "xy": None, "seconds": "long"},
        b'{"revision": 0, "state": "open", "xy": null, "more": "' + b"x" * (1 << 19) + b'"}',
    ],
    ids=lambda body: str(body)[:60],
)
def test_what_is_no_record_is_refused(address: str, body: Any) -> None:
    status, _, content = ask(address, "api/photographs/0", "POST", body)
    assert status == 400, content
    assert json.loads(ask(address, "api/photographs/0")[2])["revision"] == 0


def test_who_is_late_does_not_overwrite(address: str) -> None:
    xy = [[10, 20], [30, 40], None]
    saved = {"revision": 0, "state": "accepted", "xy": xy}
    assert ask(address, "api/photographs/2", "POST", saved)[0] == 200
    late = {"revision": 0, "state": "accepted", "xy": [[1, 1], [2, 2], [3, 3]]}
    status, _, content = ask(address, "api/photographs/2", "POST", late)
    assert status == 409 and b"another tab" in content
    assert json.loads(ask(address, "api/photographs/2")[2])["xy"] == xy


def test_every_kind_of_photograph_is_shown_upright(address: str) -> None:
    for number, size in ((0, (400, 300)), (2, (400, 300)), (3, (400, 300))):
        for path, longest in (("photograph", 400), ("thumbnail", 192)):
            status, headers, content = ask(address, f"{path}/{number}")
            assert status == 200 and headers["content-type"] == "image/jpeg"
            pixels = np.asarray(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR))
            assert pixels.shape[1::-1] == tuple(side * longest // 400 for side in size)
            blue, green, red = pixels[80 * longest // 400, 100 * longest // 400].tolist()
            assert red > 200 and blue < 60 and green < 60


def test_a_photograph_that_cannot_be_shown_says_why(address: str) -> None:
    status, _, content = ask(address, "photograph/4")
    assert status == 422 and b"e broken.png" in content
    shown = json.loads(ask(address, "api/photographs/4")[2])
    assert shown["size"] is None and "e broken.png" in shown["problem"]
