"""Objects in JSON, and what their fields hold."""

import binascii
import json
import re
from itertools import accumulate

from strongroom_plugin.kubernetes.errors import MalformedError

#: Objects and lists within one another. The schema of a big custom resource reaches 60; the reader's stack is good for more.
DEPTH_MAX = 200

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEPS = [1 if byte in b"[{" else -1 for byte in range(256)]

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None


def parse(raw: bytes) -> dict[str, Json]:
    """A JSON object."""
    if _too_deep(raw):
        raise MalformedError(f"the JSON is nested deeper than {DEPTH_MAX}")
    try:
        found = _DECODER.decode(raw.decode("utf-8", "replace"))
    except MalformedError:
        raise
    except (ValueError, RecursionError):
        # The parser's own message can quote.
        raise MalformedError("it is not JSON") from None
    return as_object(found)


def as_object(found: Json) -> dict[str, Json]:
    """A field that is an object; missing and null are empty."""
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise MalformedError("a field is not an object")
    return found


def as_list(found: Json) -> list[Json]:
    """A field that is a list; missing and null are empty."""
    if found is None:
        return []
    if not isinstance(found, list):
        raise MalformedError("a field is not a list")
    return found


def as_text(found: Json) -> str:
    """A field of text; missing and null are empty. Half a surrogate pair becomes the replacement character."""
    if found is None:
        return ""
    if not isinstance(found, str):
        raise MalformedError("a field is not text")
    return found if found.isascii() else found.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def as_flag(found: Json) -> bool:
    """A field that is true or false; missing and null are false."""
    if found is None:
        return False
    if not isinstance(found, bool):
        raise MalformedError("a field is not true or false")
    return found


def as_optional_flag(found: Json) -> bool | None:
    """The same, but missing and null are None."""
    return None if found is None else as_flag(found)


def as_integer(found: Json) -> int:
    """A field that is a whole number of 64 bits; missing and null are 0."""
    if found is None:
        return 0
    if isinstance(found, bool) or not isinstance(found, int) or not -(2**63) <= found < 2**63:
        raise MalformedError("a field is not a whole number")
    return found


def as_optional_integer(found: Json) -> int | None:
    """The same, but missing and null are None."""
    return None if found is None else as_integer(found)


def as_bytes(found: Json) -> bytes:
    """A field of bytes, in base64."""
    text = as_text(found).translate(_NO_LINE_BREAKS)
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        raise MalformedError("a field is not in base64") from None


def as_text_map(found: Json) -> dict[str, str]:
    """A map from text to text."""
    return {as_text(key): as_text(value) for key, value in as_object(found).items()}


def as_bytes_map(found: Json) -> dict[str, bytes]:
    """A map from text to bytes."""
    return {as_text(key): as_bytes(value) for key, value in as_object(found).items()}


def _too_deep(raw: bytes) -> bool:
    """Whether the parser's recursion would go deeper than it may; its stack is the engine's, not Python's."""
    if raw.count(b"{") + raw.count(b"[") <= DEPTH_MAX:
        return False
    brackets = _STRING.sub(b"", raw).translate(None, _NOT_BRACKETS)
    return max(accumulate(map(_STEPS.__getitem__, brackets)), default=0) > DEPTH_MAX


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    """An object whose keys are all different: of readers of the same key twice no two agree."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedError("the JSON has a key twice")
    return found


def _refuse(_: str) -> Json:
    raise MalformedError("the JSON has a number that is none")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse)
_NO_LINE_BREAKS = str.maketrans("", "", "\r\n")
