"""The server of the pages: on this machine alone, for one set of photographs, until it is closed.

Only requests of the page itself come through (`guard.py`). No path of a request is ever opened:
photographs are named by their numbers in the list, and the files of the page are read once, when
the server starts.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from beetle_lm.errors import BeetleLMError, OutputError, RequestError
from beetle_lm.text import printable
from beetle_lm.web.guard import HEADERS, HOST, Guard
from beetle_lm.web.messages import listed, saved, shown
from beetle_lm.web.overview import Overview
from beetle_lm.web.patience import Patience
from beetle_lm.web.pictures import Pictures
from beetle_lm.web.project import Project
from beetle_lm.web.proposals import Proposer
from beetle_lm.web.records import Row
from beetle_lm.web.store import ChangedElsewhereError
from beetle_lm.web.training import CommandOf, Training, is_installed

_MOST_BYTES = 1 << 18  # of a request
_KINDS = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}


class _Guarded:
    """Lets only requests of the page itself through.

    Args:
        app: what answers them.
        guard: tells which these are.
    """

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app, self._guard = app, guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As every ASGI application."""
        if scope["type"] != "http":
            return
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        refused = self._guard.refused(scope["method"], scope["path"], headers)
        if refused is not None:
            status, reason = refused
            await JSONResponse({"error": reason}, status, HEADERS)(scope, receive, send)
            return
        scope = {**scope, "path": scope["path"].removeprefix(f"/{self._guard.token}")}
        scope["raw_path"] = scope["path"].encode()

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *((name.lower().encode(), value.encode()) for name, value in HEADERS.items()),
                    *([] if b"cache-control" in given else [(b"cache-control", b"no-store")]),
                ]
            await send(message)

        await self._app(scope, receive, answer)


class Site:
    """The page of a set of photographs.

    `Server` sets what it has of the others: `parts` are the names and addresses of all pages, and
    `end` ends the server. `seen` is when a page was last heard of.

    Args:
        project: the photographs and their landmarks.
        command_of: gives the command of a training.
        told: what the page tells of commands, by name: lines to type.
        max_pixels: a photograph of more is not shown.
    """

    def __init__(
        self,
        project: Project,
        command_of: CommandOf,
        told: dict[str, str],
        max_pixels: int,
    ) -> None:
        self._project, self._told = project, told
        self._numbers = {name: number for number, name in enumerate(project.store.names)}
        self._pictures = Pictures(max_pixels)
        self._files = _page_files()
        self._overview = Overview(project)
        self._proposer = Proposer(project)
        self._training = Training(project, command_of, self._trained)
        self.seen = time.monotonic()
        self.parts: list[dict[str, str]] = []
        self.end: Callable[[], None] = lambda: None

    @property
    def part(self) -> str:
        """The name of the part."""
        return self._project.spec.name

    @property
    def app(self) -> Starlette:
        """What answers requests, whose paths have no token."""
        app = Starlette(
            routes=[
                Route("/", self._page),
                Route("/app/{file}", self._page),
                Route("/photograph/{number:int}", self._photograph),
                Route("/thumbnail/{number:int}", self._thumbnail),
                Route("/api/session", self._session),
                Route("/api/news", self._news),
                Route("/api/next", self._next),
                Route("/api/photographs/{number:int}", self._landmarks),
                Route("/api/photographs/{number:int}", self._save, methods=["POST"]),
                Route("/api/train", self._train, methods=["POST"]),
                Route("/api/end", self._ended, methods=["POST"]),
            ],
            exception_handlers={
                BeetleLMError: _failed,
                ChangedElsewhereError: _failed,
                Exception: _broken,
            },
        )
        app.router.redirect_slashes = False
        return app

    def close(self) -> None:
        """Ends what is at work, and writes what is left."""
        self._training.stop()
        self._proposer.close()
        self._project.close()

    @property
    def is_busy(self) -> bool:
        """Whether a training or a prediction is at work."""
        return self._training.is_running or self._proposer.predicting is not None

    def _trained(self, model: Path) -> None:
        self._project.model = model
        self._proposer.predict_all(model)

    def _page(self, request: Request) -> Response:
        name = request.path_params.get("file", "index.html")
        if name not in self._files:
            return JSONResponse({"error": "there is no such page"}, 404)
        kind = _KINDS[name.rpartition(".")[2]]
        return Response(self._files[name], media_type=kind)

    def _photograph(self, request: Request) -> Response:
        return self._picture(request, self._pictures.whole)

    def _thumbnail(self, request: Request) -> Response:
        return self._picture(request, self._pictures.small)

    def _picture(self, request: Request, make: Callable[[Any], bytes]) -> Response:
        name = self._name(request)
        content = make(self._project.images[name])
        kept = {"Cache-Control": "private, max-age=86400"}
        return Response(content, headers=kept, media_type="image/jpeg")

    def _session(self, request: Request) -> Response:
        project = self._project
        rows = project.store.rows()
        spec = project.spec
        return JSONResponse(
            {
                "mode": project.mode,
                "part": spec.name,
                "parts": self.parts,
                "landmarks": spec.landmark_names,
                "mirror_pairs": spec.mirror_pairs,
                "curves": [
                    {"name": printable(curve.name), "start": curve.start, "end": curve.end}
                    for curve in project.curves
                ],
                "file": str(project.landmark_file),
                "can_train": is_installed(),
                "told": self._told,
                "version": project.store.version,
                "names": [printable(name) for name in project.store.names],
                "photographs": [listed(row) for row in rows],
            }
        )

    def _news(self, request: Request) -> Response:
        self.seen = time.monotonic()
        store = self._project.store
        try:
            since = int(request.query_params.get("since", "0"))
        except ValueError:
            raise RequestError("since must be a number") from None
        version = store.version
        changed = store.changed_since(since) if since < version else []
        training = self._training.status()
        predicting = self._proposer.predicting
        return JSONResponse(
            {
                "version": version,
                "changed": [
                    [self._numbers[name], listed(store.row(name))]
                    for name in changed
                    if name in self._numbers
                ],
                "progress": self._overview.progress(),
                "training": training,
                "predicting": predicting,
                "rounds": self._proposer.rounds,
                "problem": self._project.writer.problem or self._proposer.problem,
                "suspects": self._overview.suspects(),
                "mean_shape": self._overview.mean_shape(),
            }
        )

    def _next(self, request: Request) -> Response:
        names = self._proposer.next()
        return JSONResponse({"next": [self._numbers[name] for name in names]})

    def _landmarks(self, request: Request) -> Response:
        self.seen = time.monotonic()
        number = int(request.path_params["number"])
        row = self._project.store.row(self._name(request))
        if self._project.mode == "annotate":
            self._proposer.want([row.name])
        size, problem, curves = None, "", None
        try:
            size = self._project.headers.of(row.name).size
            curves = self._project.shown_curves(row)
        except BeetleLMError as error:
            problem = str(error)
        return JSONResponse(shown(number, row, size, problem, curves))

    async def _save(self, request: Request) -> Response:
        body = await _body(request)
        number = int(request.path_params["number"])
        self._name(request)

        def save() -> Row:
            project = self._project
            return project.save(number, *saved(body, len(project.spec), len(project.curves)))

        row = await run_in_threadpool(save)
        return JSONResponse({"revision": row.revision})

    async def _train(self, request: Request) -> Response:
        body = await _body(request)
        training = self._training
        acts = {"start": training.start, "resume": training.resume, "stop": training.stop}
        act = acts.get(str(body.get("act")))
        if act is None:
            raise RequestError("a training starts, goes on or stops")
        if act != training.stop and not is_installed():
            raise RequestError("what training needs is not installed")
        await run_in_threadpool(act)
        return JSONResponse(training.status())

    async def _ended(self, request: Request) -> Response:
        self.end()
        return JSONResponse({"ended": True})

    def _name(self, request: Request) -> str:
        number = int(request.path_params["number"])
        if not 0 <= number < len(self._project.store.names):
            raise RequestError("there is no such photograph")
        return self._project.store.names[number]


class Server:
    """Serves one page, or one for each of several parts.

    Args:
        sites: the pages.
    """

    def __init__(self, sites: Sequence[Site]) -> None:
        self._sites = sites
        self._ends = threading.Event()
        for site in sites:
            site.end = self.end
            if len(sites) > 1:
                site.parts = [
                    {"name": printable(other.part), "address": f"../{number}/"}
                    for number, other in enumerate(sites, start=1)
                ]

    def serve(self, port: int, opened: Callable[[str], None]) -> None:
        """Serves until it is told to end, or nobody has looked for ten minutes.

        Args:
            port: 0 for any that is free.
            opened: called with the address of the first page once it answers.

        Raises:
            OutputError: the port is taken.
        """
        with _listening(port) as listener:
            port = listener.getsockname()[1]
            guard = Guard(port)
            guarded = _Guarded(self._app, guard)
            config = uvicorn.Config(
                guarded, log_level="critical", access_log=False, lifespan="off", ws="none"
            )
            server = uvicorn.Server(config)
            threading.Thread(target=self._watch, args=(server,), daemon=True).start()
            first = "" if len(self._sites) == 1 else "1/"
            opened(f"http://{HOST}:{port}/{guard.token}/{first}")
            try:
                server.run(sockets=[listener])
            finally:
                self.end()

    def end(self) -> None:
        """Ends it, from any thread."""
        self._ends.set()

    def close(self) -> None:
        """Ends what is at work, and writes what is left."""
        for site in self._sites:
            site.close()

    @property
    def _app(self) -> ASGIApp:
        if len(self._sites) == 1:
            return self._sites[0].app
        pages = enumerate(self._sites, start=1)
        app = Starlette(routes=[Mount(f"/{number}", site.app) for number, site in pages])
        app.router.redirect_slashes = False
        return app

    def _watch(self, server: uvicorn.Server) -> None:
        patience = Patience(time.monotonic())
        while not self._ends.wait(1):
            busy = any(site.is_busy for site in self._sites)
            seen = max(site.seen for site in self._sites)
            if patience.runs_out(time.monotonic(), seen, busy):
                break
        server.should_exit = True


async def _body(request: Request) -> dict[str, Any]:
    content = b""
    async for piece in request.stream():
        content += piece
        if len(content) > _MOST_BYTES:
            raise RequestError("the request is too long")
    try:
        body = json.loads(content or b"{}")
    except (ValueError, RecursionError):
        raise RequestError("the request is no JSON") from None
    if not isinstance(body, dict):
        raise RequestError("the request is no JSON object")
    return body


async def _failed(request: Request, error: Exception) -> Response:
    if isinstance(error, ChangedElsewhereError):
        return JSONResponse({"error": "this photograph was changed in another tab"}, 409)
    status = (
        400 if isinstance(error, RequestError) else 507 if isinstance(error, OutputError) else 422
    )
    return JSONResponse({"error": printable(str(error))}, status)


async def _broken(request: Request, error: Exception) -> Response:
    """Tells of an error of ours, so that the page does not take it for another program's answer."""
    return JSONResponse({"error": f"the server failed: {printable(repr(error))}"}, 500)


def _page_files() -> dict[str, bytes]:
    folder = resources.files("beetle_lm.web").joinpath("app")
    return {
        file.name: file.read_bytes()
        for file in folder.iterdir()
        if file.name.rpartition(".")[2] in _KINDS
    }


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    try:
        listener = socket.create_server((HOST, port), backlog=128)
    except OSError as error:
        raise OutputError(f"port {port} cannot be used: {error.strerror or error}") from error
    with listener:
        yield listener
