// What specifications of pods read as, for tests.

/** A specification that says this and no more. */
export function podSpec(said) {
  return {
    containers: [], initContainers: [], ephemeralContainers: [], serviceAccountName: "", automountServiceAccountToken: null,
    nodeName: "", hostNetwork: false, hostPID: false, hostIPC: false, volumes: [],
    securityContext: { runAsNonRoot: null, runAsUser: null, seccompProfileType: "", sysctls: [] },
    ...said,
  };
}

/** A container whose security context says this and no more. */
export function container(name, image, said, hostPorts = []) {
  const securityContext = {
    privileged: false, allowPrivilegeEscalation: null, runAsNonRoot: null, runAsUser: null, readOnlyRootFilesystem: false,
    capabilities: { add: [], drop: [] }, seccompProfileType: "", procMount: "",
    ...said,
  };
  return { name, image, hostPorts, securityContext };
}
