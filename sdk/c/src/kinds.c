/// The kinds with typed access. Field numbers are those of `generated.proto` in k8s.io/api (core/v1).

#include "fields.h"
#include "maps.h"
#include "strongroom_json.h"
#include "strongroom_kubernetes.h"
#include "strongroom_protobuf.h"

static const sr_name SECRET_DATA = {"data", 2}, SECRET_TYPE = {"type", 3};
static const sr_name CONFIG_MAP_DATA = {"data", 2}, CONFIG_MAP_BINARY_DATA = {"binaryData", 3};
static const sr_name POD_SPEC = {"spec", 2}, SERVICE_ACCOUNT_NAME = {"serviceAccountName", 8};
static const sr_name HOST_NETWORK = {"hostNetwork", 11}, CONTAINERS = {"containers", 2};
static const sr_name INIT_CONTAINERS = {"initContainers", 20}, EPHEMERAL_CONTAINERS = {"ephemeralContainers", 34};
static const sr_name CONTAINER_NAME = {"name", 1}, CONTAINER_IMAGE = {"image", 2};
/// In protobuf only: JSON has its fields in the place of it.
static const sr_name EPHEMERAL_CONTAINER_COMMON = {"", 1};

bool sr_secret_read(const sr_object *object, sr_secret *secret) {
    *secret = (sr_secret){0};
    return sr_object_is(object, "v1", "Secret") && sr_field_text(object->body, SECRET_TYPE, &secret->type) &&
           sr_map_read(object->body, SECRET_DATA, true, &secret->data);
}

bool sr_config_map_read(const sr_object *object, sr_config_map *config_map) {
    *config_map = (sr_config_map){0};
    return sr_object_is(object, "v1", "ConfigMap") &&
           sr_map_read(object->body, CONFIG_MAP_DATA, false, &config_map->data) &&
           sr_map_read(object->body, CONFIG_MAP_BINARY_DATA, true, &config_map->binary_data);
}

static bool read_container(const sr_message *message, sr_container *container) {
    return sr_field_text(message, CONTAINER_NAME, &container->name) &&
           sr_field_text(message, CONTAINER_IMAGE, &container->image);
}

static sr_pb_step next_in_json(sr_containers *containers, sr_container *container) {
    sr_json_walk_state walk = {containers->rest, false};
    sr_json_item item;
    bool found = sr_json_next(&walk, &item);
    containers->rest = walk.rest;
    if (!found) return SR_PB_END;
    sr_message message;
    bool well_formed = sr_message_open(true, item.value, &message) && read_container(&message, container);
    return well_formed ? SR_PB_FIELD : SR_PB_MALFORMED;
}

static sr_pb_step next_in_protobuf(sr_containers *containers, sr_container *container) {
    sr_pb_field field;
    for (;;) {
        sr_pb_step step = sr_pb_next(&containers->rest, &field);
        if (step != SR_PB_FIELD) return step;
        if (field.number == containers->number) break;
    }
    sr_message message, common;
    if (field.wire != SR_PB_BYTES || !sr_message_open(false, field.bytes, &message)) return SR_PB_MALFORMED;
    if (containers->number == EPHEMERAL_CONTAINERS.number) {
        if (!sr_field_message(&message, EPHEMERAL_CONTAINER_COMMON, &common)) return SR_PB_MALFORMED;
        message = common;
    }
    return read_container(&message, container) ? SR_PB_FIELD : SR_PB_MALFORMED;
}

static sr_pb_step next(sr_containers *containers, sr_container *container) {
    *container = (sr_container){0};
    return containers->number == 0 ? next_in_json(containers, container) : next_in_protobuf(containers, container);
}

bool sr_containers_next(sr_containers *containers, sr_container *container) {
    return next(containers, container) == SR_PB_FIELD;
}

/// Begins a walk through containers and checks that all of them are well-formed.
static bool read_containers(const sr_message *spec, sr_name name, sr_containers *containers) {
    sr_bytes list;
    *containers = (sr_containers){0};
    if (!sr_field_list(spec, name, &list)) return false;
    if (spec->is_json) {
        if (list.len > 0 && !sr_json_is_array(list)) return false;
        *containers = (sr_containers){sr_skip(list, 1), 0};
    } else {
        *containers = (sr_containers){list, name.number};
    }
    sr_containers walk = *containers;
    sr_container container;
    sr_pb_step step;
    do step = next(&walk, &container);
    while (step == SR_PB_FIELD);
    return step == SR_PB_END;
}

bool sr_pod_read(const sr_object *object, sr_pod *pod) {
    sr_message spec;
    *pod = (sr_pod){0};
    return sr_object_is(object, "v1", "Pod") && sr_field_message(object->body, POD_SPEC, &spec) &&
           read_containers(&spec, CONTAINERS, &pod->containers) &&
           read_containers(&spec, INIT_CONTAINERS, &pod->init_containers) &&
           read_containers(&spec, EPHEMERAL_CONTAINERS, &pod->ephemeral_containers) &&
           sr_field_text(&spec, SERVICE_ACCOUNT_NAME, &pod->service_account_name) &&
           sr_field_bool(&spec, HOST_NETWORK, &pod->host_network);
}
