"""What a plugin says."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Allow:
    """The write passes as it is."""


@dataclass(frozen=True, slots=True)
class Deny:
    """The write is refused."""

    #: For programs: lowercase letters, digits and hyphens, beginning with a letter; at most 64 bytes.
    code: str
    #: For people: one line.
    message: str


@dataclass(frozen=True, slots=True)
class Mutate:
    """The write passes with this value in the place of its own."""

    value: bytes


@dataclass(slots=True)
class Verdict:
    """A decision, and lines that go with it."""

    decision: Allow | Deny | Mutate
    #: For whoever wrote: at most sixteen lines of 256 bytes each.
    warnings: list[str] = field(default_factory=list)
    #: For administrators: at most sixteen lines of 256 bytes each.
    notes: list[str] = field(default_factory=list)

    @classmethod
    def allow(cls) -> "Verdict":
        """Lets the write pass."""
        return cls(Allow())

    @classmethod
    def deny(cls, code: str, message: str) -> "Verdict":
        """Refuses the write.

        `code` is for programs: lowercase letters, digits and hyphens, at most 64 bytes. `message` is for people: one
        line, cut off after 1 KiB. Neither may quote the value.
        """
        return cls(Deny(code, message))

    @classmethod
    def mutate(cls, value: bytes) -> "Verdict":
        """Lets the write pass with this value in the place of its own. The administrator must have granted that."""
        return cls(Mutate(value))

    def with_warning(self, line: str) -> "Verdict":
        """The same with a line for whoever wrote. It may not quote the value."""
        return Verdict(self.decision, [*self.warnings, line], self.notes)

    def with_note(self, line: str) -> "Verdict":
        """The same with a line for the record. It may not quote the value."""
        return Verdict(self.decision, self.warnings, [*self.notes, line])

    @property
    def is_allowed(self) -> bool:
        """Whether the write passes as it is."""
        return isinstance(self.decision, Allow)

    @property
    def denial(self) -> Deny | None:
        """Why it is refused, if it is."""
        return self.decision if isinstance(self.decision, Deny) else None
