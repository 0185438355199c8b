/// Volumes of a Pod. Field numbers are those of `generated.proto` in k8s.io/api (core/v1).

#include "items.h"
#include "pod.h"

static const sr_name NAME = {"name", 1}, PATH = {"path", 1};
/// In protobuf only: JSON has its fields beside the name.
static const sr_name VOLUME_SOURCE = {"", 2};

/// The fields of VolumeSource by their numbers, from 1 on.
static const char *const SOURCES[] = {
    "hostPath",
    "emptyDir",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "gitRepo",
    "secret",
    "nfs",
    "iscsi",
    "glusterfs",
    "persistentVolumeClaim",
    "rbd",
    "flexVolume",
    "cinder",
    "cephfs",
    "flocker",
    "downwardAPI",
    "fc",
    "azureFile",
    "configMap",
    "vsphereVolume",
    "quobyte",
    "azureDisk",
    "photonPersistentDisk",
    "portworxVolume",
    "scaleIO",
    "projected",
    "storageos",
    "csi",
    "ephemeral",
    "image",
};
enum { HOST_PATH = 1, SOURCES_MAX = sizeof SOURCES / sizeof *SOURCES };

static bool is_message(sr_bytes bytes) {
    sr_pb_field field;
    sr_pb_step step;
    do step = sr_pb_next(&bytes, &field);
    while (step == SR_PB_FIELD);
    return step == SR_PB_END;
}

/// Takes what describes the volume; false if something else did so already.
static bool take_source(bool is_json, uint32_t number, sr_bytes described, sr_volume *volume) {
    sr_message message;
    if (volume->source.len > 0 || !sr_message_open(is_json, described, &message)) return false;
    volume->source = sr_text(SOURCES[number - 1]);
    if (number == HOST_PATH) return sr_field_text(&message, PATH, &volume->host_path);
    return is_json || is_message(described);
}

/// The number of the source with this name; 0 if it is not known.
static uint32_t source_number(sr_bytes name) {
    for (uint32_t number = 1; number <= SOURCES_MAX; number++) {
        if (sr_is(name, SOURCES[number - 1])) return number;
    }
    return 0;
}

static bool read_source_in_json(const sr_message *message, sr_volume *volume) {
    for (size_t at = 0; at < message->count; at++) {
        uint32_t number = source_number(message->members[at].name);
        sr_bytes value = message->members[at].value;
        if (number == 0 || sr_json_is_null(value)) continue;
        if (!take_source(true, number, value, volume)) return false;
    }
    return true;
}

static bool read_source_in_protobuf(const sr_message *message, sr_volume *volume) {
    sr_message source;
    sr_pb_field field;
    sr_pb_step step;
    if (!sr_field_message(message, VOLUME_SOURCE, &source)) return false;
    while ((step = sr_pb_next(&source.bytes, &field)) == SR_PB_FIELD) {
        if (field.number > SOURCES_MAX) continue;
        if (field.wire != SR_PB_BYTES || !take_source(false, field.number, field.bytes, volume)) return false;
    }
    return step == SR_PB_END;
}

static bool read_volume(const sr_message *message, sr_volume *volume) {
    if (!sr_field_text(message, NAME, &volume->name)) return false;
    return message->is_json ? read_source_in_json(message, volume) : read_source_in_protobuf(message, volume);
}

static sr_pb_step next(sr_volumes *volumes, sr_volume *volume) {
    sr_items list = {volumes->rest, volumes->number};
    sr_message message;
    *volume = (sr_volume){0};
    sr_pb_step step = sr_items_next_message(&list, &message);
    volumes->rest = list.rest;
    if (step != SR_PB_FIELD) return step;
    return read_volume(&message, volume) ? SR_PB_FIELD : SR_PB_MALFORMED;
}

bool sr_volumes_next(sr_volumes *volumes, sr_volume *volume) {
    return next(volumes, volume) == SR_PB_FIELD;
}

bool sr_volumes_read(const sr_message *spec, sr_name name, sr_volumes *volumes) {
    sr_items list;
    sr_volume volume;
    sr_pb_step step;
    bool is_list = sr_items_open(spec, name, &list);
    *volumes = (sr_volumes){list.rest, list.number};
    sr_volumes walk = *volumes;
    do step = next(&walk, &volume);
    while (step == SR_PB_FIELD);
    return is_list && step == SR_PB_END;
}
