/// The same objects in both encodings.
#ifndef OBJECTS_H
#define OBJECTS_H

#include "check.h"

typedef struct sample {
    const char *what;
    sr_bytes json;
    sr_bytes protobuf;
} sample;

#define NONE ((sr_bytes){0})

static inline uint8_t *put_varint(uint8_t *to, uint64_t number) {
    for (; number >= 0x80; number >>= 7) *to++ = (uint8_t)(number | 0x80);
    *to++ = (uint8_t)number;
    return to;
}

/// A field of bytes, a text or a message.
static inline sr_bytes field(uint32_t number, sr_bytes content) {
    uint8_t *head = sr_alloc(12);
    uint8_t *end = put_varint(put_varint(head, number << 3 | 2), content.len);
    return sr_concat(((sr_bytes){head, end - head}), content);
}

static inline sr_bytes text_field(uint32_t number, const char *text) {
    return field(number, sr_text(text));
}

/// A field with a number.
static inline sr_bytes number_field(uint32_t number, uint64_t value) {
    uint8_t *bytes = sr_alloc(12);
    return (sr_bytes){bytes, put_varint(put_varint(bytes, number << 3), value) - bytes};
}

static inline sr_bytes pair_field(uint32_t number, const char *key, const char *value) {
    return field(number, sr_concat(text_field(1, key), text_field(2, value)));
}

static inline sr_bytes container_field(uint32_t number, const char *name, const char *image) {
    return field(number, sr_concat(text_field(1, name), text_field(2, image)));
}

static inline sr_bytes envelope(const char *api_version, const char *kind, sr_bytes raw) {
    sr_bytes type = sr_concat(text_field(1, api_version), text_field(2, kind));
    // The API server ends it with an empty encoding and content type.
    return sr_concat(((sr_bytes){(const uint8_t *)"k8s", 4}), field(1, type), field(2, raw), text_field(3, ""),
                     text_field(4, ""));
}

static inline sr_bytes metadata(const char *name) {
    return field(1, sr_concat(text_field(1, name), text_field(2, ""), text_field(3, "team-a"), number_field(7, 0),
                              pair_field(11, "app",
                                         "w\xc3\xa9"
                                         "b"),
                              pair_field(11, "tier", ""), pair_field(12, "note", "a \"quoted\"\nline")));
}

#define METADATA_JSON(name)                                                                                            \
    "\"metadata\":{\"name\":\"" name "\",\"namespace\":\"team-a\",\"creationTimestamp\":null,"                         \
    "\"labels\":{\"app\":\"w\\u00e9b\",\"tier\":\"\"},\"annotations\":{\"note\":\"a \\\"quoted\\\"\\nline\"}}"

static inline sample secret(void) {
    return (sample){
        "Secret",
        sr_text("{\"kind\":\"Secret\",\"apiVersion\":\"v1\"," METADATA_JSON(
            "login") ",\"data\":{\"user\":\"YWxpY2U=\",\"empty\":\"\"},\"type\":\"Opaque\"}\n"),
        envelope("v1", "Secret",
                 sr_concat(metadata("login"), pair_field(2, "user", "alice"), pair_field(2, "empty", ""),
                           text_field(3, "Opaque"))),
    };
}

static inline sample config_map(void) {
    return (sample){
        "ConfigMap",
        sr_text("{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\"," METADATA_JSON(
            "app") ",\"data\":{\"colour\":\"bl\\u0075e\"},\"binaryData\":{\"blob\":\"Zm9vYmE=\"}}"),
        envelope("v1", "ConfigMap",
                 sr_concat(metadata("app"), pair_field(2, "colour", "blue"), pair_field(3, "blob", "fooba"))),
    };
}

static inline sample pod(void) {
    sr_bytes spec =
        sr_concat(container_field(2, "web", "web:1"), container_field(2, "log", "log:2"), text_field(3, "Always"),
                  text_field(8, "runner"), number_field(11, 1), container_field(20, "init", "init:3"),
                  field(34, sr_concat(container_field(1, "debug", "debug:4"), text_field(2, "web"))));
    return (sample){
        "Pod",
        sr_text("{\"apiVersion\":\"v1\",\"kind\":\"Pod\"," METADATA_JSON(
            "web") ",\"spec\":{"
                   "\"initContainers\":[{\"name\":\"init\",\"image\":\"init:3\"}],"
                   "\"containers\":[{\"name\":\"web\",\"image\":\"web:1\",\"ports\":[{\"containerPort\":80}]},"
                   "{\"image\":\"log:2\",\"name\":\"log\"}],\"restartPolicy\":\"Always\",\"serviceAccountName\":\"runner\","
                   "\"ephemeralContainers\":[{\"name\":\"debug\",\"image\":\"debug:4\",\"targetContainerName\":\"web\"}],"
                   "\"hostNetwork\":true},\"status\":{}}"),
        envelope("v1", "Pod", sr_concat(metadata("web"), field(2, spec), field(3, NONE))),
    };
}

static inline sample deployment(void) {
    return (sample){
        "Deployment",
        sr_text(
            "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\"," METADATA_JSON("web") ",\"spec\":{\"replicas\":3}}"),
        envelope("apps/v1", "Deployment", sr_concat(metadata("web"), field(2, number_field(1, 3)))),
    };
}

#endif
