"""Messages in protobuf's wire form, read field by field.

Numbers are those of `generated.proto` in k8s.io/api/core/v1, k8s.io/apimachinery/pkg/apis/meta/v1 and
k8s.io/apimachinery/pkg/runtime.
"""

from strongroom_plugin.kubernetes.errors import MalformedError

#: What Kubernetes writes before an object.
MAGIC = b"k8s\0"

_VARINT, _FIXED64, _LENGTH_DELIMITED, _FIXED32 = 0, 1, 2, 5
_VARINT_BYTES_MAX = 10


class Message:
    """The fields of one message, by number. Fields of no interest are stepped over."""

    __slots__ = ("_parts",)

    def __init__(self, raw: bytes, wanted: frozenset[int] | None = None) -> None:
        self._parts: dict[int, list[bytes | int | None]] = {}
        at, end = 0, len(raw)
        while at < end:
            tag, at = _varint(raw, at)
            number, wire_type = tag >> 3, tag & 7
            if number == 0:
                raise MalformedError("a protobuf field has the number 0")
            if wire_type == _LENGTH_DELIMITED:
                size, at = _varint(raw, at)
                part: bytes | int | None = raw[at : at + size] if wanted is None or number in wanted else b""
                at += size
            elif wire_type == _VARINT:
                part, at = _varint(raw, at)
            elif wire_type in (_FIXED64, _FIXED32):
                part = None  # Nothing that is read has this type.
                at += 8 if wire_type == _FIXED64 else 4
            else:
                raise MalformedError("a protobuf field has no known wire type")
            if at > end:
                raise MalformedError("a protobuf message is cut off")
            if wanted is None or number in wanted:
                self._parts.setdefault(number, []).append(part)

    def __contains__(self, number: int) -> bool:
        return number in self._parts

    def every(self, number: int) -> list[bytes]:
        """Every occurrence of a field of bytes."""
        parts = self._parts.get(number, [])
        if not all(isinstance(part, bytes) for part in parts):
            raise MalformedError("a protobuf field is of another type")
        return parts  # type: ignore[return-value]

    def blob(self, number: int) -> bytes:
        """A field of bytes; of several, the last holds."""
        parts = self.every(number)
        return parts[-1] if parts else b""

    def text(self, number: int) -> str:
        """A field of text."""
        return self.blob(number).decode("utf-8", "replace")

    def texts(self, number: int) -> list[str]:
        """A list of texts."""
        return [part.decode("utf-8", "replace") for part in self.every(number)]

    def flag(self, number: int) -> bool:
        """A field that is true or false."""
        return self._number(number) != 0

    def optional_flag(self, number: int) -> bool | None:
        """The same, but None if it is missing."""
        return self.flag(number) if number in self else None

    def integer(self, number: int) -> int:
        """A field that is a whole number of 64 bits. A negative one is written as if it had no sign."""
        found = self._number(number)
        if found >= 2**64:
            raise MalformedError("a protobuf number is cut off or too long")
        return found - 2**64 if found >= 2**63 else found

    def optional_integer(self, number: int) -> int | None:
        """The same, but None if it is missing."""
        return self.integer(number) if number in self else None

    def message(self, number: int, wanted: frozenset[int] | None = None) -> "Message":
        """A field that is a message; several are merged, which is what their bytes in a row mean."""
        return Message(b"".join(self.every(number)), wanted)

    def text_map(self, number: int) -> dict[str, str]:
        """A map from text to text."""
        return {entry.text(1): entry.text(2) for entry in map(Message, self.every(number))}

    def blob_map(self, number: int) -> dict[str, bytes]:
        """A map from text to bytes."""
        return {entry.text(1): entry.blob(2) for entry in map(Message, self.every(number))}

    def _number(self, number: int) -> int:
        parts = self._parts.get(number)
        if not parts:
            return 0
        if not all(isinstance(part, int) for part in parts):
            raise MalformedError("a protobuf field is of another type")
        return parts[-1]  # type: ignore[return-value]


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index, byte in enumerate(raw[at : at + _VARINT_BYTES_MAX]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, at + index + 1
    raise MalformedError("a protobuf number is cut off or too long")
