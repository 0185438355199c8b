import type { Shape } from "./shape.js";

/** What every object has. */
export interface Metadata {
  name: string;
  namespace: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

/** What a container is called and runs. */
export interface Container {
  name: string;
  image: string;
}

/** What matters of a pod. */
export interface PodSpec {
  containers: Container[];
  initContainers: Container[];
  ephemeralContainers: Container[];
  serviceAccountName: string;
  hostNetwork: boolean;
}

/** A Secret. */
export interface Secret {
  type: string;
  data: Record<string, Uint8Array>;
}

/** A ConfigMap. */
export interface ConfigMap {
  data: Record<string, string>;
  binaryData: Record<string, Uint8Array>;
}

/** A value that is no Kubernetes object, or one that is malformed. A review that lets it pass on denies the write. */
export class Unreadable extends Error {
  constructor(reason: string);
}

/** A Kubernetes object. What is absent reads as "", false, or empty. Every reading may throw {@link Unreadable}. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  /** The API group: "apps" in "apps/v1", "" in "v1". */
  readonly group: string;
  /** Name, namespace, labels and annotations. */
  readonly metadata: Metadata;
  /** The whole object where it is stored as JSON, as custom resources are; null where it is protobuf. */
  readonly json: Record<string, unknown> | null;
  /** Type and data of a Secret; null if it is none. */
  secret(): Secret | null;
  /** The data of a ConfigMap; null if it is none. */
  configMap(): ConfigMap | null;
  /** The specification of a Pod; null if it is none. */
  pod(): PodSpec | null;
  /**
   * The specification of the pods that a Deployment, ReplicaSet, StatefulSet, DaemonSet, Job, CronJob,
   * ReplicationController or PodTemplate makes; null if it is none of them.
   */
  podTemplate(): PodSpec | null;
  /** Reads other fields of the object, which `strongroom-plugin/shape` describes. */
  read<T>(shape: Shape<T>): T;
}

/** Reads a value as it is stored. Throws {@link Unreadable} if it is no Kubernetes object in either form. */
export function read(value: Uint8Array | null): KubernetesObject;
