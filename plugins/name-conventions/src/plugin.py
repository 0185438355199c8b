"""Denies objects whose names break the rules that are given in the settings."""

from rules import Rule, Settings, parse

from strongroom_plugin import Request, Verdict, host, kubernetes, policy

PREFIXES = [
    f"/registry/{resource}/"
    for resource in (
        "configmaps",
        "cronjobs",
        "daemonsets",
        "deployments",
        "ingress",
        "jobs",
        "namespaces",
        "serviceaccounts",
        "services/specs",
        "statefulsets",
    )
]


def review(request: Request) -> Verdict:
    """Holds the rules against the name of the object that is put."""
    if request.value_withheld:
        return Verdict.deny("value-withheld", "the name of this object is under rules, and its value may not be seen")
    if request.value is None:
        return Verdict.allow()
    try:
        settings = parse(host.settings())
    except ValueError as error:
        return Verdict.deny("bad-settings", f"the settings of name-conventions: {error}")
    try:
        found = kubernetes.read(request.value)
        if not settings.names_kind(found.kind):
            return Verdict.allow()
        metadata = found.metadata
    except kubernetes.MalformedError as error:
        return Verdict.deny("unreadable-object", f"the name of this object is under rules, but {error}")
    broken = settings.broken_by(found.kind, metadata.namespace, metadata.name)
    if broken is None:
        return Verdict.allow()
    if settings.spares_existing and _exists(request):
        return Verdict.allow().with_note(f"{_named(found)} breaks a rule about its name, and was there before")
    return _denial(found, broken)


def _exists(request: Request) -> bool:
    try:
        return host.previous(request) is not None
    except host.ReadError:
        # An object that may be new is held to the rules.
        return False


def _denial(found: kubernetes.Object, broken: Rule) -> Verdict:
    reason = broken.message or f"names of this kind must match {broken.pattern}"
    return Verdict.deny("name-convention", f"{_named(found)}: {reason}")


def _named(found: kubernetes.Object) -> str:
    name, namespace = found.metadata.name, found.metadata.namespace
    # As long as real ones get: what is not real leaves room for the reason.
    return f'{found.kind:.63} "{name:.253}"' + (f' in namespace "{namespace:.63}"' if namespace else "")


Policy = policy(
    name="name-conventions",
    version="0.1.0",
    prefixes=PREFIXES,
    review=review,
    validate_settings=lambda settings: parse(settings).check(),
)
