/// Pods: what the Pod Security Standards ask most. Field numbers are those of `generated.proto` in k8s.io/api
/// (core/v1).

#include "pod.h"

#include "items.h"

static const sr_name SPEC = {"spec", 2}, VOLUMES = {"volumes", 1}, CONTAINERS = {"containers", 2};
static const sr_name SERVICE_ACCOUNT_NAME = {"serviceAccountName", 8}, NODE_NAME = {"nodeName", 10};
static const sr_name HOST_NETWORK = {"hostNetwork", 11}, HOST_PID = {"hostPID", 12}, HOST_IPC = {"hostIPC", 13};
static const sr_name SECURITY_CONTEXT = {"securityContext", 14}, INIT_CONTAINERS = {"initContainers", 20};
static const sr_name AUTOMOUNT_SERVICE_ACCOUNT_TOKEN = {"automountServiceAccountToken", 21};
static const sr_name RUN_AS_USER = {"runAsUser", 2}, RUN_AS_NON_ROOT = {"runAsNonRoot", 3};
static const sr_name SYSCTLS = {"sysctls", 7}, SYSCTL_NAME = {"name", 1}, SECCOMP_PROFILE = {"seccompProfile", 10};

static bool read_security_context(const sr_message *spec, sr_pod_security_context *context) {
    sr_message message;
    return sr_field_message(spec, SECURITY_CONTEXT, &message) &&
           sr_field_optional_s64(&message, RUN_AS_USER, &context->run_as_user) &&
           sr_field_optional_bool(&message, RUN_AS_NON_ROOT, &context->run_as_non_root) &&
           sr_field_texts_of(&message, SYSCTLS, SYSCTL_NAME, &context->sysctls) &&
           sr_seccomp_profile_read(&message, SECCOMP_PROFILE, &context->seccomp_profile_type);
}

static bool read_spec(const sr_message *spec, sr_pod *pod) {
    return sr_containers_read(spec, CONTAINERS, &pod->containers) &&
           sr_containers_read(spec, INIT_CONTAINERS, &pod->init_containers) &&
           sr_containers_read(spec, SR_EPHEMERAL_CONTAINERS, &pod->ephemeral_containers) &&
           sr_volumes_read(spec, VOLUMES, &pod->volumes) &&
           sr_field_text(spec, SERVICE_ACCOUNT_NAME, &pod->service_account_name) &&
           sr_field_optional_bool(spec, AUTOMOUNT_SERVICE_ACCOUNT_TOKEN, &pod->automount_service_account_token) &&
           sr_field_text(spec, NODE_NAME, &pod->node_name) && sr_field_bool(spec, HOST_NETWORK, &pod->host_network) &&
           sr_field_bool(spec, HOST_PID, &pod->host_pid) && sr_field_bool(spec, HOST_IPC, &pod->host_ipc) &&
           read_security_context(spec, &pod->security_context);
}

bool sr_pod_read(const sr_object *object, sr_pod *pod) {
    sr_message spec;
    *pod = (sr_pod){0};
    return sr_object_is(object, "v1", "Pod") && sr_field_message(object->body, SPEC, &spec) && read_spec(&spec, pod);
}
