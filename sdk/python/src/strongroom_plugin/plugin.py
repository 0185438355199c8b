"""Makes a review function the policy that the contract asks for."""

from collections.abc import Callable, Iterable

from strongroom_plugin import snapshot
from strongroom_plugin.request import Caller, Mode, Operation, Operations, Request
from strongroom_plugin.verdict import Deny, Mutate, Verdict

try:
    from componentize_py_types import Err
    from wit_world.exports import policy as _wit
except ImportError:
    from strongroom_plugin.testing import Err

    _wit = None

Review = Callable[[Request], Verdict]


def no_settings(settings: str) -> None:
    """Takes no settings but empty ones: what a plugin does that says nothing about them."""
    if settings:
        raise ValueError("this plugin has no settings")


def policy(
    *,
    name: str,
    version: str,
    prefixes: Iterable[str | bytes],
    review: Review,
    operations: Operations = Operations.PUT,
    validate_settings: Callable[[str], object] = no_settings,
) -> type:
    """The policy as a class; a plugin's module assigns it to the name `Policy`, as the last thing that it does.

    Keys that begin with one of `prefixes` are reviewed, in `operations`. The administrator may choose other prefixes.
    `validate_settings` raises `ValueError` with what is wrong with the settings; what it returns does not matter.
    """
    keys = [prefix.encode() if isinstance(prefix, str) else prefix for prefix in prefixes]
    judge, check = review, validate_settings

    class Policy:
        def describe(self) -> object:
            told = (name, version, keys, _operations(operations))
            return _wit.Description(*told) if _wit else told

        def validate_settings(self, settings: str) -> None:
            try:
                check(settings)
            except ValueError as error:
                raise Err(_sendable(str(error))) from None

        def review(self, request: object) -> object:
            return _answer(judge(_request(request))) if _wit else judge(request)

    if _wit:
        snapshot.settle()
    return Policy


def _operations(operations: Operations) -> object:
    if not _wit:
        return operations
    none = _wit.Operations(0)
    put = _wit.Operations.PUT if Operations.PUT in operations else none
    return put | _wit.Operations.DELETE if Operations.DELETE in operations else put


_OPERATIONS = tuple(Operation)
_MODES = tuple(Mode)


def _request(told: object) -> Request:
    caller = told.caller
    return Request(
        _OPERATIONS[told.operation.value],
        told.key,
        told.range_end,
        told.value,
        told.value_withheld,
        told.lease,
        told.in_txn,
        Caller(caller.common_name, caller.user, caller.uris),
        _MODES[told.mode.value],
    )


def _answer(verdict: Verdict) -> object:
    match verdict.decision:
        case Deny(code, message):
            decision = _wit.Decision_Deny(_wit.Denial(code, _sendable(message)))
        case Mutate(value):
            decision = _wit.Decision_Mutate(value)
        case _:
            decision = _wit.Decision_Allow()
    return _wit.Verdict(decision, [_sendable(line) for line in verdict.warnings], [_sendable(line) for line in verdict.notes])


def _sendable(text: str) -> str:
    """The same without what UTF-8 cannot say: half a surrogate pair, which text from JSON can hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
