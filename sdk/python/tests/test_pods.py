"""What the Pod Security Standards ask about, in both encodings."""

import json
import unittest

from strongroom_plugin import kubernetes
from strongroom_plugin.kubernetes import Capabilities, Container, Pod, PodSecurityContext, SecurityContext, Volume
from strongroom_plugin.kubernetes.pods import SOURCES
from wire import envelope, field, message

SPEC_JSON = """{
    "volumes":[{"name":"run","hostPath":{"path":"/run","type":"Directory"}},{"name":"empty","emptyDir":{},"secret":null},
        {"name":"novel","quantumDisk":{}},{"name":"none"}],
    "containers":[{"name":"web","image":"web:1",
        "ports":[{"containerPort":80,"hostPort":8080},{"containerPort":81},{"hostPort":0},{"hostPort":53,"protocol":"UDP"}],
        "securityContext":{"privileged":true,"allowPrivilegeEscalation":true,"runAsNonRoot":false,"runAsUser":0,
            "readOnlyRootFilesystem":true,"capabilities":{"add":["NET_ADMIN","SYS_TIME"],"drop":["ALL"]},
            "seccompProfile":{"type":"Localhost","localhostProfile":"web.json"},"procMount":"Unmasked"}},
        {"name":"side","image":"side:2","securityContext":{"privileged":null,"runAsUser":null,"capabilities":{}}}],
    "initContainers":[{"name":"init","image":"init:3",
        "securityContext":{"allowPrivilegeEscalation":false,"runAsNonRoot":true,"runAsUser":9007199254740991}}],
    "ephemeralContainers":[{"name":"debug","image":"debug:4","ports":[{"hostPort":9}],
        "securityContext":{"privileged":true},"targetContainerName":"web"}],
    "serviceAccountName":"robot","automountServiceAccountToken":false,"nodeName":"node-1",
    "hostNetwork":false,"hostPID":true,"hostIPC":true,
    "securityContext":{"runAsNonRoot":true,"runAsUser":1000,"fsGroup":2000,"seccompProfile":{"type":"RuntimeDefault"},
        "sysctls":[{"name":"kernel.shm_rmid_forced","value":"0"},{"name":"net.core.somaxconn","value":"1024"}]}}"""

_CAPABILITIES = (1, (1, "NET_ADMIN"), (1, "SYS_TIME"), (2, "ALL"))
_PORTS = ((6, (2, 8080), (3, 80)), (6, (2, 0), (3, 81)), (6, (2, 0)), (6, (2, 53), (4, "UDP")))
_SECCOMP_PROFILE = (11, (1, "Localhost"), (2, "web.json"))
_WEB = (_CAPABILITIES, (2, True), (4, 0), (5, False), (6, True), (7, True), (9, "Unmasked"), _SECCOMP_PROFILE)
_SYSCTLS = ((7, (1, "kernel.shm_rmid_forced"), (2, "0")), (7, (1, "net.core.somaxconn")))

SPEC = message(
    (1, (1, "run"), (2, (1, (1, "/run"), (2, "Directory")))),
    (1, (1, "empty"), (2, (2,))),
    (1, (1, "novel"), (2, (99,))),
    (1, (1, "none"), (2,)),
    (2, (1, "web"), (2, "web:1"), *_PORTS, (15, *_WEB)),
    (2, (1, "side"), (2, "side:2"), (15, (1,))),
    (8, "robot"),
    (10, "node-1"),
    (11, False),
    (12, True),
    (13, True),
    (14, (2, 1000), (3, True), (5, 2000), *_SYSCTLS, (10, (1, "RuntimeDefault"))),
    (20, (1, "init"), (2, "init:3"), (15, (4, 2**53 - 1), (5, True), (7, False))),
    (21, False),
    (34, (1, (1, "debug"), (2, "debug:4"), (6, (2, 9)), (15, (2, True))), (2, "web")),
)

EXPECTED = Pod(
    containers=[
        Container(
            "web",
            "web:1",
            host_ports=[8080, 53],
            security_context=SecurityContext(
                privileged=True,
                allow_privilege_escalation=True,
                run_as_non_root=False,
                run_as_user=0,
                read_only_root_filesystem=True,
                capabilities=Capabilities(add=["NET_ADMIN", "SYS_TIME"], drop=["ALL"]),
                seccomp_profile_type="Localhost",
                proc_mount="Unmasked",
            ),
        ),
        Container("side", "side:2"),
    ],
    init_containers=[
        Container(
            "init",
            "init:3",
            security_context=SecurityContext(
                allow_privilege_escalation=False, run_as_non_root=True, run_as_user=2**53 - 1
            ),
        )
    ],
    ephemeral_containers=[
        Container("debug", "debug:4", host_ports=[9], security_context=SecurityContext(privileged=True))
    ],
    service_account_name="robot",
    host_network=False,
    host_pid=True,
    host_ipc=True,
    automount_service_account_token=False,
    node_name="node-1",
    volumes=[Volume("run", "hostPath", "/run"), Volume("empty", "emptyDir"), Volume("novel"), Volume("none")],
    security_context=PodSecurityContext(
        run_as_non_root=True,
        run_as_user=1000,
        seccomp_profile_type="RuntimeDefault",
        sysctls=["kernel.shm_rmid_forced", "net.core.somaxconn"],
    ),
)


def in_json(spec: str) -> Pod:
    return kubernetes.read(b'{"apiVersion":"v1","kind":"Pod","spec":' + spec.encode() + b"}").pod()


def in_protobuf(spec: bytes) -> Pod:
    return kubernetes.read(envelope("v1", "Pod", field(2, spec))).pod()


class Pods(unittest.TestCase):
    def both(self, spec: str, raw: bytes, expected: Pod) -> None:
        self.assertEqual(in_json(spec), expected)
        self.assertEqual(in_protobuf(raw), expected)

    def test_what_a_pod_says(self) -> None:
        self.both(SPEC_JSON, SPEC, EXPECTED)

    def test_what_a_pod_does_not_say_is_none(self) -> None:
        contexts = '"securityContext":{"runAsNonRoot":null,"runAsUser":null},"containers":[{"securityContext":null}]'
        nothing = '{"automountServiceAccountToken":null,' + contexts + "}"
        self.both(nothing, message((2,), (14,)), Pod([Container("", "")], [], [], "", False))
        context = in_protobuf(message((2,))).containers[0].security_context
        self.assertIsNone(context.allow_privilege_escalation)
        self.assertIsNone(context.run_as_user)

    def test_every_source_has_its_name(self) -> None:
        for number, source in SOURCES.items():
            volume = Volume("", source, "/p" if source == "hostPath" else "")
            spec, raw = {"volumes": [{source: {"path": "/p"}}]}, message((1, (2, (number, (1, "/p")))))
            self.both(json.dumps(spec), raw, Pod([], [], [], "", False, volumes=[volume]))

    def test_a_pod_in_pieces_is_merged(self) -> None:
        rights = (15, (2, True)), (15, (7, True)), (15, (7, False))
        pod = in_protobuf(message((2, *rights), (1, (2, (1,)), (2, (1, (1, "/run"))))))
        context = SecurityContext(privileged=True, allow_privilege_escalation=False)
        self.assertEqual(pod.containers, [Container("", "", security_context=context)])
        self.assertEqual(pod.volumes, [Volume("", "hostPath", "/run")])

    def test_numbers_are_those_of_their_field(self) -> None:
        for user in (0, -1, 7, 2**63 - 1):
            expected = Pod([], [], [], "", False, security_context=PodSecurityContext(run_as_user=user))
            self.both(json.dumps({"securityContext": {"runAsUser": user}}), message((14, (2, user))), expected)
        for port in (-1, 2**31 - 1):
            spec, raw = {"containers": [{"ports": [{"hostPort": port}]}]}, message((2, (6, (2, port))))
            self.both(json.dumps(spec), raw, Pod([Container("", "", [port])], [], [], "", False))
        for port in (2**31, 2**32):
            with self.subTest(port), self.assertRaises(kubernetes.MalformedError):
                in_json(json.dumps({"containers": [{"ports": [{"hostPort": port}]}]}))
            with self.subTest(port), self.assertRaises(kubernetes.MalformedError):
                in_protobuf(message((2, (6, (2, port)))))

    def test_json_of_another_type_is_refused(self) -> None:
        for spec in (
            '{"hostPID":"true"}',
            '{"hostIPC":1}',
            '{"automountServiceAccountToken":"false"}',
            '{"nodeName":1}',
            '{"volumes":{}}',
            '{"volumes":[{"hostPath":"/run"}]}',
            '{"volumes":[{"hostPath":{"path":1}}]}',
            '{"volumes":[{"emptyDir":true}]}',
            '{"volumes":[{"emptyDir":{},"hostPath":{}}]}',
            '{"containers":[{"ports":{}}]}',
            '{"containers":[{"ports":[{"hostPort":"80"}]}]}',
            '{"securityContext":[]}',
            '{"securityContext":{"runAsNonRoot":"true"}}',
            '{"securityContext":{"runAsUser":"0"}}',
            '{"securityContext":{"runAsUser":true}}',
            '{"securityContext":{"runAsUser":1.0}}',
            '{"securityContext":{"runAsUser":9223372036854775808}}',
            '{"securityContext":{"sysctls":["a"]}}',
            '{"securityContext":{"seccompProfile":"RuntimeDefault"}}',
            '{"containers":[{"securityContext":{"privileged":"true"}}]}',
            '{"containers":[{"securityContext":{"privileged":1}}]}',
            '{"containers":[{"securityContext":{"privileged":false,"privileged":true}}]}',
            '{"containers":[{"securityContext":{"allowPrivilegeEscalation":0}}]}',
            '{"containers":[{"securityContext":{"readOnlyRootFilesystem":"yes"}}]}',
            '{"containers":[{"securityContext":{"capabilities":["ALL"]}}]}',
            '{"containers":[{"securityContext":{"capabilities":{"add":"ALL"}}}]}',
            '{"containers":[{"securityContext":{"capabilities":{"drop":[1]}}}]}',
            '{"containers":[{"securityContext":{"procMount":{}}}]}',
            '{"containers":[{"securityContext":{"seccompProfile":{"type":1}}}]}',
        ):
            with self.subTest(spec), self.assertRaises(kubernetes.MalformedError):
                in_json(spec)

    def test_protobuf_of_another_type_is_refused(self) -> None:
        fields = [(1, True), (12, ""), (13, "x"), (21, ""), (10, True), (14, True), (14, (2,)), (14, (3,))]
        fields += [(14, (7, True)), (14, (10, (1, True))), (1, (2, True)), (1, (2, (1, True))), (1, (2, (2, b"\x08")))]
        fields += [(1, (2, (1,), (2,))), (1, (2, (1, (1, True)))), (2, (6, True)), (2, (6, (2,))), (2, (15, True))]
        contexts = [(1, True), (1, (2, True)), (2,), (4,), (5,), (6,), (7,), (9, True), (11, True)]
        fields += [(2, (15, context)) for context in contexts]
        fields += [(34, (1, (15, (2,))))]
        # A truth value as a number of 32 bits.
        raws = [message(each) for each in fields] + [b"\x65\0\0\0\0", field(2, field(15, b"\x15\1\0\0\0"))]
        for raw in raws:
            with self.subTest(raw), self.assertRaises(kubernetes.MalformedError):
                in_protobuf(raw)


if __name__ == "__main__":
    unittest.main()
