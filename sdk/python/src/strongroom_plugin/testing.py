"""Stands for the host when a policy is tried out natively."""

import sys
from collections.abc import Mapping
from enum import Enum
from types import SimpleNamespace


class Level(Enum):
    """As in the contract."""

    DEBUG = 0
    INFO = 1
    WARNING = 2
    ERROR = 3


class ReadError(Enum):
    """As in the contract."""

    NOT_GRANTED = 0
    TOO_MUCH = 1


class Err(Exception):
    """A result that is an error, as the bindings spell it."""

    def __init__(self, value: ReadError) -> None:
        super().__init__(value)
        self.value = value


_settings = ""
_store: Mapping[bytes, bytes | None] | None = None


def given(settings: str = "", store: Mapping[bytes, bytes | None] | None = None) -> None:
    """Sets what the plugin is given from now on: its settings, and the keys that it may read with their values (None for
    a withheld one). Without a store it may not read."""
    global _settings, _store
    _settings, _store = settings, store


def log(level: Level, message: str) -> None:
    print(f"{level.name}: {message}", file=sys.stderr)


def settings() -> str:
    return _settings


def get(key: bytes) -> SimpleNamespace | None:
    store = _readable()
    return _entry(key, store[key]) if key in store else None


def list(prefix: bytes, start: bytes, limit: int) -> SimpleNamespace:
    store = _readable()
    keys = [key for key in sorted(store) if key.startswith(prefix) and key >= start]
    taken = keys[: min(limit, 1000)]
    return SimpleNamespace(entries=[_entry(key, store[key]) for key in taken], more=len(taken) < len(keys))


def _readable() -> Mapping[bytes, bytes | None]:
    if _store is None:
        raise Err(ReadError.NOT_GRANTED)
    return _store


def _entry(key: bytes, value: bytes | None) -> SimpleNamespace:
    return SimpleNamespace(key=key, value=value, create_revision=1, mod_revision=1, version=1, lease=0)
