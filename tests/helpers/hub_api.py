"""What a stand-in for the Hugging Face Hub answers: its repositories, in memory.

It knows the calls of the client that beetle-lm makes: creating, LFS uploads, commits, tags, refs,
listing, information, downloads. Large files are served from another origin (localhost instead of
127.0.0.1), as the Hub does.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

_LARGE = ".onnx"

Answer = tuple[int, bytes, dict[str, str]]
"""Status, body and headers."""


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


class AnswerError(Exception):
    def __init__(self, status: int, code: str = "") -> None:
        self.status, self.code = status, code


class HubApi:
    """Repositories by name, large files by their SHA-256, and the answers made of them."""

    def __init__(self, address: str, other_origin: str) -> None:
        self.address = address
        self.other_origin = other_origin
        self.repositories: dict[str, Repository] = {}
        self.blobs: dict[str, bytes] = {}
        self.leaked = False  # a token came to the other origin
        self.token = "hf_secret"

    def answer(  # noqa: PLR0911
        self, method: str, where: str, authorization: str | None, body: bytes
    ) -> Answer:
        """Answers a request to a path with a query.

        Raises:
            AnswerError: with the status that the Hub would give.
        """
        address = urlsplit(where)
        path, query = address.path, parse_qs(address.query)
        if path.startswith("/lfs/"):  # the other origin: addresses that need no token
            self.leaked |= authorization is not None
            return self._large(method, path.removeprefix("/lfs/"), body)
        given = authorization == f"Bearer {self.token}"
        if method in ("POST", "PUT") and not given:
            raise AnswerError(401)
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if path.startswith("/verify/") and path.removeprefix("/verify/") in self.blobs:
            return _json({})
        if path == "/api/validate-yaml":
            return _json({"errors": [], "warnings": []})
        if path == "/api/models":
            return _json(self._listed(query, given))
        if match := re.fullmatch(r"/((?:spaces/)?[^/]+/[^/]+)\.git/info/lfs/objects/batch", path):
            return _json(self._batch(json.loads(body)))
        form = r"/api/(models|spaces)/([^/]+/[^/]+)(?:/([a-z-]+)(?:/(.+))?)?"
        if match := re.fullmatch(form, path):
            kind, name, call, revision = match.groups()
            name = f"spaces/{name}" if kind == "spaces" else name
            repository = self._repository(name, given)
            return self._api(name, repository, call, revision or "main", body)
        if match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/(.+?)/([^/]+)", path):
            name, revision, file = match.groups()
            return self._resolve(self._repository(name, given), revision, file)
        raise AnswerError(404)

    def _repository(self, name: str, given: bool) -> Repository:
        repository = self.repositories.get(name)
        if repository is None or (repository.private and not given):
            raise AnswerError(401 if not given else 404, "RepoNotFound")
        return repository

    def _create(self, asked: dict[str, Any]) -> Answer:
        name = f"{asked['organization']}/{asked['name']}"
        if asked.get("type") == "space":
            assert asked["sdk"] == "static"
            name = f"spaces/{name}"
        if asked["organization"] == "others":
            raise AnswerError(403)
        status = 409 if name in self.repositories else 200
        if status == 200:
            private = asked.get("visibility") == "private" or asked.get("private") is True
            made = self.repositories[name] = Repository(private)
            made.commit({".gitattributes": b"*.onnx filter=lfs\n"})
        return _json({"url": f"{self.address}/{name}", "id": name}, status)

    def _batch(self, asked: dict[str, Any]) -> dict[str, Any]:
        objects = []
        for wanted in asked["objects"]:
            answer = {"oid": wanted["oid"], "size": wanted["size"], "authenticated": True}
            if wanted["oid"] not in self.blobs:
                large = f"{self.other_origin}/lfs/{wanted['oid']}"
                verify = f"{self.address}/verify/{wanted['oid']}"
                answer["actions"] = {"upload": {"href": large}, "verify": {"href": verify}}
            objects.append(answer)
        return {"transfer": "basic", "objects": objects}

    def _large(self, method: str, oid: str, body: bytes) -> Answer:
        if method == "PUT":
            if hashlib.sha256(body).hexdigest() != oid:
                raise AnswerError(400)
            self.blobs[oid] = body
            return 200, b"", {}
        if oid not in self.blobs:
            raise AnswerError(404)
        return 200, self.blobs[oid], {}

    def _api(
        self, name: str, repository: Repository, call: str | None, revision: str, body: bytes
    ) -> Answer:
        if call == "refs":
            tags = [
                {"name": tag, "ref": f"refs/tags/{tag}", "targetCommit": commit}
                for tag, commit in repository.tags.items()
            ]
            main = {"name": "main", "ref": "refs/heads/main", "targetCommit": repository.head}
            return _json({"branches": [main], "converts": [], "tags": tags})
        commit = repository.find(revision)
        if commit is None:
            raise AnswerError(404, "RevisionNotFound")
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
            uploaded: dict[str, bytes] = {}
            for line in body.splitlines():
                entry = json.loads(line)
                value = entry["value"]
                if entry["key"] == "file":
                    uploaded[value["path"]] = base64.b64decode(value["content"])
                elif entry["key"] == "lfsFile":
                    uploaded[value["path"]] = self.blobs[value["oid"]]
            made = repository.commit(uploaded)
            url = f"{self.address}/{name}/commit/{made}"
            return _json({"success": True, "commitOid": made, "commitUrl": url, "hookOutput": ""})
        if call == "tag":
            tag = json.loads(body)["tag"]
            if tag in repository.tags:
                raise AnswerError(409)
            repository.tags[tag] = commit
            return _json({})
        return _json(_information(name, repository, commit))

    def _listed(self, query: dict[str, list[str]], given: bool) -> list[dict[str, Any]]:
        [author] = query["author"]
        return [
            _information(name, repository, repository.head)
            for name, repository in self.repositories.items()
            if name.startswith(f"{author}/") and (given or not repository.private)
        ]

    def _resolve(self, repository: Repository, revision: str, file: str) -> Answer:
        commit = repository.find(revision)
        if commit is None:
            raise AnswerError(404, "RevisionNotFound")
        content = repository.commits[commit].get(file)
        if content is None:
            raise AnswerError(404, "EntryNotFound")
        oid = hashlib.sha256(content).hexdigest()
        headers = {"X-Repo-Commit": commit, "ETag": f'"{oid}"'}
        if not file.endswith(_LARGE):
            return 200, content, headers
        large = {"X-Linked-Etag": f'"{oid}"', "X-Linked-Size": str(len(content))}
        self.blobs.setdefault(oid, content)
        return 302, b"", {**headers, **large, "Location": f"{self.other_origin}/lfs/{oid}"}


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


def _json(value: object, status: int = 200) -> Answer:
    return status, json.dumps(value).encode(), {"Content-Type": "application/json"}
