/// Containers of a Pod. Field numbers are those of `generated.proto` in k8s.io/api (core/v1).

#include "items.h"
#include "pod.h"

static const sr_name NAME = {"name", 1}, IMAGE = {"image", 2}, PORTS = {"ports", 6}, HOST_PORT = {"hostPort", 2};
static const sr_name SECURITY_CONTEXT = {"securityContext", 15};
static const sr_name CAPABILITIES = {"capabilities", 1}, ADD = {"add", 1}, DROP = {"drop", 2};
static const sr_name PRIVILEGED = {"privileged", 2}, RUN_AS_USER = {"runAsUser", 4};
static const sr_name RUN_AS_NON_ROOT = {"runAsNonRoot", 5}, READ_ONLY = {"readOnlyRootFilesystem", 6};
static const sr_name ALLOW_PRIVILEGE_ESCALATION = {"allowPrivilegeEscalation", 7}, PROC_MOUNT = {"procMount", 9};
static const sr_name SECCOMP_PROFILE = {"seccompProfile", 11}, SECCOMP_PROFILE_TYPE = {"type", 1};
/// In protobuf only: JSON has its fields in the place of it.
static const sr_name EPHEMERAL_CONTAINER_COMMON = {"", 1};

bool sr_seccomp_profile_read(const sr_message *message, sr_name name, sr_bytes *type) {
    sr_message profile;
    return sr_field_message(message, name, &profile) && sr_field_text(&profile, SECCOMP_PROFILE_TYPE, type);
}

static bool read_host_port(const sr_message *port, int32_t *host_port) {
    sr_optional_s64 read;
    if (!sr_field_optional_s64(port, HOST_PORT, &read)) return false;
    *host_port = (int32_t)read.number;
    return read.number >= INT32_MIN && read.number <= INT32_MAX;
}

static bool read_host_ports(const sr_message *container, sr_port_list *ports) {
    sr_items list;
    size_t count, taken = 0;
    if (!sr_items_open(container, PORTS, &list) || !sr_items_count(list, &count)) return false;
    if (count == 0) return true;
    int32_t *items = sr_alloc(count * sizeof *items);
    sr_message port;
    sr_pb_step step;
    while ((step = sr_items_next_message(&list, &port)) == SR_PB_FIELD) {
        if (!read_host_port(&port, &items[taken])) return false;
        if (items[taken] != 0) taken++;
    }
    *ports = (sr_port_list){items, taken};
    return step == SR_PB_END;
}

static bool read_security_context(const sr_message *message, sr_security_context *context) {
    sr_message capabilities;
    return sr_field_message(message, CAPABILITIES, &capabilities) &&
           sr_field_texts(&capabilities, ADD, &context->capabilities_add) &&
           sr_field_texts(&capabilities, DROP, &context->capabilities_drop) &&
           sr_field_bool(message, PRIVILEGED, &context->privileged) &&
           sr_field_optional_s64(message, RUN_AS_USER, &context->run_as_user) &&
           sr_field_optional_bool(message, RUN_AS_NON_ROOT, &context->run_as_non_root) &&
           sr_field_bool(message, READ_ONLY, &context->read_only_root_filesystem) &&
           sr_field_optional_bool(message, ALLOW_PRIVILEGE_ESCALATION, &context->allow_privilege_escalation) &&
           sr_field_text(message, PROC_MOUNT, &context->proc_mount) &&
           sr_seccomp_profile_read(message, SECCOMP_PROFILE, &context->seccomp_profile_type);
}

static bool read_container(const sr_message *message, sr_container *container) {
    sr_message context;
    return sr_field_text(message, NAME, &container->name) && sr_field_text(message, IMAGE, &container->image) &&
           read_host_ports(message, &container->host_ports) && sr_field_message(message, SECURITY_CONTEXT, &context) &&
           read_security_context(&context, &container->security_context);
}

static sr_pb_step next(sr_containers *containers, sr_container *container) {
    sr_items list = {containers->rest, containers->number};
    sr_message message, common;
    *container = (sr_container){0};
    sr_pb_step step = sr_items_next_message(&list, &message);
    containers->rest = list.rest;
    if (step != SR_PB_FIELD) return step;
    if (containers->number == SR_EPHEMERAL_CONTAINERS.number) {
        if (!sr_field_message(&message, EPHEMERAL_CONTAINER_COMMON, &common)) return SR_PB_MALFORMED;
        message = common;
    }
    return read_container(&message, container) ? SR_PB_FIELD : SR_PB_MALFORMED;
}

bool sr_containers_next(sr_containers *containers, sr_container *container) {
    return next(containers, container) == SR_PB_FIELD;
}

bool sr_containers_read(const sr_message *spec, sr_name name, sr_containers *containers) {
    sr_items list;
    sr_container container;
    sr_pb_step step;
    bool is_list = sr_items_open(spec, name, &list);
    *containers = (sr_containers){list.rest, list.number};
    sr_containers walk = *containers;
    do step = next(&walk, &container);
    while (step == SR_PB_FIELD);
    return is_list && step == SR_PB_END;
}
