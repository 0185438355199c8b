"""Objects, whichever way they are encoded."""

from dataclasses import dataclass
from typing import Protocol

from strongroom_plugin.kubernetes import jsontext, podmessage, podtext
from strongroom_plugin.kubernetes.errors import MalformedError
from strongroom_plugin.kubernetes.pods import Pod
from strongroom_plugin.kubernetes.protobuf import MAGIC, Message


@dataclass(slots=True)
class Metadata:
    """What every object has."""

    name: str
    #: Empty for an object of the whole cluster.
    namespace: str
    labels: dict[str, str]
    annotations: dict[str, str]


@dataclass(slots=True)
class Secret:
    """A Secret, its data decoded."""

    type: str
    data: dict[str, bytes]


@dataclass(slots=True)
class ConfigMap:
    """A ConfigMap, its binary data decoded."""

    data: dict[str, str]
    binary_data: dict[str, bytes]


class _Body(Protocol):
    """An encoding."""

    def metadata(self) -> Metadata: ...
    def secret(self) -> Secret: ...
    def config_map(self) -> ConfigMap: ...
    def pod(self) -> Pod: ...


class Object:
    """An object of any kind. What it holds is read on demand; each of these may raise `MalformedError`."""

    __slots__ = ("_body", "_metadata", "api_version", "kind")

    def __init__(self, api_version: str, kind: str, body: _Body) -> None:
        self.api_version = api_version
        self.kind = kind
        self._body = body
        self._metadata: Metadata | None = None

    @property
    def metadata(self) -> Metadata:
        """Its metadata."""
        if self._metadata is None:
            self._metadata = self._body.metadata()
        return self._metadata

    def secret(self) -> Secret | None:
        """What it holds as a Secret, or None if it is none."""
        return self._body.secret() if self._is("Secret") else None

    def config_map(self) -> ConfigMap | None:
        """What it holds as a ConfigMap, or None if it is none."""
        return self._body.config_map() if self._is("ConfigMap") else None

    def pod(self) -> Pod | None:
        """What it holds as a Pod, or None if it is none."""
        return self._body.pod() if self._is("Pod") else None

    def _is(self, kind: str) -> bool:
        return self.kind == kind and self.api_version == "v1"


def read(value: bytes) -> Object:
    """The object that a value holds. Raises `MalformedError`."""
    if value.startswith(MAGIC):
        envelope = Message(value[len(MAGIC) :])
        types = envelope.message(1)
        api_version, kind, body = types.text(1), types.text(2), _Protobuf(envelope.blob(2))
    else:
        fields = jsontext.parse(value)
        api_version, kind = jsontext.as_text(fields.get("apiVersion")), jsontext.as_text(fields.get("kind"))
        body = _Json(fields)
    if not kind or not api_version:
        raise MalformedError("it does not say which kind of object it is")
    return Object(api_version, kind, body)


class _Protobuf:
    __slots__ = ("_raw",)

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def metadata(self) -> Metadata:
        found = Message(self._raw, frozenset([1])).message(1, frozenset([1, 3, 11, 12]))
        return Metadata(found.text(1), found.text(3), found.text_map(11), found.text_map(12))

    def secret(self) -> Secret:
        found = Message(self._raw, frozenset([2, 3]))
        return Secret(found.text(3), found.blob_map(2))

    def config_map(self) -> ConfigMap:
        found = Message(self._raw, frozenset([2, 3]))
        return ConfigMap(found.text_map(2), found.blob_map(3))

    def pod(self) -> Pod:
        return podmessage.read(self._raw)


class _Json:
    __slots__ = ("_fields",)

    def __init__(self, fields: dict[str, jsontext.Json]) -> None:
        self._fields = fields

    def metadata(self) -> Metadata:
        found = jsontext.as_object(self._fields.get("metadata"))
        return Metadata(
            jsontext.as_text(found.get("name")),
            jsontext.as_text(found.get("namespace")),
            jsontext.as_text_map(found.get("labels")),
            jsontext.as_text_map(found.get("annotations")),
        )

    def secret(self) -> Secret:
        return Secret(jsontext.as_text(self._fields.get("type")), jsontext.as_bytes_map(self._fields.get("data")))

    def config_map(self) -> ConfigMap:
        data, binary_data = self._fields.get("data"), self._fields.get("binaryData")
        return ConfigMap(jsontext.as_text_map(data), jsontext.as_bytes_map(binary_data))

    def pod(self) -> Pod:
        return podtext.read(self._fields)
