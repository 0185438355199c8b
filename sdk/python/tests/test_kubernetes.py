"""The same object gives the same answers in both encodings."""

import unittest

from strongroom_plugin import kubernetes
from strongroom_plugin.kubernetes import ConfigMap, Container, Metadata, Object, Pod, Secret
from wire import document, envelope, field, fields, metadata

LABELS = {"app": "web", "tier": "ünder", "empty": ""}
ANNOTATIONS = {"example.com/why": "a\nb"}
ABOUT = Metadata("web", "default", LABELS, ANNOTATIONS)
JSON_METADATA = {
    "name": "web",
    "namespace": "default",
    "uid": "0b1c",
    "creationTimestamp": "2023-11-14T22:13:20Z",
    "labels": LABELS,
    "annotations": ANNOTATIONS,
}
WIRE_METADATA = metadata("web", "default", LABELS, ANNOTATIONS)


class BothEncodings(unittest.TestCase):
    def each(self, api_version: str, kind: str, raw: bytes, **contents: object):
        values = {
            "protobuf": envelope(api_version, kind, WIRE_METADATA + raw),
            "JSON": document(apiVersion=api_version, kind=kind, metadata=JSON_METADATA, **contents),
        }
        for encoding, value in values.items():
            with self.subTest(encoding=encoding):
                found = kubernetes.read(value)
                self.assertEqual((found.api_version, found.kind, found.metadata), (api_version, kind, ABOUT))
                yield found

    def nothing_else(self, found: Object, *kinds: str) -> None:
        others = {"Secret": found.secret, "ConfigMap": found.config_map, "Pod": found.pod}
        for kind, read in others.items():
            if kind not in kinds:
                self.assertIsNone(read())

    def test_secret(self) -> None:
        raw = fields(2, {"password": b"\0\xffhush", "empty": b""}) + field(3, "Opaque") + field(5, True)
        data = {"password": "AP9odXNo", "empty": None}
        for found in self.each("v1", "Secret", raw, type="Opaque", data=data, immutable=True):
            self.assertEqual(found.secret(), Secret("Opaque", {"password": b"\0\xffhush", "empty": b""}))
            self.nothing_else(found, "Secret")

    def test_config_map(self) -> None:
        raw = fields(2, {"colour": "blue", "empty": ""}) + fields(3, {"logo": b"\x89PNG"})
        data, binary = {"colour": "blue", "empty": None}, {"logo": "iVBORw=="}
        for found in self.each("v1", "ConfigMap", raw, data=data, binaryData=binary):
            self.assertEqual(found.config_map(), ConfigMap({"colour": "blue", "empty": ""}, {"logo": b"\x89PNG"}))
            self.nothing_else(found, "ConfigMap")

    def test_pod(self) -> None:
        def container(name: str) -> bytes:
            return field(1, name) + field(2, f"registry.example/{name}:1") + field(6, field(3, 8080))

        def written(name: str) -> dict:
            return {"name": name, "image": f"registry.example/{name}:1", "ports": [{"containerPort": 8080}]}

        spec = field(2, container("a")) + field(2, container("b")) + field(3, "Always") + field(4, 30)
        spec += field(8, "robot") + field(11, True) + field(20, container("i"))
        spec += field(34, field(1, container("e")) + field(2, "a"))
        json_spec = {
            "containers": [written("a"), written("b")],
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "serviceAccountName": "robot",
            "hostNetwork": True,
            "initContainers": [written("i")],
            "ephemeralContainers": [{**written("e"), "targetContainerName": "a"}],
        }
        a, b, i, e = (Container(name, f"registry.example/{name}:1") for name in "abie")
        for found in self.each("v1", "Pod", field(2, spec), spec=json_spec):
            pod = found.pod()
            self.assertEqual(pod, Pod([a, b], [i], [e], "robot", True))
            self.assertEqual(pod.all_containers, [i, a, b, e])
            self.nothing_else(found, "Pod")

    def test_pod_of_defaults(self) -> None:
        for found in self.each("v1", "Pod", field(2, b"") + field(3, b""), spec={"containers": None}, status={}):
            self.assertEqual(found.pod(), Pod([], [], [], "", False))

    def test_other_kinds_have_kind_and_metadata(self) -> None:
        for found in self.each("apps/v1", "Deployment", field(2, field(1, 3)), spec={"replicas": 3}):
            self.nothing_else(found)

    def test_a_kind_of_another_group_is_not_that_of_the_core(self) -> None:
        for found in self.each("example.com/v1", "Secret", field(3, "Opaque"), type="Opaque"):
            self.nothing_else(found)


class Json(unittest.TestCase):
    def test_half_a_surrogate_pair_is_replaced(self) -> None:
        found = kubernetes.read(b'{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a\\ud800b"}}')
        self.assertEqual(found.metadata.name, "a\ufffdb")

    def test_base64_may_have_line_breaks(self) -> None:
        value = document(apiVersion="v1", kind="Secret", data={"a": "AP9o\r\ndXNo"})
        self.assertEqual(kubernetes.read(value).secret().data, {"a": b"\0\xffhush"})

    def test_nesting_up_to_a_bound_is_read(self) -> None:
        def nested(depth: int) -> bytes:
            return b'{"apiVersion":"v1","kind":"X","x":' + b"[" * depth + b"]" * depth + b',"y":"[[\\"["}'

        self.assertEqual(kubernetes.read(nested(199)).kind, "X")
        with self.assertRaises(kubernetes.MalformedError):
            kubernetes.read(nested(200))


class Protobuf(unittest.TestCase):
    def test_a_message_in_two_pieces_is_merged(self) -> None:
        raw = field(1, field(1, "old") + field(3, "default")) + field(1, field(1, "new"))
        found = kubernetes.read(envelope("v1", "Pod", raw))
        self.assertEqual((found.metadata.name, found.metadata.namespace), ("new", "default"))

    def test_fields_of_every_wire_type_are_stepped_over(self) -> None:
        others = b"\x79" + bytes(8) + b"\x7d" + bytes(4) + field(99, 2**64 - 1)
        found = kubernetes.read(envelope("v1", "Pod", others + metadata("web", "", {}, {})))
        self.assertEqual(found.metadata, Metadata("web", "", {}, {}))


if __name__ == "__main__":
    unittest.main()
