/// A Pod that says all that policies ask about, and Pods that say one thing.
#ifndef PODS_H
#define PODS_H

#include "objects.h"

/// JSON that is written with single quotes.
static inline sr_bytes json(const char *text) {
    sr_bytes copy = tight(sr_text(text));
    uint8_t *at = (uint8_t *)(uintptr_t)copy.at;
    for (size_t left = copy.len; left > 0; left--, at++) *at = *at == '\'' ? '"' : *at;
    return copy;
}

static inline sr_bytes pod_json(const char *before, const char *spec, const char *after) {
    return sr_concat(json("{'apiVersion':'v1','kind':'Pod','spec':"), json(before), json(spec), json(after), json("}"));
}

static inline sr_bytes pod_message(sr_bytes spec) {
    return envelope("v1", "Pod", field(2, spec));
}

static inline sr_bytes volume_field(const char *name, sr_bytes source) {
    return field(1, sr_concat(text_field(1, name), field(2, source)));
}

static inline sr_bytes port_field(uint64_t host_port, uint64_t container_port) {
    return field(6, sr_concat(number_field(2, host_port), number_field(3, container_port)));
}

static inline sr_bytes secured_container(const char *name, const char *image, sr_bytes ports, sr_bytes context) {
    return sr_concat(text_field(1, name), text_field(2, image), ports, field(15, context));
}

static inline sr_bytes secured_spec(void) {
    sr_bytes capabilities = sr_concat(text_field(1, "NET_ADMIN"), text_field(1, "SYS_TIME"), text_field(2, "ALL"));
    sr_bytes web = sr_concat(field(1, capabilities), number_field(2, 1), number_field(4, 0), number_field(5, 0),
                             number_field(6, 1), number_field(7, 1), text_field(9, "Unmasked"),
                             field(11, sr_concat(text_field(1, "Localhost"), text_field(2, "web.json"))));
    sr_bytes ports = sr_concat(port_field(8080, 80), port_field(0, 81), field(6, NONE), port_field(53, 53));
    sr_bytes init = sr_concat(number_field(4, 9007199254740991), number_field(5, 1), number_field(7, 0));
    sr_bytes debug = secured_container("debug", "debug:4", port_field(9, 9), number_field(2, 1));
    sr_bytes of_all =
        sr_concat(number_field(2, 1000), number_field(3, 1), number_field(5, 2000),
                  field(7, text_field(1, "kernel.shm_rmid_forced")), field(7, text_field(1, "net.core.somaxconn")),
                  field(10, text_field(1, "RuntimeDefault")));
    return sr_concat(volume_field("run", field(1, sr_concat(text_field(1, "/run"), text_field(2, "Directory")))),
                     volume_field("empty", field(2, NONE)), volume_field("novel", field(99, NONE)),
                     volume_field("none", NONE), field(2, secured_container("web", "web:1", ports, web)),
                     field(2, secured_container("side", "side:2", NONE, NONE)), text_field(8, "robot"),
                     text_field(10, "node-1"), number_field(11, 0), number_field(12, 1), number_field(13, 1),
                     field(14, of_all), field(20, secured_container("init", "init:3", NONE, init)), number_field(21, 0),
                     field(34, sr_concat(field(1, debug), text_field(2, "web"))));
}

static inline sample secured(void) {
    static const char spec[] =
        "{'volumes':[{'name':'run','hostPath':{'path':'/run','type':'Directory'}},"
        "{'name':'empty','emptyDir':{},'secret':null},{'name':'novel','quantumDisk':{}},{'name':'none'}],"
        "'containers':[{'name':'web','image':'web:1','ports':[{'containerPort':80,'hostPort':8080},{'containerPort':81},"
        "{'hostPort':0},{'hostPort':53,'protocol':'UDP'}],'securityContext':{'privileged':true,"
        "'allowPrivilegeEscalation':true,'runAsNonRoot':false,'runAsUser':0,'readOnlyRootFilesystem':true,"
        "'capabilities':{'add':['NET_ADMIN','SYS_TIME'],'drop':['ALL']},"
        "'seccompProfile':{'type':'Localhost','localhostProfile':'web.json'},'procMount':'Unmasked'}},"
        "{'name':'side','image':'side:2','securityContext':{'privileged':null,'runAsUser':null,'capabilities':{}}}],"
        "'initContainers':[{'name':'init','image':'init:3','securityContext':{'allowPrivilegeEscalation':false,"
        "'runAsNonRoot':true,'runAsUser':9007199254740991}}],"
        "'ephemeralContainers':[{'name':'debug','image':'debug:4','ports':[{'hostPort':9}],"
        "'securityContext':{'privileged':true},'targetContainerName':'web'}],"
        "'serviceAccountName':'robot','automountServiceAccountToken':false,'nodeName':'node-1',"
        "'hostNetwork':false,'hostPID':true,'hostIPC':true,'securityContext':{'runAsNonRoot':true,'runAsUser':1000,"
        "'fsGroup':2000,'seccompProfile':{'type':'RuntimeDefault'},'sysctls':["
        "{'name':'kernel.shm_rmid_forced','value':'0'},{'name':'net.core.somaxconn','value':'1024'}]}}";
    return (sample){
        "Pod with a security context",
        sr_concat(sr_text("{\"apiVersion\":\"v1\",\"kind\":\"Pod\"," METADATA_JSON("web") ",\"spec\":"), json(spec),
                  sr_text("}")),
        envelope("v1", "Pod", sr_concat(metadata("web"), field(2, secured_spec()))),
    };
}

#endif
