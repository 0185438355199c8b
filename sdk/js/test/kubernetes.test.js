import assert from "node:assert/strict";
import { test } from "node:test";

import { bytes } from "../src/bytes.js";
import { read, Unreadable } from "../src/kubernetes.js";
import { boolean, integer, message, within } from "../src/shape.js";
import { container, podSpec } from "./spec.js";
import { entry, envelope, field, join, numeric } from "./wire.js";

const METADATA = field(1, join(
  field(1, "web"), field(3, "shop"), entry(11, "app", "web"), entry(11, "__proto__", "x"), entry(12, "note", "käse"),
));
const META_JSON = `"metadata":{"name":"web","namespace":"shop","labels":{"app":"web","__proto__":"x"},"annotations":{"note":"käse"}}`;
const SPEC = join(
  field(2, join(field(1, "a"), field(2, "one:1"))),
  field(2, join(field(1, "b"), field(2, "two:2"))),
  field(20, join(field(1, "i"), field(2, "init:1"))),
  field(34, join(field(1, join(field(1, "e"), field(2, "debug:1"))), field(2, "a"))),
  field(8, "robot"),
  numeric(11, true),
);
const SPEC_JSON = {
  containers: [{ name: "a", image: "one:1" }, { name: "b", image: "two:2" }],
  initContainers: [{ name: "i", image: "init:1" }],
  ephemeralContainers: [{ name: "e", image: "debug:1", targetContainerName: "a" }],
  serviceAccountName: "robot",
  hostNetwork: true,
};
const EXPECTED_SPEC = podSpec({
  containers: [container("a", "one:1"), container("b", "two:2")],
  initContainers: [container("i", "init:1")],
  ephemeralContainers: [container("e", "debug:1")],
  serviceAccountName: "robot",
  hostNetwork: true,
});
const KINDS = [
  ["apps/v1", "Deployment", (pod) => field(2, field(3, pod)), (spec) => ({ template: { spec } })],
  ["apps/v1", "ReplicaSet", (pod) => field(2, field(3, pod)), (spec) => ({ template: { spec } })],
  ["apps/v1", "StatefulSet", (pod) => field(2, field(3, pod)), (spec) => ({ template: { spec } })],
  ["apps/v1", "DaemonSet", (pod) => field(2, field(2, pod)), (spec) => ({ template: { spec } })],
  ["batch/v1", "Job", (pod) => field(2, field(6, pod)), (spec) => ({ template: { spec } })],
  ["batch/v1", "CronJob", (pod) => field(2, field(5, field(2, field(6, pod)))),
    (spec) => ({ jobTemplate: { spec: { template: { spec } } } })],
  ["v1", "ReplicationController", (pod) => field(2, field(3, pod)), (spec) => ({ template: { spec } })],
];

function json(apiVersion, kind, more) {
  return bytes(`{"apiVersion":"${apiVersion}","kind":"${kind}",${META_JSON}${more ? `,${more}` : ""}}`);
}

function both(apiVersion, kind, raw, more) {
  return [envelope(apiVersion, kind, join(METADATA, raw)), json(apiVersion, kind, more)];
}

function plain(value) {
  return JSON.parse(JSON.stringify(value));
}

test("metadata of any kind reads the same in both forms", () => {
  for (const value of both("example.org/v1", "Widget", new Uint8Array(0), "")) {
    const object = read(value);
    assert.deepEqual([object.apiVersion, object.group, object.kind], ["example.org/v1", "example.org", "Widget"]);
    const { name, namespace, labels, annotations } = object.metadata;
    assert.deepEqual([name, namespace, labels.app, annotations.note], ["web", "shop", "web", "käse"]);
    assert.equal(labels["__proto__"], "x");
    assert.equal(labels.constructor, undefined);
    assert.deepEqual([object.pod(), object.podTemplate(), object.secret(), object.configMap()], [null, null, null, null]);
  }
});

test("what is absent is empty", () => {
  for (const value of [envelope("v1", "Pod", new Uint8Array(0)), bytes('{"apiVersion":"v1","kind":"Pod","metadata":null}')]) {
    assert.deepEqual(plain(read(value).metadata), { name: "", namespace: "", labels: {}, annotations: {} });
    assert.deepEqual(read(value).pod(), podSpec({}));
  }
});

test("a Secret", () => {
  const raw = join(entry(2, "token", Uint8Array.of(0, 255, 1)), entry(2, "none", ""), field(3, "Opaque"));
  for (const value of both("v1", "Secret", raw, '"type":"Opaque","data":{"token":"AP8B","none":""}')) {
    const { type, data } = read(value).secret();
    assert.equal(type, "Opaque");
    assert.deepEqual([data.token, data.none], [Uint8Array.of(0, 255, 1), new Uint8Array(0)]);
  }
});

test("a ConfigMap", () => {
  const raw = join(entry(2, "colour", "blue"), entry(3, "blob", Uint8Array.of(1, 2)));
  for (const value of both("v1", "ConfigMap", raw, '"data":{"colour":"blue"},"binaryData":{"blob":"AQI="}')) {
    const { data, binaryData } = read(value).configMap();
    assert.deepEqual([plain(data), binaryData.blob], [{ colour: "blue" }, Uint8Array.of(1, 2)]);
  }
});

test("a Pod", () => {
  for (const value of both("v1", "Pod", field(2, SPEC), `"spec":${JSON.stringify(SPEC_JSON)}`)) {
    assert.deepEqual(read(value).pod(), EXPECTED_SPEC);
    assert.equal(read(value).podTemplate(), null);
  }
});

test("what makes pods", () => {
  for (const [apiVersion, kind, wrap, wrapJson] of KINDS) {
    for (const value of both(apiVersion, kind, wrap(field(2, SPEC)), `"spec":${JSON.stringify(wrapJson(SPEC_JSON))}`)) {
      assert.deepEqual(read(value).podTemplate(), EXPECTED_SPEC, kind);
      assert.equal(read(value).pod(), null);
    }
  }
});

test("the same kind of another group is another kind", () => {
  for (const value of both("example.org/v1", "Pod", field(2, SPEC), `"spec":${JSON.stringify(SPEC_JSON)}`)) {
    assert.equal(read(value).pod(), null);
  }
});

test("other fields are read by their shape", () => {
  const shape = within(["spec", 2], message({ replicas: [1, integer], paused: [7, boolean], none: [99, integer] }));
  const raw = field(2, join(numeric(1, 300), numeric(7, true), field(3, "skipped"), Uint8Array.of(0x4d, 1, 2, 3, 4)));
  for (const value of both("apps/v1", "Deployment", raw, '"spec":{"replicas":300,"paused":true}')) {
    assert.deepEqual(read(value).read(shape), { replicas: 300, paused: true, none: 0 });
  }
  const minusOne = field(2, Uint8Array.of(8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1));
  assert.equal(read(envelope("apps/v1", "Deployment", minusOne)).read(shape).replicas, -1);
});

test("a message in pieces is put together", () => {
  const halves = [SPEC.subarray(0, 12), SPEC.subarray(12)];
  assert.deepEqual(read(envelope("v1", "Pod", join(...halves.map((half) => field(2, half))))).pod(), EXPECTED_SPEC);
});

test("every truncation is read or refused", () => {
  const [protobuf, text] = both("v1", "Pod", field(2, SPEC), `"spec":${JSON.stringify(SPEC_JSON)}`);
  for (let length = 0; length < text.length; length++) {
    assert.throws(() => read(text.subarray(0, length)), Unreadable);
  }
  let refused = 0;
  for (let length = 0; length < protobuf.length; length++) {
    // Cut off between two fields, it is a message still.
    try {
      read(protobuf.subarray(0, length)).pod();
    } catch (error) {
      assert.ok(error instanceof Unreadable);
      refused++;
    }
  }
  assert.ok(refused >= protobuf.length - 3, `${refused} of ${protobuf.length}`);
});

test("hostile bytes are unreadable", () => {
  const endless = Uint8Array.from({ length: 12 }, () => 0xff);
  const samples = [
    null, "", "x", "[]", "null", "1", "{}", '{"kind":"Pod"}', '{"apiVersion":1,"kind":"Pod"}', "k8s\0", "{".repeat(50),
    envelope("", "Pod", SPEC), envelope("v1", "Pod", endless), envelope("v1", "Pod", SPEC, field(3, "gzip")),
    join(bytes("k8s\0"), endless), join(bytes("k8s\0"), Uint8Array.of(0)), join(bytes("k8s\0"), Uint8Array.of(0x0b)),
    join(bytes("k8s\0"), Uint8Array.of(0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)),
    envelope("v1", Uint8Array.of(0xff), SPEC), Uint8Array.of(0x7b, 0xff, 0x7d),
  ];
  for (const sample of samples) {
    assert.throws(() => read(typeof sample === "string" ? bytes(sample) : sample).pod(), Unreadable, `${sample}`);
  }
});

test("fields of another type are unreadable", () => {
  const pod = (spec) => bytes(`{"apiVersion":"v1","kind":"Pod","spec":${spec}}`);
  const samples = [
    pod("[]"), pod('"x"'), pod('{"containers":{}}'), pod('{"containers":[1]}'), pod('{"containers":[{"image":1}]}'),
    pod('{"hostNetwork":"yes"}'), envelope("v1", "Pod", numeric(2, 1)), envelope("v1", "Pod", field(2, numeric(2, 1))),
    envelope("v1", "Pod", field(2, field(11, "yes"))), envelope("v1", "Pod", field(2, field(2, field(2, Uint8Array.of(0xff))))),
  ];
  for (const sample of samples) assert.throws(() => read(sample).pod(), Unreadable);
  assert.throws(() => read(bytes('{"apiVersion":"v1","kind":"Secret","data":{"a":"!"}}')).secret(), Unreadable);
});

test("an error does not quote the value", () => {
  assert.throws(() => read(bytes('{"hunter2')), (error) => !error.message.includes("hunter2"));
});
