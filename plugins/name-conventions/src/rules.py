"""The settings: which names must match which patterns.

Patterns are compiled when they are needed. A review runs in a fresh instance, and compiling is most of what it costs.
"""

import json
import re
from dataclasses import dataclass

RULES_MAX = 100
#: Bytes of a pattern and of a message. A denial's message has 1 KiB for both and the names.
TEXT_BYTES_MAX = 500


@dataclass(slots=True)
class Rule:
    """Names of objects of some kinds must match a pattern."""

    kinds: list[str]
    pattern: str
    namespaces: list[str]
    excepted: list[str]
    message: str

    def is_about(self, kind: str, namespace: str, name: str) -> bool:
        """Whether it says anything about an object."""
        if not _listed(self.kinds, kind) or _listed(self.excepted, name):
            return False
        return not self.namespaces or (namespace != "" and _listed(self.namespaces, namespace))


@dataclass(slots=True)
class Settings:
    """What the administrator gave."""

    rules: list[Rule]
    spares_existing: bool

    def names_kind(self, kind: str) -> bool:
        """Whether any rule is about objects of a kind."""
        return any(_listed(rule.kinds, kind) for rule in self.rules)

    def broken_by(self, kind: str, namespace: str, name: str) -> Rule | None:
        """The first rule that an object breaks."""
        for rule in self.rules:
            if rule.is_about(kind, namespace, name) and not re.fullmatch(rule.pattern, name):
                return rule
        return None

    def check(self) -> None:
        """Compiles every pattern. Raises `ValueError`."""
        for number, rule in enumerate(self.rules, 1):
            try:
                re.compile(rule.pattern)
            except (re.error, OverflowError, RecursionError) as error:
                raise ValueError(f"rule {number}: the pattern is not a regular expression: {error}") from None


def parse(text: str) -> Settings:
    """Reads settings, all but the patterns. Raises `ValueError` with what is wrong."""
    if not text.strip():
        raise ValueError("there are none; give a JSON object with rules")
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from None
    _fields(told, "the settings", {"rules"}, {"existing"})
    rules = told["rules"]
    if not isinstance(rules, list) or not 1 <= len(rules) <= RULES_MAX:
        raise ValueError(f"rules must be a list of 1 to {RULES_MAX}")
    existing = told.get("existing", "spare")
    if existing not in ("spare", "check"):
        raise ValueError('existing must be "spare" or "check"')
    return Settings([_rule(rule, f"rule {number}") for number, rule in enumerate(rules, 1)], existing == "spare")


def _rule(told: object, where: str) -> Rule:
    fields = _fields(told, where, {"kinds", "pattern"}, {"namespaces", "except", "message"})
    kinds = _names(fields, "kinds", where)
    if not kinds:
        raise ValueError(f"{where}: kinds is empty")
    pattern = _line(fields, "pattern", where)
    if not pattern:
        raise ValueError(f"{where}: pattern is empty")
    namespaces, excepted = _names(fields, "namespaces", where), _names(fields, "except", where)
    return Rule(kinds, pattern, namespaces, excepted, _line(fields, "message", where))


def _fields(told: object, where: str, required: set[str], optional: set[str]) -> dict[str, object]:
    if not isinstance(told, dict):
        raise ValueError(f"{where}: not a JSON object")
    missing, unknown = required - told.keys(), told.keys() - required - optional
    if missing:
        raise ValueError(f"{where}: {sorted(missing)[0]} is missing")
    if unknown:
        raise ValueError(f"{where}: {sorted(unknown)[0]} is not known")
    return told


def _names(fields: dict[str, object], name: str, where: str) -> list[str]:
    found = fields.get(name, [])
    if not isinstance(found, list) or not all(isinstance(one, str) and "*" not in one[:-1] for one in found):
        raise ValueError(f"{where}: {name} must be a list of names, of which the last letter may be *")
    return found


def _line(fields: dict[str, object], name: str, where: str) -> str:
    found = fields.get(name, "")
    if not isinstance(found, str) or len(found.encode("utf-8", "replace")) > TEXT_BYTES_MAX:
        raise ValueError(f"{where}: {name} must be text of at most {TEXT_BYTES_MAX} bytes")
    if any(letter < " " for letter in found):
        raise ValueError(f"{where}: {name} must be one line")
    return found


def _listed(names: list[str], name: str) -> bool:
    """Whether a name is in a list, in which `team-*` stands for all that begin so."""
    return any(name.startswith(one[:-1]) if one.endswith("*") else name == one for one in names)
