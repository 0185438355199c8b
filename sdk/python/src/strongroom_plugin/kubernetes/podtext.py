"""Pods in JSON."""

from strongroom_plugin.kubernetes.jsontext import (
    Json,
    as_flag,
    as_integer,
    as_list,
    as_object,
    as_optional_flag,
    as_optional_integer,
    as_text,
)
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


def read(fields: dict[str, Json]) -> Pod:
    """What is in the fields of a Pod."""
    spec = as_object(fields.get("spec"))
    return Pod(
        containers=_containers(spec.get("containers")),
        init_containers=_containers(spec.get("initContainers")),
        ephemeral_containers=_containers(spec.get("ephemeralContainers")),
        service_account_name=as_text(spec.get("serviceAccountName")),
        host_network=as_flag(spec.get("hostNetwork")),
        host_pid=as_flag(spec.get("hostPID")),
        host_ipc=as_flag(spec.get("hostIPC")),
        automount_service_account_token=as_optional_flag(spec.get("automountServiceAccountToken")),
        node_name=as_text(spec.get("nodeName")),
        volumes=[_volume(volume) for volume in _objects(spec.get("volumes"))],
        security_context=_pod_security_context(as_object(spec.get("securityContext"))),
    )


def _objects(found: Json) -> list[dict[str, Json]]:
    return [as_object(item) for item in as_list(found)]


def _pod_security_context(found: dict[str, Json]) -> PodSecurityContext:
    return PodSecurityContext(
        run_as_non_root=as_optional_flag(found.get("runAsNonRoot")),
        run_as_user=as_optional_integer(found.get("runAsUser")),
        seccomp_profile_type=as_text(as_object(found.get("seccompProfile")).get("type")),
        sysctls=[as_text(sysctl.get("name")) for sysctl in _objects(found.get("sysctls"))],
    )


def _volume(found: dict[str, Json]) -> Volume:
    described = {source: as_object(found[source]) for source in SOURCES.values() if found.get(source) is not None}
    return Volume(
        name=as_text(found.get("name")),
        source=only_source(list(described)),
        host_path=as_text(described.get("hostPath", {}).get("path")),
    )


def _containers(found: Json) -> list[Container]:
    return [
        Container(
            name=as_text(container.get("name")),
            image=as_text(container.get("image")),
            host_ports=taken([as_integer(port.get("hostPort")) for port in _objects(container.get("ports"))]),
            security_context=_security_context(as_object(container.get("securityContext"))),
        )
        for container in _objects(found)
    ]


def _security_context(found: dict[str, Json]) -> SecurityContext:
    capabilities = as_object(found.get("capabilities"))
    return SecurityContext(
        privileged=as_flag(found.get("privileged")),
        allow_privilege_escalation=as_optional_flag(found.get("allowPrivilegeEscalation")),
        run_as_non_root=as_optional_flag(found.get("runAsNonRoot")),
        run_as_user=as_optional_integer(found.get("runAsUser")),
        read_only_root_filesystem=as_flag(found.get("readOnlyRootFilesystem")),
        capabilities=Capabilities(
            add=[as_text(capability) for capability in as_list(capabilities.get("add"))],
            drop=[as_text(capability) for capability in as_list(capabilities.get("drop"))],
        ),
        seccomp_profile_type=as_text(as_object(found.get("seccompProfile")).get("type")),
        proc_mount=as_text(found.get("procMount")),
    )
