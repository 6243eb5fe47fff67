"""Stores on loopback: an S3 server, and a web server that knows no ranges."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from buckets import SECRET, Bucket
from thirteen import manual, photos

from beetle_lm.predict.images import stores

__all__ = ["manual", "photos"]


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    reason = "moto and s3fs are not installed: pip install moto[s3] flask flask-cors s3fs"
    pytest.importorskip("s3fs", reason=reason)
    moto = pytest.importorskip("moto.server", reason=reason)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(
    s3_server: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Bucket]:
    import boto3
    import s3fs

    for name, value in (
        ("AWS_ENDPOINT_URL", s3_server),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(stores, "_PAUSES", (0.01,))
    s3fs.S3FileSystem.clear_instance_cache()
    client = boto3.client("s3")
    name = f"museum-{abs(hash(request.node.name))}"
    client.create_bucket(Bucket=name)
    yield Bucket(name, client)
    client.close()
    s3fs.S3FileSystem.clear_instance_cache()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def web_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serves the folder of the test."""
    pytest.importorskip("aiohttp", reason="aiohttp is not installed, which s3fs brings")
    monkeypatch.setattr(stores, "_PAUSES", (0.01,))
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=tmp_path)) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
