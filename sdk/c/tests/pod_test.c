/// What Pods say and do not say, in both encodings, and what is refused.

#include "pods.h"
#include "strongroom_kubernetes.h"

static sr_verdict review(const sr_request *request) {
    (void)request;
    return sr_allow();
}

SR_PLUGIN(.name = "pod-test", .version = "0.1.0", .review = review)

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

static bool reads(sr_bytes value, sr_pod *pod) {
    sr_object object;
    CHECK(sr_object_read(tight(value), &object));
    return sr_pod_read(&object, pod);
}

static bool reads_json(const char *before, const char *spec, const char *after) {
    sr_pod pod;
    return reads(pod_json(before, spec, after), &pod);
}

static bool reads_message(sr_bytes spec) {
    sr_pod pod;
    return reads(pod_message(spec), &pod);
}

static void test_what_is_not_said_is_absent(void) {
    sr_bytes values[] = {
        pod_json("",
                 "{'containers':[{'ports':null,'securityContext':{'runAsNonRoot':null}}],"
                 "'automountServiceAccountToken':null,'securityContext':{'runAsUser':null,'sysctls':null}}",
                 ""),
        pod_message(sr_concat(field(2, NONE), field(14, NONE))),
    };
    for (int at = 0; at < 2; at++) {
        sr_pod pod;
        sr_container container;
        sr_volume volume;
        CHECK(reads(values[at], &pod) && !sr_volumes_next(&pod.volumes, &volume));
        CHECK(!pod.host_pid && !pod.host_ipc && !pod.automount_service_account_token.present && pod.node_name.len == 0);
        CHECK(!pod.security_context.run_as_non_root.present && !pod.security_context.run_as_user.present);
        CHECK(pod.security_context.sysctls.count == 0 && pod.security_context.seccomp_profile_type.len == 0);
        CHECK(sr_containers_next(&pod.containers, &container) && container.host_ports.count == 0);
        const sr_security_context *context = &container.security_context;
        CHECK(!context->privileged && !context->read_only_root_filesystem && context->proc_mount.len == 0);
        CHECK(!context->allow_privilege_escalation.present && !context->run_as_non_root.present);
        CHECK(!context->run_as_user.present && context->seccomp_profile_type.len == 0);
        CHECK(context->capabilities_add.count == 0 && context->capabilities_drop.count == 0);
        CHECK(!sr_containers_next(&pod.containers, &container));
    }
}

static void test_every_source_has_its_name(void) {
    for (uint32_t number = 1; number <= sizeof SOURCES / sizeof *SOURCES; number++) {
        sr_bytes values[] = {
            pod_json("{'volumes':[{'", SOURCES[number - 1], "':{'path':'/p'}}]}"),
            pod_message(volume_field("", field(number, text_field(1, "/p")))),
        };
        for (int at = 0; at < 2; at++) {
            sr_pod pod;
            sr_volume volume;
            CHECK(reads(values[at], &pod) && sr_volumes_next(&pod.volumes, &volume));
            CHECK(sr_is(volume.source, SOURCES[number - 1]) && sr_is(volume.host_path, number == 1 ? "/p" : ""));
        }
    }
}

static void test_numbers_are_those_of_their_field(void) {
    static const struct {
        const char *text;
        int64_t number;
    } users[] = {
        {"0", 0}, {"-0", 0}, {"-1", -1}, {"9223372036854775807", INT64_MAX}, {"-9223372036854775808", INT64_MIN}};
    for (size_t at = 0; at < sizeof users / sizeof *users; at++) {
        sr_pod json_pod, message_pod;
        CHECK(reads(pod_json("{'securityContext':{'runAsUser':", users[at].text, "}}"), &json_pod));
        CHECK(reads(pod_message(field(14, number_field(2, (uint64_t)users[at].number))), &message_pod));
        sr_optional_s64 one = json_pod.security_context.run_as_user, other = message_pod.security_context.run_as_user;
        CHECK(one.present && one.number == users[at].number && other.present && other.number == one.number);
    }
    const char *ports[] = {"-1", "2147483647", "2147483648", "4294967296"};
    uint64_t numbers[] = {UINT64_MAX, INT32_MAX, 1ull << 31, 1ull << 32};
    for (int at = 0; at < 4; at++) {
        CHECK(reads_json("{'containers':[{'ports':[{'hostPort':", ports[at], "}]}]}") == (at < 2));
        CHECK(reads_message(field(2, port_field(numbers[at], 0))) == (at < 2));
    }
}

static void test_json_of_other_types(void) {
    const char *specs[] = {
        "{'hostPID':'true'}",
        "{'hostIPC':1}",
        "{'automountServiceAccountToken':'false'}",
        "{'nodeName':1}",
        "{'volumes':{}}",
        "{'volumes':[{'hostPath':'/run'}]}",
        "{'volumes':[{'hostPath':{'path':1}}]}",
        "{'volumes':[{'emptyDir':true}]}",
        "{'volumes':[{'emptyDir':{},'hostPath':{}}]}",
        "{'volumes':[{'emptyDir':{},'emptyDir':{}}]}",
        "{'containers':[{'ports':{}}]}",
        "{'containers':[{'ports':[{'hostPort':'80'}]}]}",
        "{'containers':[{'ports':[1]}]}",
    };
    const char *of_all[] = {
        "[]",
        "{'runAsNonRoot':'true'}",
        "{'runAsUser':'0'}",
        "{'runAsUser':true}",
        "{'runAsUser':1.0}",
        "{'runAsUser':1e3}",
        "{'runAsUser':9223372036854775808}",
        "{'runAsUser':-9223372036854775809}",
        "{'runAsUser':99999999999999999999}",
        "{'sysctls':['a']}",
        "{'seccompProfile':'RuntimeDefault'}",
    };
    const char *of_container[] = {
        "{'privileged':'true'}",
        "{'privileged':1}",
        "{'privileged':false,'privileged':true}",
        "{'allowPrivilegeEscalation':0}",
        "{'readOnlyRootFilesystem':'yes'}",
        "{'capabilities':['ALL']}",
        "{'capabilities':{'add':'ALL'}}",
        "{'capabilities':{'drop':[1]}}",
        "{'procMount':{}}",
        "{'seccompProfile':{'type':1}}",
    };
    for (size_t at = 0; at < sizeof specs / sizeof *specs; at++) CHECK(!reads_json("", specs[at], ""));
    for (size_t at = 0; at < sizeof of_all / sizeof *of_all; at++)
        CHECK(!reads_json("{'securityContext':", of_all[at], "}"));
    for (size_t at = 0; at < sizeof of_container / sizeof *of_container; at++)
        CHECK(!reads_json("{'containers':[{'securityContext':", of_container[at], "}]}"));
}

static void test_messages_of_other_types(void) {
    sr_bytes number = number_field(1, 1);
    sr_bytes of_spec[] = {
        number,
        field(12, NONE),
        text_field(13, "x"),
        field(21, NONE),
        number_field(10, 1),
        number_field(14, 1),
        field(14, field(2, NONE)),
        field(14, field(3, NONE)),
        field(14, number_field(7, 1)),
        field(14, field(10, number)),
        field(1, number_field(2, 1)),
        volume_field("", number),
        volume_field("", field(1, number)),
        volume_field("", field(2, sr_text("\x08"))),
        volume_field("", sr_concat(field(1, NONE), field(2, NONE))),
        field(2, number_field(6, 1)),
        field(2, field(6, field(2, NONE))),
        field(2, number_field(15, 1)),
        field(34, field(1, field(15, field(2, NONE)))),
    };
    sr_bytes of_container[] = {
        number,
        field(1, number_field(2, 1)),
        field(2, NONE),
        field(4, NONE),
        field(5, NONE),
        field(6, NONE),
        field(7, NONE),
        number_field(9, 1),
        number_field(11, 1),
        sr_concat(number_field(2, 0), number_field(2, 1)),
    };
    for (size_t at = 0; at < sizeof of_spec / sizeof *of_spec; at++) CHECK(!reads_message(of_spec[at]));
    for (size_t at = 0; at < sizeof of_container / sizeof *of_container; at++)
        CHECK(!reads_message(field(2, field(15, of_container[at]))));
}

int main(void) {
    test_what_is_not_said_is_absent();
    test_every_source_has_its_name();
    test_numbers_are_those_of_their_field();
    test_json_of_other_types();
    test_messages_of_other_types();
    sr_test_reset();
    return 0;
}
