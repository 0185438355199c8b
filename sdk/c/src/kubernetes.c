/// Objects of any kind, and their maps. Field numbers are those of `generated.proto` in k8s.io/apimachinery (runtime,
/// meta/v1).

#include "strongroom_kubernetes.h"

#include "fields.h"
#include "internal.h"
#include "maps.h"
#include "strongroom_json.h"
#include "strongroom_protobuf.h"

/// What Kubernetes writes before a protobuf object, its zero byte included.
static const sr_bytes MAGIC = SR_TEXT("k8s\0");
static const char PROTOBUF[] = "application/vnd.kubernetes.protobuf";

static const sr_name UNKNOWN_TYPE_META = {"", 1}, UNKNOWN_RAW = {"", 2};
static const sr_name UNKNOWN_CONTENT_ENCODING = {"", 3}, UNKNOWN_CONTENT_TYPE = {"", 4};
static const sr_name API_VERSION = {"apiVersion", 1}, KIND = {"kind", 2}, METADATA = {"metadata", 1};
static const sr_name NAME = {"name", 1}, NAMESPACE = {"namespace", 3};
static const sr_name LABELS = {"labels", 11}, ANNOTATIONS = {"annotations", 12};

/// Finds the message that has the type, and the one that has everything else.
static bool open_envelope(sr_bytes value, sr_message *type, sr_message *body) {
    if (!sr_starts_with(value, MAGIC)) {
        sr_bytes object = sr_json_trim(value);
        if (!sr_json_is_object(object) || !sr_json_is_valid(object) || !sr_message_open(true, object, body))
            return false;
        *type = *body;
        return true;
    }
    sr_message unknown;
    sr_bytes encoding, content_type;
    return sr_message_open(false, sr_skip(value, MAGIC.len), &unknown) &&
           sr_field_message(&unknown, UNKNOWN_TYPE_META, type) && sr_field_message(&unknown, UNKNOWN_RAW, body) &&
           sr_field_text(&unknown, UNKNOWN_CONTENT_ENCODING, &encoding) && encoding.len == 0 &&
           sr_field_text(&unknown, UNKNOWN_CONTENT_TYPE, &content_type) &&
           (content_type.len == 0 || sr_is(content_type, PROTOBUF));
}

bool sr_object_read(sr_bytes value, sr_object *object) {
    *object = (sr_object){0};
    sr_message type, *body = sr_alloc(sizeof *body), *metadata = sr_alloc(sizeof *metadata);
    sr_pairs pairs;
    // Whoever walks through what was refused finds nothing.
    *body = *metadata = (sr_message){0};
    object->body = body;
    object->metadata = metadata;
    return open_envelope(value, &type, body) && sr_field_text(&type, API_VERSION, &object->api_version) &&
           object->api_version.len > 0 && sr_field_text(&type, KIND, &object->kind) && object->kind.len > 0 &&
           sr_field_message(body, METADATA, metadata) && sr_field_text(metadata, NAME, &object->name) &&
           sr_field_text(metadata, NAMESPACE, &object->namespace) && sr_map_read(metadata, LABELS, false, &pairs) &&
           sr_map_read(metadata, ANNOTATIONS, false, &pairs);
}

bool sr_object_is(const sr_object *object, const char *api_version, const char *kind) {
    return sr_is(object->api_version, api_version) && sr_is(object->kind, kind);
}

static sr_pairs metadata_map(const sr_object *object, sr_name name) {
    sr_pairs pairs;
    return sr_map_read(object->metadata, name, false, &pairs) ? pairs : (sr_pairs){0};
}

sr_pairs sr_object_labels(const sr_object *object) {
    return metadata_map(object, LABELS);
}

sr_pairs sr_object_annotations(const sr_object *object) {
    return metadata_map(object, ANNOTATIONS);
}
