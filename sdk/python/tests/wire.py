"""Objects in Kubernetes' protobuf envelope, written field by field."""

import json


def varint(number: int) -> bytes:
    """A number as protobuf writes it."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def field(number: int, content: bytes | str | int | bool) -> bytes:
    """One field."""
    if isinstance(content, int):
        # A negative number is written as if it had no sign.
        return varint(number << 3) + varint(content % 2**64)
    raw = content.encode() if isinstance(content, str) else content
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def message(*contents: tuple) -> bytes:
    """A message of fields: the number of each, and a text, a number, a truth value, or the fields of a message."""
    return b"".join(
        field(number, content[0] if content and not isinstance(content[0], tuple) else message(*content))
        for number, *content in contents
    )


def fields(number: int, contents: dict) -> bytes:
    """A map."""
    return b"".join(field(number, field(1, key) + field(2, value)) for key, value in contents.items())


def envelope(api_version: str, kind: str, raw: bytes) -> bytes:
    """An object as it is stored."""
    types = field(1, api_version) + field(2, kind)
    return b"k8s\0" + field(1, types) + field(2, raw) + field(3, "") + field(4, "")


def metadata(name: str, namespace: str, labels: dict, annotations: dict) -> bytes:
    """The field that every object begins with, with others in between."""
    uid, created = field(5, "0b1c"), field(8, field(1, 1700000000))
    maps = fields(11, labels) + fields(12, annotations)
    return field(1, field(1, name) + field(2, "") + field(3, namespace) + uid + created + maps)


def document(**contents: object) -> bytes:
    """The same in JSON."""
    return json.dumps(contents).encode()
