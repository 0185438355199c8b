//! What the Pod Security Standards ask about, in both encodings.

use super::super::volume::SOURCES;
use super::*;
use wire::number;

pub(super) const SECURED_JSON: &str = r#"{"kind":"Pod","apiVersion":"v1","spec":{
    "volumes":[{"name":"run","hostPath":{"path":"/run","type":"Directory"}},{"name":"empty","emptyDir":{},"secret":null},
        {"name":"novel","quantumDisk":{}},{"name":"none"}],
    "containers":[{"name":"web","image":"web:1",
        "ports":[{"containerPort":80,"hostPort":8080},{"containerPort":81},{"hostPort":0},{"hostPort":53,"protocol":"UDP"}],
        "securityContext":{"privileged":true,"allowPrivilegeEscalation":true,"runAsNonRoot":false,"runAsUser":0,
            "readOnlyRootFilesystem":true,"capabilities":{"add":["NET_ADMIN","SYS_TIME"],"drop":["ALL"]},
            "seccompProfile":{"type":"Localhost","localhostProfile":"web.json"},"procMount":"Unmasked"}},
        {"name":"side","image":"side:2","securityContext":{"privileged":null,"runAsUser":null,"capabilities":{}}}],
    "initContainers":[{"name":"init","image":"init:3",
        "securityContext":{"allowPrivilegeEscalation":false,"runAsNonRoot":true,"runAsUser":9007199254740991}}],
    "ephemeralContainers":[{"name":"debug","image":"debug:4","ports":[{"hostPort":9}],
        "securityContext":{"privileged":true},"targetContainerName":"web"}],
    "serviceAccountName":"robot","automountServiceAccountToken":false,"nodeName":"node-1",
    "hostNetwork":false,"hostPID":true,"hostIPC":true,
    "securityContext":{"runAsNonRoot":true,"runAsUser":1000,"fsGroup":2000,"seccompProfile":{"type":"RuntimeDefault"},
        "sysctls":[{"name":"kernel.shm_rmid_forced","value":"0"},{"name":"net.core.somaxconn","value":"1024"}]}}}"#;

pub(super) fn secured_protobuf() -> Vec<u8> {
    let volume = |name: &[u8], source: &[u8]| field(1, &[field(1, name), field(2, source)].concat());
    let volumes = [
        volume(b"run", &field(1, &[field(1, b"/run"), field(2, b"Directory")].concat())),
        volume(b"empty", &field(2, b"")),
        volume(b"novel", &field(99, b"")),
        volume(b"none", b""),
    ];
    let ports = [
        field(6, &[number(2, 8080), number(3, 80)].concat()),
        field(6, &[number(2, 0), number(3, 81)].concat()),
        field(6, &number(2, 0)),
        field(6, &[number(2, 53), field(4, b"UDP")].concat()),
    ];
    let capabilities = [field(1, b"NET_ADMIN"), field(1, b"SYS_TIME"), field(2, b"ALL")];
    let rights = [
        field(1, &capabilities.concat()),
        flag(2, true),
        number(4, 0),
        flag(5, false),
        flag(6, true),
        flag(7, true),
        field(9, b"Unmasked"),
        field(11, &[field(1, b"Localhost"), field(2, b"web.json")].concat()),
    ];
    let container = |name: &[u8], image: &[u8], rights: &[u8], ports: &[u8]| {
        [field(1, name), field(2, image), ports.to_vec(), field(15, rights)].concat()
    };
    let debug = container(b"debug", b"debug:4", &flag(2, true), &field(6, &number(2, 9)));
    let init = [number(4, (1 << 53) - 1), flag(5, true), flag(7, false)].concat();
    let sysctls = [field(1, b"kernel.shm_rmid_forced"), field(1, b"net.core.somaxconn")].map(|name| field(7, &name));
    let of_all =
        [number(2, 1000), flag(3, true), number(5, 2000), sysctls.concat(), field(10, &field(1, b"RuntimeDefault"))];
    let spec = [
        volumes.concat(),
        field(2, &container(b"web", b"web:1", &rights.concat(), &ports.concat())),
        field(2, &container(b"side", b"side:2", &field(1, b""), b"")),
        field(8, b"robot"),
        field(10, b"node-1"),
        flag(11, false),
        flag(12, true),
        flag(13, true),
        field(14, &of_all.concat()),
        field(20, &container(b"init", b"init:3", &init, b"")),
        flag(21, false),
        field(34, &[field(1, &debug), field(2, b"web")].concat()),
    ];
    envelope(b"v1", b"Pod", &field(2, &spec.concat()))
}

fn list(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| text.to_string()).collect()
}

fn in_json(spec: &str) -> Result<Pod, Unreadable> {
    let value = format!(r#"{{"apiVersion":"v1","kind":"Pod","spec":{spec}}}"#);
    read_all(value.as_bytes()).map(|all| all.5.unwrap())
}

fn in_protobuf(spec: &[u8]) -> Result<Pod, Unreadable> {
    read_all(&envelope(b"v1", b"Pod", &field(2, spec))).map(|all| all.5.unwrap())
}

#[test]
fn what_a_pod_says_is_read() {
    for value in [SECURED_JSON.as_bytes().to_vec(), secured_protobuf()] {
        let pod = read_all(&value).unwrap().5.unwrap();
        assert_eq!((pod.host_network, pod.host_pid, pod.host_ipc), (false, true, true));
        assert_eq!((pod.automount_service_account_token, pod.node_name.as_str()), (Some(false), "node-1"));
        let of_all = PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(1000),
            seccomp_profile_type: "RuntimeDefault".to_owned(),
            sysctls: list(&["kernel.shm_rmid_forced", "net.core.somaxconn"]),
        };
        assert_eq!(pod.security_context, of_all);
        let volumes = pod.volumes.iter().map(|each| format!("{}={}:{}", each.name, each.source, each.host_path));
        assert_eq!(volumes.collect::<Vec<_>>(), ["run=hostPath:/run", "empty=emptyDir:", "novel=:", "none=:"]);
    }
}

#[test]
fn what_its_containers_say_is_read() {
    for value in [SECURED_JSON.as_bytes().to_vec(), secured_protobuf()] {
        let pod = read_all(&value).unwrap().5.unwrap();
        let web = SecurityContext {
            privileged: true,
            allow_privilege_escalation: Some(true),
            run_as_non_root: Some(false),
            run_as_user: Some(0),
            read_only_root_filesystem: true,
            capabilities: Capabilities { add: list(&["NET_ADMIN", "SYS_TIME"]), drop: list(&["ALL"]) },
            seccomp_profile_type: "Localhost".to_owned(),
            proc_mount: "Unmasked".to_owned(),
        };
        assert_eq!((&pod.containers[0].security_context, &*pod.containers[0].host_ports), (&web, &[8080, 53][..]));
        let init = SecurityContext {
            allow_privilege_escalation: Some(false),
            run_as_non_root: Some(true),
            run_as_user: Some((1 << 53) - 1),
            ..SecurityContext::default()
        };
        assert_eq!(pod.init_containers[0].security_context, init);
        let debug = SecurityContext { privileged: true, ..SecurityContext::default() };
        assert_eq!(pod.ephemeral_containers[0].security_context, debug);
        assert_eq!(pod.ephemeral_containers[0].host_ports, [9]);
    }
}

#[test]
fn what_is_not_said_is_not_false() {
    for value in [SECURED_JSON.as_bytes().to_vec(), secured_protobuf()] {
        let side = &read_all(&value).unwrap().5.unwrap().containers[1];
        assert_eq!((&side.security_context, &*side.host_ports), (&SecurityContext::default(), &[][..]));
        assert_eq!(side.security_context.allow_privilege_escalation, None);
    }
    let nothing = r#"{"automountServiceAccountToken":null,"securityContext":{"runAsNonRoot":null,"runAsUser":null}}"#;
    for pod in [in_json(nothing).unwrap(), in_protobuf(&field(14, b"")).unwrap()] {
        assert_eq!(pod, Pod::default());
        assert_eq!((pod.automount_service_account_token, pod.security_context.run_as_user), (None, None));
    }
}

#[test]
fn every_source_has_its_name() {
    for (name, number) in SOURCES {
        let json = format!(r#"{{"volumes":[{{"{name}":{{"path":"/p"}}}}]}}"#);
        let protobuf = field(1, &field(2, &field(number.try_into().unwrap(), &field(1, b"/p"))));
        for pod in [in_json(&json).unwrap(), in_protobuf(&protobuf).unwrap()] {
            let path = if name == "hostPath" { "/p" } else { "" };
            assert_eq!((pod.volumes[0].source.as_str(), pod.volumes[0].host_path.as_str()), (name, path));
        }
    }
}

#[test]
fn in_protobuf_what_comes_in_pieces_is_joined() {
    let rights = [field(15, &flag(2, true)), field(15, &flag(7, true)), field(15, &flag(7, false))].concat();
    let source = [field(2, &field(1, b"")), field(2, &field(1, &field(1, b"/run")))].concat();
    let pod = in_protobuf(&[field(2, &rights), field(1, &source)].concat()).unwrap();
    let context = &pod.containers[0].security_context;
    assert_eq!((context.privileged, context.allow_privilege_escalation), (true, Some(false)));
    assert_eq!((pod.volumes[0].source.as_str(), pod.volumes[0].host_path.as_str()), ("hostPath", "/run"));
}

#[test]
fn numbers_are_those_of_their_field() {
    for user in [0, -1, 7, i64::from(i32::MAX) + 1] {
        let json = format!(r#"{{"securityContext":{{"runAsUser":{user}}}}}"#);
        for pod in [in_json(&json).unwrap(), in_protobuf(&field(14, &number(2, user))).unwrap()] {
            assert_eq!(pod.security_context.run_as_user, Some(user));
        }
    }
    for (port, is_read) in [(-1, true), (i64::from(i32::MAX), true), (1 << 31, false), (1 << 32, false)] {
        let json = format!(r#"{{"containers":[{{"ports":[{{"hostPort":{port}}}]}}]}}"#);
        let protobuf = field(2, &field(6, &number(2, port)));
        assert_eq!([in_json(&json).is_ok(), in_protobuf(&protobuf).is_ok()], [is_read; 2], "{port}");
    }
}

#[test]
fn json_of_other_types_is_refused() {
    let of_all = ["[]", r#"{"runAsNonRoot":"true"}"#, r#"{"sysctls":["a"]}"#, r#"{"seccompProfile":"RuntimeDefault"}"#];
    let users =
        ["\"0\"", "true", "1.0", "1e3", "9223372036854775808", "[]"].map(|user| format!(r#"{{"runAsUser":{user}}}"#));
    for context in of_all.into_iter().chain(users.iter().map(String::as_str)) {
        assert!(in_json(&format!(r#"{{"securityContext":{context}}}"#)).is_err(), "{context}");
    }
    for context in [
        r#"{"privileged":"true"}"#,
        r#"{"privileged":1}"#,
        r#"{"privileged":false,"privileged":true}"#,
        r#"{"allowPrivilegeEscalation":0}"#,
        r#"{"readOnlyRootFilesystem":"yes"}"#,
        r#"{"capabilities":["ALL"]}"#,
        r#"{"capabilities":{"add":"ALL"}}"#,
        r#"{"capabilities":{"drop":[1]}}"#,
        r#"{"procMount":{}}"#,
        r#"{"seccompProfile":{"type":1}}"#,
    ] {
        assert!(in_json(&format!(r#"{{"containers":[{{"securityContext":{context}}}]}}"#)).is_err(), "{context}");
    }
    for spec in [
        r#"{"hostPID":"true"}"#,
        r#"{"hostIPC":1}"#,
        r#"{"automountServiceAccountToken":"false"}"#,
        r#"{"nodeName":1}"#,
        r#"{"volumes":{}}"#,
        r#"{"volumes":[{"hostPath":"/run"}]}"#,
        r#"{"volumes":[{"hostPath":{"path":1}}]}"#,
        r#"{"volumes":[{"emptyDir":true}]}"#,
        r#"{"volumes":[{"emptyDir":{},"hostPath":{}}]}"#,
        r#"{"containers":[{"ports":{}}]}"#,
        r#"{"containers":[{"ports":[{"hostPort":"80"}]}]}"#,
    ] {
        assert!(in_json(spec).is_err(), "{spec}");
    }
}

#[test]
fn protobuf_of_other_types_is_refused() {
    let context_of = |fields: &[u8]| field(2, &field(15, fields));
    for spec in [
        flag(1, true),
        field(12, b""),
        field(13, b"x"),
        field(21, b""),
        flag(10, true),
        field(10, b"\xff"),
        flag(14, true),
        field(14, &field(2, b"")),
        field(14, &field(3, b"")),
        field(14, &flag(7, true)),
        field(14, &field(10, &flag(1, true))),
        field(1, &flag(2, true)),
        field(1, &field(2, &flag(1, true))),
        field(1, &field(2, &field(2, b"\x08"))),
        field(1, &field(2, &[field(1, b""), field(2, b"")].concat())),
        field(1, &field(2, &field(1, &flag(1, true)))),
        field(2, &flag(6, true)),
        field(2, &field(6, &field(2, b""))),
        field(2, &flag(15, true)),
        context_of(&flag(1, true)),
        context_of(&field(1, &flag(2, true))),
        context_of(&field(2, b"")),
        context_of(&field(4, b"")),
        context_of(&field(5, b"")),
        context_of(&field(6, b"")),
        context_of(&field(7, b"")),
        context_of(&flag(9, true)),
        context_of(&flag(11, true)),
        field(34, &field(1, &field(15, &field(2, b"")))),
    ] {
        assert!(in_protobuf(&spec).is_err(), "{:?}", spec.escape_ascii());
    }
}
