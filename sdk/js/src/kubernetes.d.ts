import type { Shape } from "./shape.js";

/** What every object has. */
export interface Metadata {
  name: string;
  namespace: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

/** A container: what it runs, and what it may. */
export interface Container {
  name: string;
  image: string;
  /** The ports of its node that it takes, without those that are 0. */
  hostPorts: number[];
  /** What it may, where it says so. */
  securityContext: SecurityContext;
}

/** What a container may. What it does not say is null; for most, its pod then says it. */
export interface SecurityContext {
  privileged: boolean;
  /** null: allowed. */
  allowPrivilegeEscalation: boolean | null;
  runAsNonRoot: boolean | null;
  runAsUser: number | null;
  readOnlyRootFilesystem: boolean;
  /** As written: "NET_ADMIN", "ALL". */
  capabilities: { add: string[]; drop: string[] };
  /** Such as "RuntimeDefault"; "" if it has no profile of its own. */
  seccompProfileType: string;
  /** "Default" or "Unmasked"; "" is the former. */
  procMount: string;
}

/** What all containers of a pod may, where they do not say it themselves. */
export interface PodSecurityContext {
  runAsNonRoot: boolean | null;
  runAsUser: number | null;
  /** Such as "RuntimeDefault"; "" if there is no profile. */
  seccompProfileType: string;
  /** The names of those that are set. */
  sysctls: string[];
}

/** A volume of a pod. */
export interface Volume {
  name: string;
  /**
   * The name of the field that describes it: "hostPath", "emptyDir", "secret". "" if it comes from something that this
   * reader does not know, so a policy should name what it allows.
   */
  source: string;
  /** The path on the node; "" if it comes from something else. */
  hostPath: string;
}

/** What matters of a pod. */
export interface PodSpec {
  containers: Container[];
  initContainers: Container[];
  ephemeralContainers: Container[];
  serviceAccountName: string;
  /** Whether the containers get the account's token; null: the account says. */
  automountServiceAccountToken: boolean | null;
  /** "" until there is a node. */
  nodeName: string;
  hostNetwork: boolean;
  hostPID: boolean;
  hostIPC: boolean;
  volumes: Volume[];
  securityContext: PodSecurityContext;
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

/** A Kubernetes object. What is absent reads as "", false, empty, or null where that is allowed. Every reading may throw {@link Unreadable}. */
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
