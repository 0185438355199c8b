import assert from "node:assert/strict";
import { test } from "node:test";

import { bytes } from "../src/bytes.js";
import { read, Unreadable } from "../src/kubernetes.js";
import { container, podSpec } from "./spec.js";
import { envelope, field, join, numeric } from "./wire.js";

const JSON_SPEC = `{
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
    "sysctls":[{"name":"kernel.shm_rmid_forced","value":"0"},{"name":"net.core.somaxconn","value":"1024"}]}}`;
const SPEC = message(
  [1, [1, "run"], [2, [1, [1, "/run"], [2, "Directory"]]]], [1, [1, "empty"], [2, [2]]], [1, [1, "novel"], [2, [99]]],
  [1, [1, "none"], [2]],
  [2, [1, "web"], [2, "web:1"], [6, [2, 8080], [3, 80]], [6, [2, 0], [3, 81]], [6, [2, 0]], [6, [2, 53], [4, "UDP"]],
    [15, [1, [1, "NET_ADMIN"], [1, "SYS_TIME"], [2, "ALL"]], [2, true], [4, 0], [5, false], [6, true], [7, true],
      [9, "Unmasked"], [11, [1, "Localhost"], [2, "web.json"]]]],
  [2, [1, "side"], [2, "side:2"], [15, [1]]],
  [8, "robot"], [10, "node-1"], [11, false], [12, true], [13, true],
  [14, [2, 1000], [3, true], [5, 2000], [7, [1, "kernel.shm_rmid_forced"], [2, "0"]], [7, [1, "net.core.somaxconn"]],
    [10, [1, "RuntimeDefault"]]],
  [20, [1, "init"], [2, "init:3"], [15, [4, Number.MAX_SAFE_INTEGER], [5, true], [7, false]]],
  [21, false],
  [34, [1, [1, "debug"], [2, "debug:4"], [6, [2, 9]], [15, [2, true]]], [2, "web"]],
);
const SOURCES = [
  "hostPath", "emptyDir", "gcePersistentDisk", "awsElasticBlockStore", "gitRepo", "secret", "nfs", "iscsi", "glusterfs",
  "persistentVolumeClaim", "rbd", "flexVolume", "cinder", "cephfs", "flocker", "downwardAPI", "fc", "azureFile",
  "configMap", "vsphereVolume", "quobyte", "azureDisk", "photonPersistentDisk", "portworxVolume", "scaleIO",
  "projected", "storageos", "csi", "ephemeral", "image",
];

// A message of fields: a number, and a text, a number, a truth value, or the fields of a message.
function message(...fields) {
  return join(...fields.map(([number, ...content]) => {
    if (typeof content[0] === "string" || content[0] instanceof Uint8Array) return field(number, content[0]);
    if (content.length > 0 && !Array.isArray(content[0])) return numeric(number, content[0]);
    return field(number, message(...content));
  }));
}

function inJson(spec) {
  return bytes(`{"apiVersion":"v1","kind":"Pod","spec":${spec}}`);
}

function inProtobuf(spec) {
  return envelope("v1", "Pod", field(2, spec));
}

test("what a pod says reads the same in both forms", () => {
  const expected = podSpec({
    containers: [
      container("web", "web:1", {
        privileged: true, allowPrivilegeEscalation: true, runAsNonRoot: false, runAsUser: 0, readOnlyRootFilesystem: true,
        capabilities: { add: ["NET_ADMIN", "SYS_TIME"], drop: ["ALL"] }, seccompProfileType: "Localhost",
        procMount: "Unmasked",
      }, [8080, 53]),
      container("side", "side:2"),
    ],
    initContainers: [container("init", "init:3", {
      allowPrivilegeEscalation: false, runAsNonRoot: true, runAsUser: Number.MAX_SAFE_INTEGER,
    })],
    ephemeralContainers: [container("debug", "debug:4", { privileged: true }, [9])],
    serviceAccountName: "robot", automountServiceAccountToken: false, nodeName: "node-1", hostPID: true, hostIPC: true,
    volumes: [
      { name: "run", source: "hostPath", hostPath: "/run" }, { name: "empty", source: "emptyDir", hostPath: "" },
      { name: "novel", source: "", hostPath: "" }, { name: "none", source: "", hostPath: "" },
    ],
    securityContext: {
      runAsNonRoot: true, runAsUser: 1000, seccompProfileType: "RuntimeDefault",
      sysctls: ["kernel.shm_rmid_forced", "net.core.somaxconn"],
    },
  });
  for (const value of [inJson(JSON_SPEC), inProtobuf(SPEC)]) assert.deepEqual(read(value).pod(), expected);
});

test("what a pod does not say is null", () => {
  const nothing = `{"automountServiceAccountToken":null,"securityContext":{"runAsNonRoot":null,"runAsUser":null},
    "containers":[{"ports":null,"securityContext":null}]}`;
  const expected = podSpec({ containers: [container("", "")] });
  for (const value of [inJson(nothing), inProtobuf(message([2], [14]))]) assert.deepEqual(read(value).pod(), expected);
});

test("every source of a volume has its name", () => {
  for (const [index, source] of SOURCES.entries()) {
    const expected = [{ name: "", source, hostPath: source === "hostPath" ? "/p" : "" }];
    const protobuf = inProtobuf(message([1, [2, [index + 1, [1, "/p"]]]]));
    for (const value of [inJson(`{"volumes":[{"${source}":{"path":"/p"}}]}`), protobuf]) {
      assert.deepEqual(read(value).pod().volumes, expected);
    }
  }
});

test("a pod in pieces is put together", () => {
  const pod = read(inProtobuf(message(
    [2, [15, [2, true]], [15, [7, true]], [15, [7, false]]], [1, [2, [1]], [2, [1, [1, "/run"]]]],
  ))).pod();
  assert.deepEqual(pod.containers, [container("", "", { privileged: true, allowPrivilegeEscalation: false })]);
  assert.deepEqual(pod.volumes, [{ name: "", source: "hostPath", hostPath: "/run" }]);
});

test("numbers are those of their field", () => {
  for (const user of [0, -1, 7, 2 ** 31]) {
    for (const value of [inJson(`{"securityContext":{"runAsUser":${user}}}`), inProtobuf(message([14, [2, user]]))]) {
      assert.equal(read(value).pod().securityContext.runAsUser, user);
    }
  }
  for (const port of [-1, 2 ** 31 - 1, 2 ** 31, 2 ** 32]) {
    const json = inJson(`{"containers":[{"ports":[{"hostPort":${port}}]}]}`);
    for (const value of [json, inProtobuf(message([2, [6, [2, port]]]))]) {
      if (port < 2 ** 31) assert.deepEqual(read(value).pod().containers[0].hostPorts, [port]);
      else assert.throws(() => read(value).pod(), Unreadable);
    }
  }
});

test("what a pod says in another type is unreadable", () => {
  const specs = [
    '{"hostPID":"true"}', '{"hostIPC":1}', '{"automountServiceAccountToken":"false"}', '{"nodeName":1}', '{"volumes":{}}',
    '{"volumes":[{"hostPath":"/run"}]}', '{"volumes":[{"hostPath":{"path":1}}]}', '{"volumes":[{"emptyDir":true}]}',
    '{"volumes":[{"emptyDir":{},"hostPath":{}}]}', '{"containers":[{"ports":{}}]}',
    '{"containers":[{"ports":[{"hostPort":"80"}]}]}',
    ...[
      "[]", '{"runAsNonRoot":"true"}', '{"runAsUser":"0"}', '{"runAsUser":true}', '{"runAsUser":1.5}', '{"runAsUser":[]}',
      '{"sysctls":["a"]}', '{"seccompProfile":"RuntimeDefault"}',
    ].map((context) => `{"securityContext":${context}}`),
    ...[
      '{"privileged":"true"}', '{"privileged":1}', '{"allowPrivilegeEscalation":0}', '{"readOnlyRootFilesystem":"yes"}',
      '{"capabilities":["ALL"]}', '{"capabilities":{"add":"ALL"}}', '{"capabilities":{"drop":[1]}}', '{"procMount":{}}',
      '{"seccompProfile":{"type":1}}',
    ].map((context) => `{"containers":[{"securityContext":${context}}]}`),
  ];
  for (const spec of specs) assert.throws(() => read(inJson(spec)).pod(), Unreadable, spec);
  const fields = [
    [1, true], [12, ""], [13, "x"], [21, ""], [10, true], [10, Uint8Array.of(0xff)], [14, true], [14, [2]], [14, [3]],
    [14, [7, true]], [14, [10, [1, true]]], [1, [2, true]], [1, [2, [1, true]]], [1, [2, [2, Uint8Array.of(8)]]],
    [1, [2, [1], [2]]], [1, [2, [1, [1, true]]]], [2, [6, true]], [2, [6, [2]]], [2, [15, true]],
    ...[[1, true], [1, [2, true]], [2], [4], [5], [6], [7], [9, true], [11, true]].map((context) => [2, [15, context]]),
    [34, [1, [15, [2]]]],
  ];
  for (const each of fields) {
    assert.throws(() => read(inProtobuf(message(each))).pod(), Unreadable, JSON.stringify(each));
  }
});
