"""What a Pod says, most of it what the Pod Security Standards ask about."""

from dataclasses import dataclass, field

from strongroom_plugin.kubernetes.errors import MalformedError

#: The fields of VolumeSource, by their numbers in protobuf.
SOURCES = {
    1: "hostPath",
    2: "emptyDir",
    3: "gcePersistentDisk",
    4: "awsElasticBlockStore",
    5: "gitRepo",
    6: "secret",
    7: "nfs",
    8: "iscsi",
    9: "glusterfs",
    10: "persistentVolumeClaim",
    11: "rbd",
    12: "flexVolume",
    13: "cinder",
    14: "cephfs",
    15: "flocker",
    16: "downwardAPI",
    17: "fc",
    18: "azureFile",
    19: "configMap",
    20: "vsphereVolume",
    21: "quobyte",
    22: "azureDisk",
    23: "photonPersistentDisk",
    24: "portworxVolume",
    25: "scaleIO",
    26: "projected",
    27: "storageos",
    28: "csi",
    29: "ephemeral",
    30: "image",
}


@dataclass(slots=True)
class Capabilities:
    """What is given to a container and taken from it, as written: `NET_ADMIN`, `ALL`."""

    add: list[str] = field(default_factory=list)
    drop: list[str] = field(default_factory=list)


@dataclass(slots=True)
class SecurityContext:
    """What a container may. What it does not say is None; for most, its Pod then says it."""

    privileged: bool = False
    #: None: allowed.
    allow_privilege_escalation: bool | None = None
    run_as_non_root: bool | None = None
    run_as_user: int | None = None
    read_only_root_filesystem: bool = False
    capabilities: Capabilities = field(default_factory=Capabilities)
    #: Such as `RuntimeDefault`; empty if it has no profile of its own.
    seccomp_profile_type: str = ""
    #: `Default` or `Unmasked`; empty is the former.
    proc_mount: str = ""


@dataclass(slots=True)
class PodSecurityContext:
    """What all containers of a Pod may, where they do not say it themselves."""

    run_as_non_root: bool | None = None
    run_as_user: int | None = None
    #: Such as `RuntimeDefault`; empty if there is no profile.
    seccomp_profile_type: str = ""
    #: The names of those that are set.
    sysctls: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Volume:
    """A volume of a Pod."""

    name: str
    #: The name of the field that describes it: `hostPath`, `emptyDir`, `secret`. Empty if it comes from something that this
    #: reader does not know, so a policy should name what it allows.
    source: str = ""
    #: The path on the node; empty if it comes from something else.
    host_path: str = ""


@dataclass(slots=True)
class Container:
    """A container of a Pod, of any sort."""

    name: str
    image: str
    #: The ports of its node that it takes, without those that are 0.
    host_ports: list[int] = field(default_factory=list)
    security_context: SecurityContext = field(default_factory=SecurityContext)


@dataclass(slots=True)
class Pod:
    """A Pod's containers, as whom and where they run, and what they have of their node."""

    containers: list[Container]
    init_containers: list[Container]
    ephemeral_containers: list[Container]
    service_account_name: str
    host_network: bool
    host_pid: bool = False
    host_ipc: bool = False
    #: Whether the containers get the account's token; None: the account says.
    automount_service_account_token: bool | None = None
    #: Empty until there is a node.
    node_name: str = ""
    volumes: list[Volume] = field(default_factory=list)
    security_context: PodSecurityContext = field(default_factory=PodSecurityContext)

    @property
    def all_containers(self) -> list[Container]:
        """The containers of every sort."""
        return self.init_containers + self.containers + self.ephemeral_containers


def only_source(described: list[str]) -> str:
    """The source of a volume for which these are described."""
    if len(described) > 1:
        raise MalformedError("a volume has two sources")
    return described[0] if described else ""


def taken(ports: list[int]) -> list[int]:
    """The ports of these that are some."""
    if not all(-(2**31) <= port < 2**31 for port in ports):
        raise MalformedError("a port has more than 32 bits")
    return [port for port in ports if port != 0]
