// What matters of a pod. Field numbers: k8s.io/api/core/v1/generated.proto.

import { Malformed } from "./protobuf.js";
import { boolean, integer, list, message, optional, string, within } from "./shape.js";
import { VOLUME } from "./volume.js";

const INT32_MAX = 2 ** 31 - 1;

const SECCOMP_PROFILE_TYPE = within(["type", 1], string);
const PORT = within(["hostPort", 2], integer);
// The ports of the node, without those that are 0.
const HOST_PORTS = {
  empty: () => [],
  json: (value) => list(PORT).json(value).map(port).filter(Boolean),
  merge: (ports, reader) => {
    const taken = port(PORT.merge(PORT.empty(), reader));
    if (taken !== 0) ports.push(taken);
    return ports;
  },
};
const SECURITY_CONTEXT = message({
  capabilities: [1, message({ add: [1, list(string)], drop: [2, list(string)] })],
  privileged: [2, boolean],
  runAsUser: [4, optional(integer)],
  runAsNonRoot: [5, optional(boolean)],
  readOnlyRootFilesystem: [6, boolean],
  allowPrivilegeEscalation: [7, optional(boolean)],
  procMount: [9, string],
  seccompProfileType: [11, SECCOMP_PROFILE_TYPE, "seccompProfile"],
});
const CONTAINER = message({
  name: [1, string],
  image: [2, string],
  hostPorts: [6, HOST_PORTS, "ports"],
  securityContext: [15, SECURITY_CONTEXT],
});
const POD_SECURITY_CONTEXT = message({
  runAsUser: [2, optional(integer)],
  runAsNonRoot: [3, optional(boolean)],
  sysctls: [7, list(within(["name", 1], string))],
  seccompProfileType: [10, SECCOMP_PROFILE_TYPE, "seccompProfile"],
});

/** The specification of a pod. */
export const POD_SPEC = message({
  containers: [2, list(CONTAINER)],
  initContainers: [20, list(CONTAINER)],
  // In JSON the fields of a container stand in it directly, in protobuf in its first field.
  ephemeralContainers: [34, list(within([null, 1], CONTAINER))],
  serviceAccountName: [8, string],
  automountServiceAccountToken: [21, optional(boolean)],
  nodeName: [10, string],
  hostNetwork: [11, boolean],
  hostPID: [12, boolean],
  hostIPC: [13, boolean],
  volumes: [1, list(VOLUME)],
  securityContext: [14, POD_SECURITY_CONTEXT],
});

function port(value) {
  if (value > INT32_MAX || value < -INT32_MAX - 1) throw new Malformed("a port of more than 32 bits");
  return value;
}
