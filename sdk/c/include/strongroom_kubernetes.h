/// Reads Kubernetes objects as the API server stores them: as JSON, or in its protobuf envelope. The same object gives
/// the same answers in both.
///
///     sr_object object;
///     sr_pod pod;
///     if (!sr_object_read(value, &object)) return sr_deny("unreadable", ...);
///     if (sr_object_is(&object, "v1", "Pod")) {
///         if (!sr_pod_read(&object, &pod)) return sr_deny("unreadable", ...);
///         for (sr_container each; sr_containers_next(&pod.containers, &each);)
///             if (each.security_context.privileged) return sr_deny("privileged", ...);
///     }
///
/// Whatever a `read` function has accepted is well-formed to its end, so the walks below it cannot fail on the way.
/// They refuse what is cut off or of a wrong type, and a field that must be there once but is there twice, since
/// readers disagree on which of the two counts. They never crash and always end.
///
/// Ownership: everything points into the value, which must stay. Text that is escaped in JSON, bytes that are base64
/// there, and lists with `items` are decoded into memory of the call when a walk comes to them.
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

/// What may be absent, which is not the same as false.
typedef struct sr_optional_bool {
    bool present;
    /// False when absent.
    bool truth;
} sr_optional_bool;

typedef struct sr_port_list {
    const int32_t *items;
    size_t count;
} sr_port_list;

/// What a container may. What it does not say is absent; for most, its pod then says it.
typedef struct sr_security_context {
    bool privileged;
    /// Absent: allowed.
    sr_optional_bool allow_privilege_escalation;
    sr_optional_bool run_as_non_root;
    sr_optional_s64 run_as_user;
    bool read_only_root_filesystem;
    /// Capabilities that are given and taken away, as written: `NET_ADMIN`, `ALL`.
    sr_bytes_list capabilities_add;
    sr_bytes_list capabilities_drop;
    /// Such as `RuntimeDefault`; empty if it has no profile of its own.
    sr_bytes seccomp_profile_type;
    /// `Default` or `Unmasked`; empty is the former.
    sr_bytes proc_mount;
} sr_security_context;

/// A walk through containers.
typedef struct sr_containers {
    sr_bytes rest;
    /// Number of the list's field in protobuf; 0 in JSON.
    uint32_t number;
} sr_containers;

typedef struct sr_container {
    sr_bytes name;
    sr_bytes image;
    /// The ports of its node that it takes, without those that are 0.
    sr_port_list host_ports;
    sr_security_context security_context;
} sr_container;

/// The next container; false at the end.
bool sr_containers_next(sr_containers *containers, sr_container *container);

/// A walk through volumes.
typedef struct sr_volumes {
    sr_bytes rest;
    /// As in `sr_containers`.
    uint32_t number;
} sr_volumes;

typedef struct sr_volume {
    sr_bytes name;
    /// The name of the field that describes it: `hostPath`, `emptyDir`, `secret`. Empty if it comes from something that
    /// this reader does not know, so a policy should name what it allows.
    sr_bytes source;
    /// The path on the node; empty if it comes from something else.
    sr_bytes host_path;
} sr_volume;

/// The next volume; false at the end.
bool sr_volumes_next(sr_volumes *volumes, sr_volume *volume);

/// What all containers of a pod may, where they do not say it themselves.
typedef struct sr_pod_security_context {
    sr_optional_bool run_as_non_root;
    sr_optional_s64 run_as_user;
    /// Such as `RuntimeDefault`; empty if there is no profile.
    sr_bytes seccomp_profile_type;
    /// The names of those that are set.
    sr_bytes_list sysctls;
} sr_pod_security_context;

/// A Pod.
typedef struct sr_pod {
    sr_containers containers;
    sr_containers init_containers;
    sr_containers ephemeral_containers;
    sr_bytes service_account_name;
    bool host_network;
    bool host_pid;
    bool host_ipc;
    /// Whether the containers get the account's token. Absent: the account says.
    sr_optional_bool automount_service_account_token;
    /// Empty until there is a node.
    sr_bytes node_name;
    sr_volumes volumes;
    sr_pod_security_context security_context;
} sr_pod;

/// False for what is no v1 Pod, or a malformed one.
bool sr_pod_read(const sr_object *object, sr_pod *pod);

#endif
