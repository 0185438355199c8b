"""Kubernetes objects as an API server stores them: in JSON, or in a protobuf envelope.

    found = kubernetes.read(request.value)
    found.kind, found.metadata.namespace, found.metadata.name
    pod = found.pod()    # None unless it is one

The same object gives the same answers in both encodings. Whatever the bytes, the worst that comes of them is
`MalformedError`. Parts are read when they are first asked for, so that may come from them too.
"""

from strongroom_plugin.kubernetes.errors import MalformedError
from strongroom_plugin.kubernetes.objects import ConfigMap, Metadata, Object, Secret, read
from strongroom_plugin.kubernetes.pods import (
    Capabilities,
    Container,
    Pod,
    PodSecurityContext,
    SecurityContext,
    Volume,
)

__all__ = [
    "Capabilities",
    "ConfigMap",
    "Container",
    "MalformedError",
    "Metadata",
    "Object",
    "Pod",
    "PodSecurityContext",
    "Secret",
    "SecurityContext",
    "Volume",
    "read",
]
