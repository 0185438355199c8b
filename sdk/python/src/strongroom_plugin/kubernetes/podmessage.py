"""Pods in protobuf. Numbers are those of `generated.proto` in k8s.io/api/core/v1."""

from strongroom_plugin.kubernetes.pods import (
    SOURCES,
    Capabilities,
    Container,
    Pod,
    PodSecurityContext,
    SecurityContext,
    Volume,
    only_source,
    taken,
)
from strongroom_plugin.kubernetes.protobuf import Message

_SPEC = frozenset([1, 2, 8, 10, 11, 12, 13, 14, 20, 21, 34])


def read(raw: bytes) -> Pod:
    """What is in the message of a Pod."""
    spec = Message(raw, frozenset([2])).message(2, _SPEC)
    # What an ephemeral container shares with others is a message within it.
    common = [Message(raw, frozenset([1])).message(1) for raw in spec.every(34)]
    return Pod(
        containers=[_container(found) for found in map(Message, spec.every(2))],
        init_containers=[_container(found) for found in map(Message, spec.every(20))],
        ephemeral_containers=[_container(found) for found in common],
        service_account_name=spec.text(8),
        host_network=spec.flag(11),
        host_pid=spec.flag(12),
        host_ipc=spec.flag(13),
        automount_service_account_token=spec.optional_flag(21),
        node_name=spec.text(10),
        volumes=[_volume(found) for found in map(Message, spec.every(1))],
        security_context=_pod_security_context(spec.message(14)),
    )


def _pod_security_context(found: Message) -> PodSecurityContext:
    return PodSecurityContext(
        run_as_non_root=found.optional_flag(3),
        run_as_user=found.optional_integer(2),
        seccomp_profile_type=found.message(10).text(1),
        sysctls=[sysctl.text(1) for sysctl in map(Message, found.every(7))],
    )


def _volume(found: Message) -> Volume:
    sources = found.message(2)
    described = {source: sources.message(number) for number, source in SOURCES.items() if number in sources}
    path = described["hostPath"].text(1) if "hostPath" in described else ""
    return Volume(name=found.text(1), source=only_source(list(described)), host_path=path)


def _container(found: Message) -> Container:
    return Container(
        name=found.text(1),
        image=found.text(2),
        host_ports=taken([port.integer(2) for port in map(Message, found.every(6))]),
        security_context=_security_context(found.message(15)),
    )


def _security_context(found: Message) -> SecurityContext:
    capabilities = found.message(1)
    return SecurityContext(
        privileged=found.flag(2),
        allow_privilege_escalation=found.optional_flag(7),
        run_as_non_root=found.optional_flag(5),
        run_as_user=found.optional_integer(4),
        read_only_root_filesystem=found.flag(6),
        capabilities=Capabilities(add=capabilities.texts(1), drop=capabilities.texts(2)),
        seccomp_profile_type=found.message(11).text(1),
        proc_mount=found.text(9),
    )
