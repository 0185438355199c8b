"""Whatever the bytes, the worst that comes of them is `MalformedError`."""

import json
import random
import time
import unittest

from strongroom_plugin import kubernetes
from test_pods import SPEC, SPEC_JSON
from wire import document, envelope, field, fields, metadata

ABOUT = metadata("web", "default", {"app": "web"}, {"why": "because"})
CONTAINER = field(1, "a") + field(2, "registry.example/a:1")
OBJECTS = [
    envelope("v1", "Secret", ABOUT + fields(2, {"a": b"hush"}) + field(3, "Opaque")),
    envelope("v1", "ConfigMap", ABOUT + fields(2, {"a": "b"}) + fields(3, {"c": b"d"})),
    envelope("v1", "Pod", ABOUT + field(2, field(2, CONTAINER) + field(34, field(1, CONTAINER)) + field(11, True))),
    document(apiVersion="v1", kind="Secret", metadata={"name": "web", "labels": {"a": "b"}}, data={"a": "aHVzaA=="}),
    document(apiVersion="v1", kind="Pod", metadata={"name": "web"}, spec={"containers": [{"name": "a", "image": "b"}]}),
    envelope("v1", "Pod", ABOUT + field(2, SPEC)),
    document(apiVersion="v1", kind="Pod", spec=json.loads(SPEC_JSON)),
]


def read_all(value: bytes) -> bool:
    """Reads all that there is. Whether it could be read; anything but the one error is passed on."""
    try:
        found = kubernetes.read(value)
        _ = found.metadata, found.secret(), found.config_map(), found.pod()
    except kubernetes.MalformedError:
        return False
    return True


class Hostile(unittest.TestCase):
    def test_cut_off_anywhere(self) -> None:
        for value in OBJECTS:
            # Between two fields of the envelope it is a whole one that says less: after the types, and after the object.
            ends = {6 + value[5], len(value) - 4, len(value) - 2} if value.startswith(b"k8s") else set()
            read = {size for size in range(len(value) + 1) if read_all(value[:size])}
            self.assertEqual(read, ends | {len(value)})

    def test_changed_anywhere(self) -> None:
        chance = random.Random(1)
        for value in OBJECTS:
            for _ in range(5000):
                changed = bytearray(value)
                for _ in range(chance.randint(1, 3)):
                    changed[chance.randrange(4, len(changed))] = chance.randrange(256)
                read_all(bytes(changed))

    def test_random_bytes(self) -> None:
        chance = random.Random(2)
        for size in range(500):
            read_all(b"k8s\0" + chance.randbytes(size))
            read_all(b"{" + chance.randbytes(size))

    def test_what_is_refused(self) -> None:
        pod = {"apiVersion": "v1", "kind": "Pod"}
        refused = {
            "nothing": b"",
            "the magic alone": b"k8s\0",
            "text": b"colour: blue",
            "an encrypted value": b"k8s:enc:aescbc:v1:key:\0\1\2",
            "a list": b"[]",
            "null": b"null",
            "no kind": document(apiVersion="v1"),
            "a kind that is a number": document(apiVersion="v1", kind=1),
            "not a number": b'{"apiVersion":"v1","kind":"Pod","a":NaN}',
            "an endless number": b'{"apiVersion":"v1","kind":"Pod","a":' + b"1" * 5000 + b"}",
            "a key twice": b'{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"metadata":{"name":"b"}}',
            "metadata as a list": document(**pod, metadata=[]),
            "a name as a number": document(**pod, metadata={"name": 1}),
            "a label as a list": document(**pod, metadata={"labels": {"a": []}}),
            "labels as text": document(**pod, metadata={"labels": "a"}),
            "containers as an object": document(**pod, spec={"containers": {}}),
            "a container as text": document(**pod, spec={"containers": ["a"]}),
            "host network as text": document(**pod, spec={"hostNetwork": "true"}),
            "not base64": document(apiVersion="v1", kind="Secret", data={"a": "!"}),
            "base64 cut off": document(apiVersion="v1", kind="Secret", data={"a": "aHVza"}),
            "field number 0": envelope("v1", "Pod", b"\x02\x00"),
            "a group": envelope("v1", "Pod", b"\x0b\x0c"),
            "metadata as a number": envelope("v1", "Pod", field(1, 1)),
            "host network as text": envelope("v1", "Pod", field(2, field(11, "x"))),
            "a length beyond the end": envelope("v1", "Pod", b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
            "a number without end": envelope("v1", "Pod", b"\xff" * 100),
        }
        for what, value in refused.items():
            with self.subTest(what):
                self.assertFalse(read_all(value))

    def test_a_lot_of_anything_ends_soon(self) -> None:
        size = 1_500_000
        begun = time.process_time()
        for part in (b"[", b'{"a":', b'"', b"\\", b'"\\', b"1", b"[]"):
            read_all(b'{"a":' + part * (size // len(part)))
        read_all(b"k8s\0" + b"\x0a\x00" * (size // 2))
        read_all(b"k8s\0" + b"\xff" * size)
        self.assertLess(time.process_time() - begun, 30)


if __name__ == "__main__":
    unittest.main()
