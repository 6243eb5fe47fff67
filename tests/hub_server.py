"""A stand-in for the Hugging Face Hub on loopback, and the ways in which a Hub can fail.

It keeps repositories in memory and answers the calls of the client that beetle-lm makes: creating,
LFS uploads, commits, tags, refs, listing, information, downloads. Large files are served from
another origin (localhost instead of 127.0.0.1), as the Hub does.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

_LARGE = ".onnx"


@dataclass
class Repository:
    private: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)  # oldest first
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def head(self) -> str:
        return list(self.commits)[-1]

    def commit(self, files: dict[str, bytes]) -> str:
        everything = {**(self.commits[self.head] if self.commits else {}), **files}
        digest = hashlib.sha1(f"{len(self.commits)} {time.time_ns()}".encode())
        for name, content in everything.items():
            digest.update(name.encode() + content)
        self.commits[digest.hexdigest()] = everything
        return digest.hexdigest()

    def find(self, revision: str) -> str | None:
        named = {"main": self.head, **self.tags, **{commit: commit for commit in self.commits}}
        return named.get(revision)


class HubServer:
    """The server; used as a context manager.

    ``fail(how, where)`` makes requests whose method and path match the expression `where` fail:

    - a status such as ``"401"``, ``"404 RepoNotFound"``, ``"503"``
    - ``"hang"``: no answer; ``"stall"``: half of the body, then nothing
    - ``"truncate"``: half of the promised body; ``"short"``: half of the body, as if it were all
    - ``"wrong"``: one byte of the body is another; ``"html"``: a login page
    - ``"drip"``: the body slowly, piece by piece
    """

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.blobs: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.leaked = False  # a token came to the other origin
        self.token = "hf_secret"
        self.failing: tuple[str, str] | None = None
        self.over = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self.port = self._http.server_address[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self.other_origin = f"http://localhost:{self.port}"

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


class _AnswerError(Exception):
    def __init__(self, status: int, code: str = "") -> None:
        self.status, self.code = status, code


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
                status, _, code = how.partition(" ")
                raise _AnswerError(int(status), code)
            status, content, headers = self._route(body)
        except _AnswerError as error:
            headers = {"X-Error-Code": error.code} if error.code else {}
            status, content = error.status, json.dumps({"error": error.code}).encode()
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
        for start in range(0, len(sent), 1 << 16 if how != "drip" else 1 << 19):
            if how == "drip":
                self.hub.over.wait(0.15)
            self.wfile.write(sent[start : start + (1 << 16 if how != "drip" else 1 << 19)])
        if how == "stall":
            self.hub.over.wait()
        if how in ("stall", "truncate"):
            self.close_connection = True

    def _route(  # noqa: PLR0911
        self, body: bytes
    ) -> tuple[int, bytes, dict[str, str]]:
        address = urlsplit(self.path)
        path, query = address.path, parse_qs(address.query)
        if path.startswith("/lfs/"):  # the other origin: addresses that need no token
            self.hub.leaked |= self.headers.get("Authorization") is not None
            return self._large(path.removeprefix("/lfs/"), body)
        given = self.headers.get("Authorization") == f"Bearer {self.hub.token}"
        if self.command in ("POST", "PUT") and not given:
            raise _AnswerError(401)
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if path.startswith("/verify/") and path.removeprefix("/verify/") in self.hub.blobs:
            return _json({})
        if path == "/api/validate-yaml":
            return _json({"errors": [], "warnings": []})
        if path == "/api/models":
            return _json(self._listed(query, given))
        if match := re.fullmatch(r"/([^/]+/[^/]+)\.git/info/lfs/objects/batch", path):
            return _json(self._batch(json.loads(body)))
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/([a-z-]+)(?:/(.+))?)?", path):
            name, call, revision = match.groups()
            repository = self._repository(name, given)
            return self._api(name, repository, call, revision or "main", body)
        if match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/(.+?)/([^/]+)", path):
            name, revision, file = match.groups()
            return self._resolve(self._repository(name, given), revision, file)
        raise _AnswerError(404)

    def _repository(self, name: str, given: bool) -> Repository:
        repository = self.hub.repositories.get(name)
        if repository is None or (repository.private and not given):
            raise _AnswerError(401 if not given else 404, "RepoNotFound")
        return repository

    def _create(self, asked: dict[str, Any]) -> tuple[int, bytes, dict[str, str]]:
        name = f"{asked['organization']}/{asked['name']}"
        if asked["organization"] == "others":
            raise _AnswerError(403)
        status = 409 if name in self.hub.repositories else 200
        if status == 200:
            private = asked.get("visibility") == "private" or asked.get("private") is True
            made = self.hub.repositories[name] = Repository(private)
            made.commit({".gitattributes": b"*.onnx filter=lfs\n"})
        return _json({"url": f"{self.hub.address}/{name}", "id": name}, status)

    def _batch(self, asked: dict[str, Any]) -> dict[str, Any]:
        objects = []
        for wanted in asked["objects"]:
            answer = {"oid": wanted["oid"], "size": wanted["size"], "authenticated": True}
            if wanted["oid"] not in self.hub.blobs:
                large = f"{self.hub.other_origin}/lfs/{wanted['oid']}"
                verify = f"{self.hub.address}/verify/{wanted['oid']}"
                answer["actions"] = {"upload": {"href": large}, "verify": {"href": verify}}
            objects.append(answer)
        return {"transfer": "basic", "objects": objects}

    def _large(self, oid: str, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        if self.command == "PUT":
            if hashlib.sha256(body).hexdigest() != oid:
                raise _AnswerError(400)
            self.hub.blobs[oid] = body
            return 200, b"", {}
        if oid not in self.hub.blobs:
            raise _AnswerError(404)
        return 200, self.hub.blobs[oid], {}

    def _api(
        self, name: str, repository: Repository, call: str | None, revision: str, body: bytes
    ) -> tuple[int, bytes, dict[str, str]]:
        if call == "refs":
            tags = [
                {"name": tag, "ref": f"refs/tags/{tag}", "targetCommit": commit}
                for tag, commit in repository.tags.items()
            ]
            main = {"name": "main", "ref": "refs/heads/main", "targetCommit": repository.head}
            return _json({"branches": [main], "converts": [], "tags": tags})
        commit = repository.find(revision)
        if commit is None:
            raise _AnswerError(404, "RevisionNotFound")
        if call == "preupload":
            files = [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if file["path"].endswith(_LARGE) else "regular",
                    "shouldIgnore": False,
                }
                for file in json.loads(body)["files"]
            ]
            return _json({"files": files})
        if call == "commit":
            files = {}
            for line in body.splitlines():
                entry = json.loads(line)
                value = entry["value"]
                if entry["key"] == "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                elif entry["key"] == "lfsFile":
                    files[value["path"]] = self.hub.blobs[value["oid"]]
            made = repository.commit(files)
            url = f"{self.hub.address}/{name}/commit/{made}"
            return _json({"success": True, "commitOid": made, "commitUrl": url, "hookOutput": ""})
        if call == "tag":
            tag = json.loads(body)["tag"]
            if tag in repository.tags:
                raise _AnswerError(409)
            repository.tags[tag] = commit
            return _json({})
        return _json(_information(name, repository, commit))

    def _listed(self, query: dict[str, list[str]], given: bool) -> list[dict[str, Any]]:
        [author] = query["author"]
        return [
            _information(name, repository, repository.head)
            for name, repository in self.hub.repositories.items()
            if name.startswith(f"{author}/") and (given or not repository.private)
        ]

    def _resolve(
        self, repository: Repository, revision: str, file: str
    ) -> tuple[int, bytes, dict[str, str]]:
        commit = repository.find(revision)
        if commit is None:
            raise _AnswerError(404, "RevisionNotFound")
        content = repository.commits[commit].get(file)
        if content is None:
            raise _AnswerError(404, "EntryNotFound")
        oid = hashlib.sha256(content).hexdigest()
        headers = {"X-Repo-Commit": commit, "ETag": f'"{oid}"'}
        if not file.endswith(_LARGE):
            return 200, content, headers
        large = {"X-Linked-Etag": f'"{oid}"', "X-Linked-Size": str(len(content))}
        self.hub.blobs.setdefault(oid, content)
        return 302, b"", {**headers, **large, "Location": f"{self.hub.other_origin}/lfs/{oid}"}


def _information(name: str, repository: Repository, commit: str) -> dict[str, Any]:
    files = repository.commits[commit]
    page = files.get("README.md", b"").decode()
    tags = re.search(r"^tags: (\[.*\])$", page, re.MULTILINE)
    return {
        "id": name,
        "modelId": name,
        "sha": commit,
        "private": repository.private,
        "tags": json.loads(tags[1]) if tags else [],
        "lastModified": "2026-01-02T03:04:05.000Z",
        "createdAt": "2026-01-02T03:04:05.000Z",
        "siblings": [{"rfilename": file} for file in files],
    }


def _json(value: object, status: int = 200) -> tuple[int, bytes, dict[str, str]]:
    return status, json.dumps(value).encode(), {"Content-Type": "application/json"}
