"""What a plugin may ask of its host. Outside WebAssembly `strongroom_plugin.testing` stands for the host."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from strongroom_plugin.request import Request

try:
    from componentize_py_types import Err
    from wit_world.imports import host as _host
except ImportError:
    from strongroom_plugin import testing as _host
    from strongroom_plugin.testing import Err


class Level(Enum):
    """How much a line of the log matters."""

    DEBUG = 0
    INFO = 1
    WARNING = 2
    ERROR = 3


@dataclass(slots=True)
class Entry:
    """A key as the store has it."""

    key: bytes
    #: None when withheld: it lies under a sealed prefix, and the plugin may not see such values.
    value: bytes | None
    #: The revision in which the key was created.
    create_revision: int
    #: The revision in which it was last put.
    mod_revision: int
    #: How often it was put since it was created.
    version: int
    #: The lease that it is attached to, 0 for none.
    lease: int


@dataclass(slots=True)
class Listing:
    """Keys in their order."""

    entries: Sequence[Entry]
    #: Whether there are more than were asked for.
    more: bool


class ReadError(Exception):
    """Why nothing was read."""


class NotGranted(ReadError):
    """The administrator did not let this plugin read there."""


class TooMuch(ReadError):
    """This call has read as much as one call may: 4 MiB, or 100 times."""


def log(level: Level, message: str) -> None:
    """Adds a line to this plugin's log, which administrators read (`strongroom plugin logs`).

    What is longer than 1 KiB is cut off, and after sixteen lines a call adds no more. What is logged during the review
    of a sealed value is dropped.
    """
    _host.log(_LEVELS[level.value], message)


def settings() -> str:
    """The settings that the administrator gave; empty for none."""
    return _host.settings()


def get(key: bytes) -> Entry | None:
    """A key, or None if there is none.

    All reads during the reviews of one client request are of one revision. Raises `ReadError`.
    """
    try:
        found = _host.get(key)
    except Err as error:
        raise _read_error(error) from None
    return None if found is None else _entry(found)


def list(prefix: bytes, start: bytes = b"", limit: int = 1000) -> Listing:
    """Keys that begin with `prefix`, from `start` on (empty: from the first), at most `limit` and at most 1,000.

    To go on, start at the last key with a zero byte after it. Raises `ReadError`.
    """
    try:
        found = _host.list(prefix, start, limit)
    except Err as error:
        raise _read_error(error) from None
    return Listing([_entry(entry) for entry in found.entries], found.more)


def previous(request: Request) -> Entry | None:
    """What the request's key holds before the write, or None if it creates the key. Raises `ReadError`."""
    return get(request.key)


def _entry(entry: object) -> Entry:
    names = Entry.__slots__
    return Entry(*[getattr(entry, name) for name in names])


def _read_error(error: Err) -> ReadError:
    return NotGranted() if error.value.name == "NOT_GRANTED" else TooMuch()


_LEVELS = tuple(_host.Level)
