"""Files by their addresses, in object stores and on web servers; the only one that calls fsspec.

Who may read and write is known to the libraries of the stores, from the environment. No address
that is taken here holds a secret, and what libraries say of a failure is cleared of all.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

from beetle_lm.errors import Hint, MissingExtraError, RequestError, StoreError
from beetle_lm.libraries import first_line, require_extra
from beetle_lm.text import printable

_Value = TypeVar("_Value")

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_STORES = {"s3": "s3fs", "gs": "gcsfs", "az": "adlfs", "hf": "huggingface_hub"}
_WEB = ("https", "http")
_SECRETS = re.compile(
    r"x-(amz|goog)-.*|(aws)?accesskeyid|googleaccessid|sig(nature)?|policy|se|sp|sv"
    r"|.*(token|password|secret|credential).*|(api[_-]?)?key",
    re.IGNORECASE,
)
_OWNER = re.compile(r"(?<=://)[^/@\s'\"]*@")
_QUERY = re.compile(r"(?<=\w)\?[^\s'\"<>]*")
_VERSIONS = ("ETag", "etag", "blob_id", "generation", "md5Hash", "LastModified", "last_modified")
_PAUSES = (0.5, 2.0, 8.0)  # seconds before a store that does not answer is asked again
_PASSING = (408, 425, 429, 502, 503, 504)
_ANSWERS = {404: FileNotFoundError, 410: FileNotFoundError, 403: PermissionError}
_SAID = {
    **dict.fromkeys((404, 410), "it is not there"),
    **dict.fromkeys((401, 403), "access is denied"),
    416: "it is shorter than it was said to be",
}
_PIECE = 1 << 24  # bytes that are compared at once
_MOST = 1 << 30  # bytes of a file of which nobody says how large it is
# Of S3: it is not the object that is refused, but whoever asks, or the whole bucket.
_NOT_THE_OBJECT = (
    *("ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch"),
    *("RequestTimeTooSkewed", "TokenRefreshRequired", "NoSuchBucket"),
)


@dataclass(frozen=True)
class Entry:
    """What a store says of a file, or of a folder in it.

    Args:
        name: below the folder that was listed.
        is_folder: whether it is none of the files.
        size: bytes; None where nobody says.
        version: what is another one when the content has changed; None where nobody says.
    """

    name: str
    is_folder: bool = False
    size: int | None = None
    version: str | None = None


def is_address(text: str) -> bool:
    """Whether text is an address, and not a path."""
    return _ADDRESS.match(text) is not None


def checked(address: str) -> str:
    """An address, without slashes at its end, and with its scheme in lower case.

    Raises:
        RequestError: it is of a kind that is not read, or holds a secret.
    """
    scheme, _, rest = address.partition("://")
    scheme, rest = scheme.lower(), rest.rstrip("/")
    if scheme not in (*_STORES, *_WEB):
        known = ", ".join(f"{one}://" for one in (*_STORES, *_WEB))
        raise RequestError(f"{scheme}:// is no address that can be read; {known} are")
    parts = urlsplit(f"{scheme}://{rest}")
    secrets = [name for name, _ in parse_qsl(parts.query) if _SECRETS.fullmatch(name)]
    if scheme in _WEB and ("@" in parts.netloc or secrets):
        raise RequestError(
            f"{cleared(f'{scheme}://{rest}')} was given with a name, a key or a signature, which"
            " would stand in the results; what is needed to read it belongs into the environment"
        )
    if scheme in _STORES and ("@" in parts.netloc or not rest):
        raise RequestError(f"{cleared(f'{scheme}://{rest}')} is no address of a store")
    return f"{scheme}://{rest}"


def cleared(text: str) -> str:
    """Text without names, passwords and queries of the addresses in it."""
    return _QUERY.sub("", _OWNER.sub("", text))


def check_installed(address: str) -> None:
    """Makes sure that what reads an address is installed.

    Raises:
        MissingExtraError: it is not.
    """
    _filesystem(address)


def is_web(address: str) -> bool:
    """Whether an address is of a web server, which has no list of its files."""
    return address.startswith(tuple(f"{one}://" for one in _WEB))


def about(address: str) -> Entry:
    """What a store says of a file.

    Raises:
        OSError: there is no such file, or it may not be read; says why.
        StoreError: the store does not answer, or lets nobody in.
    """
    found = _tried(address, lambda files: files.info(address))
    if found.get("type") == "directory":
        raise IsADirectoryError("it is a folder")
    return _entry(found)


def read(address: str, start: int, end: int) -> bytes:
    """The bytes of a file from one place to another; of a server that knows no ranges, all.

    Raises:
        OSError, StoreError: as `about`.
    """
    # What is read ahead by itself would be 5 MB for a header of the Hub.
    more = {"cache_type": "none"} if address.startswith("hf://") else {}
    content: bytes = _tried(
        address, lambda files: files.cat_file(address, start=start, end=end, **more)
    )
    return content


def read_whole(address: str) -> bytes:
    """All bytes of a file, of which nobody may know how many there are.

    Raises:
        OSError, StoreError: as `about`; or it is larger than a GB.
    """

    def read_stream(files: Any) -> bytes:
        with files.open(address, "rb", block_size=0) as stream:
            content: bytes = stream.read(_MOST + 1)
        return content

    if is_web(address):
        content = _tried(address, read_stream)
    else:
        content = _tried(address, lambda files: files.cat_file(address))
    if len(content) > _MOST:
        raise OSError(f"it has more than {_MOST} bytes")
    return content


def listed(folder: str) -> list[Entry]:
    """The files and folders that are in a folder, in the order in which names below them come.

    Raises:
        OSError, StoreError: as `about`.
    """
    found = _tried(folder, lambda files: files.ls(folder, detail=True))
    own = _key(folder)
    entries = [_entry(one) for one in found if one["name"].rstrip("/") != own]
    return sorted(entries, key=lambda one: one.name + "/" * one.is_folder)


def files_below(folder: str, below: str = "") -> Iterator[Entry]:
    """All files below a folder, by their whole names, in order; one folder of them in memory.

    Raises:
        OSError, StoreError: as `about`.
    """
    for one in listed(f"{folder}/{below}".rstrip("/")):
        if one.is_folder:
            yield from files_below(folder, f"{below}{one.name}/")
        else:
            yield Entry(below + one.name, size=one.size, version=one.version)


def write_file(address: str, path: Path) -> None:
    """Writes a file whole, in place of another, from one of this machine.

    Raises:
        OSError, StoreError: as `about`.
    """
    _tried(address, lambda files: files.put_file(str(path), address))


def write_new(address: str, path: Path) -> bool:
    """Writes a file of this machine unless there is one; of several that do so at once, one does.

    Returns:
        Whether it was written; what is there already, with the same content, counts as written.

    Raises:
        OSError, StoreError: as `about`.
    """
    try:
        _tried(address, lambda files: files.put_file(str(path), address, mode="create"))
    except FileExistsError:
        return _is_same(address, path)
    return True


def _is_same(address: str, path: Path) -> bool:
    """Whether a file of a store has the content of one of this machine."""
    size = path.stat().st_size
    if about(address).size != size:
        return False
    with path.open("rb") as stream:
        for start in range(0, size, _PIECE):
            piece = stream.read(_PIECE)
            if read(address, start, start + len(piece)) != piece:
                return False
    return True


def remove(addresses: list[str]) -> None:
    """Removes files, one after the other; those that are gone are none.

    Raises:
        OSError, StoreError: as `about`.
    """
    for address in addresses:
        try:
            _tried(address, lambda files, one=address: files.rm_file(one))  # type: ignore[misc]
        except FileNotFoundError:
            continue


def _filesystem(address: str) -> Any:
    with require_extra("remote"):
        import fsspec
    scheme = address.partition("://")[0]
    try:
        return fsspec.filesystem(scheme, use_listings_cache=False)
    except ImportError as error:
        if scheme in ("s3", *_WEB):
            with require_extra("remote"):
                raise ModuleNotFoundError(name=_STORES.get(scheme, "aiohttp")) from error
        needed = _STORES[scheme]
        raise MissingExtraError(
            f"{scheme}:// needs {needed}, which is not installed; `pip install {needed}` brings it"
        ) from error


def _key(address: str) -> str:
    """What the store itself calls a file."""
    key: str = _filesystem(address)._strip_protocol(address)
    return key.rstrip("/")


def _entry(found: Any) -> Entry:
    version = next((str(found[one]) for one in _VERSIONS if found.get(one)), None)
    return Entry(
        found["name"].rstrip("/").rsplit("/", 1)[-1],
        found.get("type") == "directory",
        found.get("size"),
        None if version is None else version.strip('"'),
    )


def _tried(address: str, call: Callable[[Any], _Value]) -> _Value:
    """What a call of a store gives, which is made again where the store does not answer.

    Raises:
        OSError: it is about the one file.
        StoreError: it is not.
    """
    files = _filesystem(address)
    for pause in (*_PAUSES, None):
        try:
            return call(files)
        except FileExistsError:
            raise
        except Exception as error:  # of a dozen libraries, which have nothing in common
            reason = _reason(address, error)
            if reason is not None:
                raise reason from None
            if pause is None:
                raise _given_up(address, error) from None
            time.sleep(pause)
    raise AssertionError


def _reason(address: str, error: Exception) -> OSError | StoreError | None:
    """Why a call failed, where to call again would not help."""
    status, code = _status(error)
    if type(error).__name__ in ("NoCredentialsError", "PartialCredentialsError"):
        told = f"there are no credentials for {_place(address)} in the environment"
        return StoreError(told, Hint.CREDENTIALS)
    if code in _NOT_THE_OBJECT or (status == 401 and not is_web(address)):
        said = cleared(printable(first_line(error)))
        hint = None if code == "NoSuchBucket" else Hint.CREDENTIALS
        return StoreError(f"{_place(address)} cannot be used: {said}", hint)
    if status is None and isinstance(error, FileNotFoundError):
        status = None if _has_lost_connection(error) else 404
    elif status is None and isinstance(error, PermissionError):
        status = 403
    if status is None or status in _PASSING or (status >= 500 and not is_web(address)):
        return None
    return _ANSWERS.get(status, OSError)(_SAID.get(status, f"the server answers {status}"))


def _status(error: BaseException | None) -> tuple[int | None, str]:
    """The answer of a server to which an error goes back, and S3's word for it."""
    while error is not None:
        response = getattr(error, "response", None)
        if isinstance(response, dict):
            status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            return status, str(response.get("Error", {}).get("Code", ""))
        for found in (
            getattr(error, "status", None),
            getattr(response, "status_code", None),
            getattr(error, "status_code", None),
            getattr(error, "code", None),
        ):
            if isinstance(found, int) and 400 <= found < 600:
                return found, ""
        error = error.__cause__
    return None, ""


def _has_lost_connection(error: BaseException) -> bool:
    """Whether fsspec says that a file is not there since its server could not be asked."""
    cause = error.__cause__
    return cause is not None and not isinstance(cause, FileNotFoundError)


def _given_up(address: str, error: Exception) -> StoreError:
    cause = error.__cause__ if _has_lost_connection(error) else error
    said = cleared(printable(first_line(cause or error)))
    return StoreError(f"{_place(address)} does not answer: {said}", Hint.RESUME_WHEN_BACK)


def _place(address: str) -> str:
    """The bucket or the server of an address."""
    scheme, _, rest = address.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"
