"""What a plugin is shown."""

from dataclasses import dataclass, field
from enum import Enum, Flag, auto


class Operation(Enum):
    """What a write does to its key or keys."""

    PUT = 0
    DELETE = 1


class Operations(Flag):
    """A set of operations.

    A plugin that wants deletes is also shown each put that attaches or keeps a lease: when the lease ends its keys are
    deleted, and no plugin is asked then.
    """

    PUT = auto()
    DELETE = auto()


class Mode(Enum):
    """What becomes of this plugin's verdicts."""

    #: They hold.
    ENFORCE = 0
    #: A denial becomes a warning, and a new value is not taken.
    WARN = 1
    #: They are only counted and logged.
    OBSERVE = 2


@dataclass(slots=True)
class Caller:
    """Who wrote."""

    #: The common name of the subject of a verified client certificate.
    common_name: str | None = None
    #: The user as which the request was permitted, where users and roles are on.
    user: str | None = None
    #: The URIs among the subject alternative names of a verified client certificate.
    uris: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Request:
    """One write to review. A transaction is reviewed write by write, those of both its branches."""

    operation: Operation
    #: The key; for a delete of a range, its first key.
    key: bytes
    #: For a delete of a range: the first key after it, or one zero byte for a range without end.
    range_end: bytes | None = None
    #: What is put, as earlier plugins left it. None for a delete, for a put that keeps the value there is, and when
    #: withheld.
    value: bytes | None = None
    #: Whether a value is put that this plugin may not see, because it lies under a sealed prefix.
    value_withheld: bool = False
    #: The lease put on the key, 0 for none. None for a delete and for a put that keeps the lease there is.
    lease: int | None = None
    #: Whether the write is part of a transaction.
    in_txn: bool = False
    caller: Caller = field(default_factory=Caller)
    mode: Mode = Mode.ENFORCE

    @classmethod
    def put(cls, key: bytes, value: bytes) -> "Request":
        """A plain put by an unknown caller, for tests of policies."""
        return cls(Operation.PUT, key, value=value, lease=0)

    @classmethod
    def delete(cls, key: bytes) -> "Request":
        """A delete of one key by an unknown caller, for tests of policies."""
        return cls(Operation.DELETE, key)
