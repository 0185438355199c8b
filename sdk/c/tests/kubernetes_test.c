/// Kubernetes objects: the same answers in both encodings, and no harm from bytes that are neither.

#include <string.h>

#include "objects.h"
#include "pods.h"
#include "strongroom_kubernetes.h"

static sr_verdict review(const sr_request *request) {
    (void)request;
    return sr_allow();
}

SR_PLUGIN(.name = "kubernetes-test", .version = "0.1.0", .review = review)

static sr_bytes told;

static void tell(const char *what, sr_bytes text) {
    told = sr_concat(told, sr_text(what), text, sr_text(";"));
}

static void tell_pairs(const char *what, sr_pairs pairs) {
    tell(what, NONE);
    for (sr_pair pair; sr_pairs_next(&pairs, &pair);) tell("=", sr_concat(pair.key, sr_text(":"), pair.value));
}

static void tell_texts(const char *what, sr_bytes_list texts) {
    for (size_t at = 0; at < texts.count; at++) tell(what, texts.items[at]);
}

/// What is absent or false is not told below.
static void tell_flag(const char *what, sr_optional_bool flag) {
    if (flag.present) tell(what, sr_decimal(flag.truth));
}

static void tell_number(const char *what, sr_optional_s64 number) {
    if (number.present) tell(what, sr_decimal((uint64_t)number.number));
}

static void tell_security_context(const sr_security_context *context) {
    if (context->privileged) tell("privileged", NONE);
    tell_flag("escalation ", context->allow_privilege_escalation);
    tell_flag("non-root ", context->run_as_non_root);
    tell_number("user ", context->run_as_user);
    if (context->read_only_root_filesystem) tell("read-only", NONE);
    tell_texts("add ", context->capabilities_add);
    tell_texts("drop ", context->capabilities_drop);
    if (context->seccomp_profile_type.len > 0) tell("seccomp ", context->seccomp_profile_type);
    if (context->proc_mount.len > 0) tell("proc ", context->proc_mount);
}

static void tell_containers(const char *what, sr_containers containers) {
    tell(what, NONE);
    for (sr_container each; sr_containers_next(&containers, &each);) {
        tell("=", sr_concat(each.name, sr_text(":"), each.image));
        for (size_t at = 0; at < each.host_ports.count; at++)
            tell("port ", sr_decimal((uint64_t)each.host_ports.items[at]));
        tell_security_context(&each.security_context);
    }
}

static void tell_node(sr_pod *pod) {
    if (pod->host_pid) tell("host pid", NONE);
    if (pod->host_ipc) tell("host ipc", NONE);
    tell_flag("token ", pod->automount_service_account_token);
    if (pod->node_name.len > 0) tell("node ", pod->node_name);
    for (sr_volume each; sr_volumes_next(&pod->volumes, &each);)
        tell("volume ", sr_concat(each.name, sr_text(":"), each.source, sr_text(":"), each.host_path));
    tell_flag("non-root ", pod->security_context.run_as_non_root);
    tell_number("user ", pod->security_context.run_as_user);
    if (pod->security_context.seccomp_profile_type.len > 0)
        tell("seccomp ", pod->security_context.seccomp_profile_type);
    tell_texts("sysctl ", pod->security_context.sysctls);
}

/// Everything that can be asked about a value, as text.
static sr_bytes answers(sr_bytes value) {
    sr_object object;
    sr_secret secret;
    sr_config_map config_map;
    sr_pod pod;
    told = NONE;
    if (!sr_object_read(value, &object)) return sr_text("no object");
    tell("version ", object.api_version);
    tell("kind ", object.kind);
    tell("name ", object.name);
    tell("namespace ", object.namespace);
    tell_pairs("labels", sr_object_labels(&object));
    tell_pairs("annotations", sr_object_annotations(&object));
    if (sr_secret_read(&object, &secret)) {
        tell("type ", secret.type);
        tell_pairs("data", secret.data);
    }
    if (sr_config_map_read(&object, &config_map)) {
        tell_pairs("data", config_map.data);
        tell_pairs("binary", config_map.binary_data);
    }
    if (sr_pod_read(&object, &pod)) {
        tell_containers("init", pod.init_containers);
        tell_containers("containers", pod.containers);
        tell_containers("ephemeral", pod.ephemeral_containers);
        tell("account ", pod.service_account_name);
        tell("host network ", sr_decimal(pod.host_network));
        tell_node(&pod);
    }
    return told;
}

#define HEAD(version, kind, name)                                                                                      \
    "version " version ";kind " kind ";name " name ";namespace team-a;labels;=app:w\xc3\xa9"                           \
    "b;=tier:;annotations;"                                                                                            \
    "=note:a \"quoted\"\nline;"

static void same(sample sample, const char *expected) {
    CHECK(sr_is(answers(tight(sample.json)), expected));
    CHECK(sr_is(answers(tight(sample.protobuf)), expected));
}

static void test_both_encodings_give_the_same(void) {
    same(secret(), HEAD("v1", "Secret", "login") "type Opaque;data;=user:alice;=empty:;");
    same(config_map(), HEAD("v1", "ConfigMap", "app") "data;=colour:blue;binary;=blob:fooba;");
    same(pod(), HEAD("v1", "Pod", "web") "init;=init:init:3;containers;=web:web:1;=log:log:2;ephemeral;=debug:debug:4;"
                                         "account runner;host network 1;");
    same(deployment(), HEAD("apps/v1", "Deployment", "web"));
    same(secured(),
         HEAD("v1", "Pod", "web") "init;=init:init:3;escalation 0;non-root 1;user 9007199254740991;"
                                  "containers;=web:web:1;port 8080;port 53;privileged;escalation 1;non-root 0;user 0;"
                                  "read-only;add NET_ADMIN;add SYS_TIME;drop ALL;seccomp Localhost;proc Unmasked;"
                                  "=side:side:2;ephemeral;=debug:debug:4;port 9;privileged;account robot;"
                                  "host network 0;host pid;host ipc;token 0;node node-1;"
                                  "volume run:hostPath:/run;volume empty:emptyDir:;volume novel::;volume none::;"
                                  "non-root 1;user 1000;seccomp RuntimeDefault;"
                                  "sysctl kernel.shm_rmid_forced;sysctl net.core.somaxconn;");
}

static void test_what_is_not_there_is_empty(void) {
    sample bare = {"bare",
                   sr_text("{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":null,\"spec\":{\"containers\":null}}"),
                   envelope("v1", "Pod", NONE)};
    same(bare,
         "version v1;kind Pod;name ;namespace ;labels;annotations;init;containers;ephemeral;account ;host network 0;");
}

static void test_entries_of_maps_in_protobuf(void) {
    // Fields that are not known are skipped, of those that are there twice the last one counts, and none is needed.
    sr_bytes entry = sr_concat(text_field(3, "x"), text_field(2, "first"), text_field(1, "k"), text_field(2, "last"));
    sr_object object;
    sr_bytes value;
    CHECK(sr_object_read(envelope("v1", "X", field(1, sr_concat(field(11, entry), field(11, NONE)))), &object));
    CHECK(sr_pairs_find(sr_object_labels(&object), "k", &value) && sr_is(value, "last"));
    CHECK(sr_pairs_find(sr_object_labels(&object), "", &value) && value.len == 0);
    CHECK(!sr_object_read(envelope("v1", "X", field(1, field(11, number_field(1, 1)))), &object));
}

static void test_find(void) {
    sample samples[] = {secret(), config_map()};
    for (int at = 0; at < 4; at++) {
        sr_object object;
        sr_bytes value;
        CHECK(sr_object_read(at % 2 ? samples[at / 2].json : samples[at / 2].protobuf, &object));
        CHECK(sr_pairs_find(sr_object_labels(&object), "app", &value) && sr_is(value, "w\xc3\xa9"
                                                                                      "b"));
        CHECK(!sr_pairs_find(sr_object_labels(&object), "ap", &value));
    }
}

static bool reads(const char *json) {
    sr_object object;
    sr_secret secret;
    sr_pod pod;
    return sr_object_read(tight(sr_text(json)), &object) &&
           (sr_secret_read(&object, &secret) || sr_pod_read(&object, &pod));
}

static void test_malformed_json_objects(void) {
#define TYPE "\"apiVersion\":\"v1\",\"kind\":\"Secret\""
#define POD "\"apiVersion\":\"v1\",\"kind\":\"Pod\""
    CHECK(reads("{" TYPE "}") && reads("{" POD "}") && reads(" {" TYPE ",\"data\":{\"a\":null}}"));
    CHECK(!reads("[{" TYPE "}]") && !reads("{\"kind\":\"Secret\"}") && !reads("{\"apiVersion\":\"v1\",\"kind\":1}"));
    CHECK(!reads("{" TYPE ",\"metadata\":[]}") && !reads("{" TYPE ",\"metadata\":{\"name\":7}}"));
    CHECK(!reads("{" TYPE ",\"kind\":\"ConfigMap\"}") && !reads("{" TYPE ",\"data\":{},\"data\":{}}"));
    CHECK(!reads("{" TYPE ",\"\\u0064ata\":{},\"data\":{}}") && !reads("{" TYPE ",\"data\":{\"a\":1}}"));
    CHECK(!reads("{" TYPE ",\"data\":{\"a\":\"%\"}}") && !reads("{" TYPE ",\"metadata\":{\"labels\":{\"a\":[]}}}"));
    CHECK(!reads("{" POD ",\"spec\":{\"containers\":{}}}") && !reads("{" POD ",\"spec\":{\"containers\":[1]}}"));
    CHECK(!reads("{" POD ",\"spec\":{\"containers\":[{\"image\":\"a\",\"image\":\"b\"}]}}"));
    CHECK(!reads("{" POD ",\"spec\":{\"hostNetwork\":\"yes\"}}"));
}

static bool reads_message(sr_bytes raw) {
    sr_object object;
    sr_pod pod;
    return sr_object_read(tight(envelope("v1", "Pod", raw)), &object) && sr_pod_read(&object, &pod);
}

static void test_malformed_messages(void) {
    CHECK(reads_message(field(2, container_field(2, "a", "b"))));
    // Twice, of another type, of a type that is no more, of field 0, longer than it is.
    CHECK(!reads_message(sr_concat(field(2, NONE), field(2, NONE))));
    CHECK(!reads_message(number_field(2, 1)) && !reads_message(field(2, number_field(2, 1))));
    CHECK(!reads_message(sr_text("\x0b\x0c")) && !reads_message(sr_text("\x02\x01"
                                                                        "a")));
    CHECK(!reads_message(sr_text("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")));
    CHECK(!reads_message(sr_text("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")));
    // Raw bytes that are said to be something else.
    sr_object object;
    sr_bytes head = sr_concat(((sr_bytes){(const uint8_t *)"k8s", 4}),
                              field(1, sr_concat(text_field(1, "v1"), text_field(2, "Pod"))));
    CHECK(sr_object_read(head, &object));
    CHECK(!sr_object_read(sr_concat(head, text_field(3, "gzip")), &object));
    CHECK(!sr_object_read(sr_concat(head, text_field(4, "application/json")), &object));
    CHECK(!sr_object_read(((sr_bytes){(const uint8_t *)"k8s", 4}), &object));
}

static void test_cut_off_anywhere(sample sample) {
    sr_bytes whole = answers(sample.protobuf);
    for (size_t len = 0; len < sample.json.len - 1; len++) {
        bool is_object = !sr_is(answers(tight((sr_bytes){sample.json.at, len})), "no object");
        CHECK(!is_object);
    }
    // A message that ends between two fields is one with fewer fields; only that may pass.
    for (size_t len = 0; len < sample.protobuf.len - 4; len++) {
        CHECK(!sr_equal(answers(tight((sr_bytes){sample.protobuf.at, len})), whole));
    }
}

static void test_changed_anywhere(sr_bytes bytes, uint64_t seed, int rounds) {
    for (int round = 0; round < rounds; round++) {
        sr_bytes copy = tight(bytes);
        uint8_t *changed = (uint8_t *)(uintptr_t)copy.at;
        for (uint32_t left = next_random(&seed) % 8 + 1; left > 0; left--) {
            size_t at = next_random(&seed) % copy.len, from = next_random(&seed) % copy.len;
            switch (next_random(&seed) % 4) {
                case 0: changed[at] = (uint8_t)next_random(&seed); break;
                case 1: changed[at] ^= (uint8_t)(1u << next_random(&seed) % 8); break;
                case 2: changed[at] = changed[from]; break;
                default: copy.len = at + 1; break;
            }
        }
        // Tight again, so that what was cut off is out of bounds.
        answers(tight(copy));
    }
}

int main(int count, char **arguments) {
    int rounds = count > 1 ? atoi(arguments[1]) : 20000;
    test_both_encodings_give_the_same();
    test_what_is_not_there_is_empty();
    test_entries_of_maps_in_protobuf();
    test_find();
    test_malformed_json_objects();
    test_malformed_messages();
    sr_test_reset();
    sample (*const samples[])(void) = {secret, config_map, pod, deployment, secured};
    for (size_t at = 0; at < sizeof samples / sizeof *samples; at++) {
        test_cut_off_anywhere(samples[at]());
        sr_test_reset();
        for (int round = 0; round < rounds; round += 500) {
            test_changed_anywhere(samples[at]().json, at * 1000003u + (uint64_t)round, 500);
            test_changed_anywhere(samples[at]().protobuf, at * 1000033u + (uint64_t)round, 500);
            sr_test_reset();
        }
    }
    return 0;
}
