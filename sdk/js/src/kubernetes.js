// Reads Kubernetes objects as they are stored: as JSON, or in Kubernetes' protobuf envelope.
// Both go through one description of the fields, so the same object gives the same answer in either form.

import { beginsWith, bytes, text } from "./bytes.js";
import { POD_SPEC } from "./pod.js";
import { Malformed } from "./protobuf.js";
import { binary, byName, fromMessage, message, string, within } from "./shape.js";

const MAGIC = bytes("k8s\0");

// Field numbers: k8s.io/api/{core,apps,batch}/v1/generated.proto and k8s.io/apimachinery's meta/v1.
const TYPE = message({ apiVersion: [1, string], kind: [2, string] });
const ENVELOPE = message({ typeMeta: [1, TYPE], raw: [2, binary], contentEncoding: [3, string] });
const METADATA = within(["metadata", 1], message({
  name: [1, string],
  namespace: [3, string],
  labels: [11, byName(string)],
  annotations: [12, byName(string)],
}));
const SECRET = message({ type: [3, string], data: [2, byName(binary)] });
const CONFIG_MAP = message({ data: [2, byName(string)], binaryData: [3, byName(binary)] });
const POD = within(["spec", 2], POD_SPEC);
const template = (number) => within(["spec", 2], within(["template", number], POD));
const TEMPLATES = new Map([
  ["/PodTemplate", within(["template", 2], POD)],
  ["/ReplicationController", template(3)],
  ["apps/Deployment", template(3)],
  ["apps/ReplicaSet", template(3)],
  ["apps/StatefulSet", template(3)],
  ["apps/DaemonSet", template(2)],
  ["batch/Job", template(6)],
  ["batch/CronJob", within(["spec", 2], within(["jobTemplate", 5], template(6)))],
]);

/** A value that is no Kubernetes object, or one that is malformed. A review that lets it pass on denies the write. */
export class Unreadable extends Error {
  constructor(reason) {
    super(reason);
    this.name = "Unreadable";
  }
}

/** A Kubernetes object. What is absent reads as "", false, or empty. */
export class KubernetesObject {
  #message;
  #metadata;

  constructor({ apiVersion, kind }, message, json) {
    this.apiVersion = apiVersion;
    this.kind = kind;
    /** The whole object where it is stored as JSON, as custom resources are; null where it is protobuf. */
    this.json = json;
    this.#message = message;
  }

  /** The API group: "apps" in "apps/v1", "" in "v1". */
  get group() {
    const slash = this.apiVersion.indexOf("/");
    return slash < 0 ? "" : this.apiVersion.slice(0, slash);
  }

  /** Name, namespace, labels and annotations. */
  get metadata() {
    return (this.#metadata ??= this.read(METADATA));
  }

  /** Type and data of a Secret; null if it is none. */
  secret() {
    return this.#is("/Secret") ? this.read(SECRET) : null;
  }

  /** The data of a ConfigMap; null if it is none. */
  configMap() {
    return this.#is("/ConfigMap") ? this.read(CONFIG_MAP) : null;
  }

  /** The specification of a Pod; null if it is none. */
  pod() {
    return this.#is("/Pod") ? this.read(POD) : null;
  }

  /** The specification of the pods that a Deployment, ReplicaSet, StatefulSet, DaemonSet, Job, CronJob,
   * ReplicationController or PodTemplate makes; null if it is none of them. */
  podTemplate() {
    const path = TEMPLATES.get(`${this.group}/${this.kind}`);
    return path ? this.read(path) : null;
  }

  /** Reads other fields of the object, which `strongroom-plugin/shape` describes. */
  read(shape) {
    return reading(() => (this.#message === null ? shape.json(this.json) : fromMessage(shape, this.#message)));
  }

  #is(type) {
    return `${this.group}/${this.kind}` === type;
  }
}

/** Reads a value as it is stored. Throws `Unreadable` if it is no Kubernetes object in either form. */
export function read(value) {
  if (!value) throw new Unreadable("there is no value");
  return reading(() => (beginsWith(value, MAGIC) ? fromEnvelope(value.subarray(MAGIC.length)) : fromJson(value)));
}

function fromEnvelope(envelope) {
  const { typeMeta, raw, contentEncoding } = fromMessage(ENVELOPE, envelope);
  if (contentEncoding !== "") throw new Malformed("its content is encoded");
  return object(typeMeta, raw, null);
}

function fromJson(value) {
  const json = text(value);
  if (json === null || !/^\s*\{/.test(json)) throw new Malformed("neither JSON nor Kubernetes' protobuf");
  let parsed;
  try {
    parsed = JSON.parse(json);
  } catch {
    // The engine's own words would quote the value.
    throw new Malformed("malformed JSON");
  }
  return object(TYPE.json(parsed), null, parsed);
}

function object(type, message, json) {
  if (type.apiVersion === "" || type.kind === "") throw new Malformed("no apiVersion or no kind");
  return new KubernetesObject(type, message, json);
}

function reading(step) {
  try {
    return step();
  } catch (error) {
    throw error instanceof Malformed ? new Unreadable(error.message) : error;
  }
}
