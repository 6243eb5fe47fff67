"""A stand-in for the Hugging Face Hub on loopback, and the ways in which a Hub can fail."""

from __future__ import annotations

import gzip
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from hub_api import AnswerError, HubApi


class HubServer(HubApi):
    """The server; used as a context manager.

    ``fail(how, where)`` makes requests whose method and path match the expression `where` fail:

    - a status such as ``"401"``, ``"404 RepoNotFound"``, ``"503"``
    - ``"hang"``: no answer; ``"stall"``: half of the body, then nothing
    - ``"truncate"``: half of the promised body; ``"short"``: half of the body, as if it were all
    - ``"wrong"``: one byte of the body is another; ``"html"``: a login page
    - ``"drip"``: the body slowly, piece by piece; ``"trickle"``: 1 KB every quarter of a second
    - ``"huge"``: the body with 5 MB of spaces; ``"bomb"``: the same, packed into some kilobytes
    - ``"pages"``: each answer says that there is another page
    - ``"no ranges"``: all of the body, whatever part was asked for
    """

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.sent: list[tuple[str, str, int]] = []  # path, range that was asked for, bytes of body
        self.failing: tuple[str, str] | None = None
        self.over = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        port = self._http.server_address[1]
        super().__init__(f"http://127.0.0.1:{port}", f"http://localhost:{port}")

    def __enter__(self) -> HubServer:
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends all hanging answers; afterwards connections are refused."""
        if not self.over.is_set():
            self.over.set()
            self._http.shutdown()
            self._http.server_close()

    def fail(self, how: str, where: str = "") -> None:
        self.failing = (how, where)

    def work(self) -> None:
        self.failing = None


def _handler(server: HubServer) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        hub = server

    return Handler


class _Handler(BaseHTTPRequestHandler):
    hub: HubServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_PUT = do_HEAD = do_GET  # noqa: N815

    def _answer(self) -> None:
        if self.hub.over.is_set():  # a connection from before
            self.close_connection = True
            return
        length = int(self.headers.get("Content-Length") or 0)
        chunked = self.headers.get("Transfer-Encoding") == "chunked"
        self.path = unquote(self.path)
        said = f"{self.command} {self.path}"
        self.hub.requests.append(said)
        how = ""
        if self.hub.failing and re.search(self.hub.failing[1], said):
            how = self.hub.failing[0]
        if how == "hang":
            self.hub.over.wait()
            self.close_connection = True
            return
        body = self._chunks() if chunked else self.rfile.read(length)
        if how == "html":
            self._send(200, b"<html>Please log in to the network</html>", {})
            return
        try:
            if how[:1].isdigit():
                number, _, code = how.partition(" ")
                raise AnswerError(int(number), code)
            authorization = self.headers.get("Authorization")
            status, content, headers = self.hub.answer(self.command, self.path, authorization, body)
        except AnswerError as error:
            headers = {"X-Error-Code": error.code} if error.code else {}
            status, content = error.status, json.dumps({"error": error.code}).encode()
        ranged = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if ranged and status == 200 and how != "no ranges":
            start, whole = int(ranged[1]), len(content)
            status, content = (206, content[start:]) if start < whole else (416, b"")
            headers = {**headers, "Content-Range": f"bytes {start}-{whole - 1}/{whole}"}
        if how in ("huge", "bomb"):
            content += b" " * (5 << 20)
        if how == "bomb":
            content, headers = gzip.compress(content), {**headers, "Content-Encoding": "gzip"}
        if how == "pages":
            headers = {**headers, "Link": f'<{self.hub.address}{self.path}>; rel="next"'}
        self._send(status, content, headers, how)

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _send(self, status: int, content: bytes, headers: dict[str, str], how: str = "") -> None:
        if how == "wrong":
            middle = len(content) // 2
            content = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        sent = content[: len(content) // 2] if how in ("truncate", "short", "stall") else content
        self.send_response(status)
        self.send_header("Content-Length", str(len(sent if how == "short" else content)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        self.hub.sent.append((self.path, self.headers.get("Range", ""), len(sent)))
        piece, pause = {"drip": (1 << 19, 0.15), "trickle": (1 << 10, 0.25)}.get(how, (1 << 16, 0))
        for start in range(0, len(sent), piece):
            if pause:
                self.hub.over.wait(pause)
            self.wfile.write(sent[start : start + piece])
        if how == "stall":
            self.hub.over.wait()
        if how in ("stall", "truncate"):
            self.close_connection = True
