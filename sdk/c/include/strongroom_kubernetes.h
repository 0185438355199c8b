/// Reads Kubernetes objects as the API server stores them: as JSON, or in its protobuf envelope. The same object gives
/// the same answers in both.
///
///     sr_object object;
///     sr_pod pod;
///     if (!sr_object_read(value, &object)) return sr_deny("unreadable", ...);
///     if (sr_object_is(&object, "v1", "Pod")) {
///         if (!sr_pod_read(&object, &pod)) return sr_deny("unreadable", ...);
///         for (sr_container each; sr_containers_next(&pod.containers, &each);) ...
///     }
///
/// Whatever a `read` function has accepted is well-formed to its end, so the walks below it cannot fail on the way.
/// They refuse what is cut off or of a wrong type, and a field that must be there once but is there twice, since
/// readers disagree on which of the two counts. They never crash and always end.
///
/// Ownership: everything points into the value, which must stay. Text that is escaped in JSON, and bytes that are
/// base64 there, are decoded into memory of the call when a walk comes to them.
#ifndef STRONGROOM_KUBERNETES_H
#define STRONGROOM_KUBERNETES_H

#include "strongroom.h"

/// An object of any kind. What it does not have is empty.
typedef struct sr_object {
    sr_bytes api_version;
    sr_bytes kind;
    sr_bytes name;
    sr_bytes namespace;
    /// For the functions below: the whole object, and its metadata.
    const struct sr_message *body;
    const struct sr_message *metadata;
} sr_object;

/// Reads an object's type and metadata. False for what is no Kubernetes object, or a malformed one.
bool sr_object_read(sr_bytes value, sr_object *object);

/// Whether the object is of this kind: `sr_object_is(&object, "apps/v1", "Deployment")`.
bool sr_object_is(const sr_object *object, const char *api_version, const char *kind);

/// A walk through a map of texts or bytes. A key that is there twice comes twice.
typedef struct sr_pairs {
    sr_bytes rest;
    /// Number of the map's field in protobuf; 0 in JSON.
    uint32_t number;
    /// In JSON, whether the values are base64.
    bool is_base64;
} sr_pairs;

typedef struct sr_pair {
    sr_bytes key;
    sr_bytes value;
} sr_pair;

sr_pairs sr_object_labels(const sr_object *object);
sr_pairs sr_object_annotations(const sr_object *object);

/// The next pair; false at the end.
bool sr_pairs_next(sr_pairs *pairs, sr_pair *pair);

/// The value of a key, of the last one if there are several; false if there is none.
bool sr_pairs_find(sr_pairs pairs, const char *key, sr_bytes *value);

/// A Secret. The values of `data` are as they are meant, no longer base64.
typedef struct sr_secret {
    sr_bytes type;
    sr_pairs data;
} sr_secret;

/// False for what is no v1 Secret, or a malformed one.
bool sr_secret_read(const sr_object *object, sr_secret *secret);

/// A ConfigMap.
typedef struct sr_config_map {
    sr_pairs data;
    sr_pairs binary_data;
} sr_config_map;

/// False for what is no v1 ConfigMap, or a malformed one.
bool sr_config_map_read(const sr_object *object, sr_config_map *config_map);

/// A walk through containers.
typedef struct sr_containers {
    sr_bytes rest;
    /// Number of the list's field in protobuf; 0 in JSON.
    uint32_t number;
} sr_containers;

typedef struct sr_container {
    sr_bytes name;
    sr_bytes image;
} sr_container;

/// The next container; false at the end.
bool sr_containers_next(sr_containers *containers, sr_container *container);

/// A Pod.
typedef struct sr_pod {
    sr_containers containers;
    sr_containers init_containers;
    sr_containers ephemeral_containers;
    sr_bytes service_account_name;
    bool host_network;
} sr_pod;

/// False for what is no v1 Pod, or a malformed one.
bool sr_pod_read(const sr_object *object, sr_pod *pod);

#endif
