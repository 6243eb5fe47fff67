"""Which requests are those of the page itself, and what goes along with every answer.

What a page of the web can make a browser do must not reach the server: the address has a token that
nobody else knows, the Host must be the loopback address, and a request that another page makes is
told by its Origin.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping

HOST = "127.0.0.1"
"""The address that the server listens on: that of this machine alone."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src"
    " 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors"
    " 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""Headers of every answer: nothing is loaded from elsewhere, and nothing is shown elsewhere."""


class Guard:
    """Tells requests of the page from all others.

    Args:
        port: of the server.
    """

    def __init__(self, port: int) -> None:
        self.token = secrets.token_urlsafe(24)
        self._hosts = {f"{HOST}:{port}", f"localhost:{port}"}

    def refused(self, method: str, path: str, headers: Mapping[str, str]) -> tuple[int, str] | None:
        """Status and reason where a request is not one of the page itself.

        Args:
            method: of the request.
            path: which begins with the token.
            headers: by their names in lower case.
        """
        origin = headers.get("origin")
        own = {None, *(f"http://{host}" for host in self._hosts)}
        from_where = headers.get("sec-fetch-site", "none")
        begin = path.removeprefix("/").partition("/")[0]
        kind = headers.get("content-type", "").partition(";")[0]
        for fits, status, reason in (
            (
                headers.get("host", "").lower() in self._hosts,
                403,
                "this server answers under its own address only",
            ),
            (
                origin in own
                and from_where in ("same-origin", "none")
                and (method != "POST" or origin is not None),
                403,
                "this server answers its own page only",
            ),
            (
                secrets.compare_digest(begin.encode(), self.token.encode()),
                403,
                "the address needs the token that the terminal shows",
            ),
            (method in ("GET", "HEAD", "POST"), 405, "only GET and POST are answered"),
            (method != "POST" or kind == "application/json", 415, "only JSON is taken"),
        ):
            if not fits:
                return status, reason
        return None
