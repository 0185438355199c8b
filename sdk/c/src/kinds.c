/// Kinds with typed access. Field numbers are those of `generated.proto` in k8s.io/api (core/v1).

#include "fields.h"
#include "maps.h"
#include "strongroom_kubernetes.h"

static const sr_name SECRET_DATA = {"data", 2}, SECRET_TYPE = {"type", 3};
static const sr_name CONFIG_MAP_DATA = {"data", 2}, CONFIG_MAP_BINARY_DATA = {"binaryData", 3};

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
