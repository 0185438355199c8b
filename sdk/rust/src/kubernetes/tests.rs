//! Both encodings give the same answers, and hostile bytes give errors.

mod hostile;
mod pods;
mod wire;

use super::*;
use wire::{entry, envelope, field, flag};

const SECRET_JSON: &str = r#"{
    "kind": "Secret", "apiVersion": "v1", "type": "Opaque", "immutable": true,
    "metadata": {"name": "login", "namespace": "default", "uid": "x", "labels": {"team": "a", "empty": ""},
        "annotations": {"note": "caf\u00e9 \"\ud83d\ude00\"\n"}, "managedFields": [{"fieldsV1": {"f:data": {}}}, []]},
    "data": {"user": "cm9vdA==", "long": "YWJjZGVm", "none": "", "null": null}}"#;

const CONFIG_MAP_JSON: &str = r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"app","labels":null},
    "data":{"colour":"blue","lines":"a\nb"},"binaryData":{"logo":"AAH/"}}"#;

const POD_JSON: &str = r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"web","namespace":"default"},"spec":{
    "containers":[{"name":"web","image":"web:1","ports":[{"containerPort":80}]},{"name":"side","image":"side:2"}],
    "initContainers":[{"name":"init","image":"init:3"}],
    "ephemeralContainers":[{"name":"debug","image":"debug:4","targetContainerName":"web"}],
    "serviceAccountName":"robot","hostNetwork":true,"volumes":null},"status":{"phase":"Running"}}"#;

fn secret_protobuf() -> Vec<u8> {
    let note = entry(12, b"note", "café \"😀\"\n".as_bytes());
    let labels = [entry(11, b"team", b"a"), entry(11, b"empty", b"")].concat();
    let metadata = [field(1, b"login"), field(3, b"default"), field(5, b"x"), labels, note].concat();
    let data = [entry(2, b"user", b"root"), entry(2, b"long", b"abcdef"), field(2, &field(1, b"none"))].concat();
    let null = entry(2, b"null", b"");
    envelope(b"v1", b"Secret", &[field(1, &metadata), data, null, field(3, b"Opaque"), flag(5, true)].concat())
}

fn config_map_protobuf() -> Vec<u8> {
    let data = [entry(2, b"colour", b"blue"), entry(2, b"lines", b"a\nb"), entry(3, b"logo", b"\x00\x01\xff")];
    envelope(b"v1", b"ConfigMap", &[field(1, &field(1, b"app")), data.concat()].concat())
}

fn pod_protobuf() -> Vec<u8> {
    let container = |name: &[u8], image: &[u8]| [field(1, name), field(2, image), field(6, b"")].concat();
    let debug = [field(1, &container(b"debug", b"debug:4")), field(2, b"web")].concat();
    let spec = [
        field(2, &container(b"web", b"web:1")),
        field(2, &container(b"side", b"side:2")),
        field(8, b"robot"),
        flag(11, true),
        field(20, &container(b"init", b"init:3")),
        field(34, &debug),
    ];
    let metadata = [field(1, b"web"), field(3, b"default")].concat();
    envelope(b"v1", b"Pod", &[field(1, &metadata), field(2, &spec.concat()), field(3, &field(1, b"Running"))].concat())
}

/// Of each kind in each encoding.
fn samples() -> [(&'static [u8], Vec<u8>); 4] {
    [
        (SECRET_JSON.as_bytes(), secret_protobuf()),
        (CONFIG_MAP_JSON.as_bytes(), config_map_protobuf()),
        (POD_JSON.as_bytes(), pod_protobuf()),
        (pods::SECURED_JSON.as_bytes(), pods::secured_protobuf()),
    ]
}

type Everything = (String, String, Metadata, Option<Secret>, Option<ConfigMap>, Option<Pod>);

fn read_all(value: &[u8]) -> Result<Everything, Unreadable> {
    let object = Object::read(value)?;
    let (secret, config_map, pod) = (object.secret()?, object.config_map()?, object.pod()?);
    Ok((object.api_version, object.kind, object.metadata, secret, config_map, pod))
}

fn texts(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect()
}

fn bytes(entries: &[(&str, &[u8])]) -> BTreeMap<String, Vec<u8>> {
    entries.iter().map(|(name, bytes)| (name.to_string(), bytes.to_vec())).collect()
}

#[test]
fn both_encodings_give_the_same_answers() {
    for (json, protobuf) in samples() {
        assert_eq!(read_all(json).unwrap(), read_all(&protobuf).unwrap());
    }
}

#[test]
fn a_secret_is_read() {
    let (api_version, kind, metadata, secret, config_map, pod) = read_all(SECRET_JSON.as_bytes()).unwrap();
    assert_eq!((api_version.as_str(), kind.as_str()), ("v1", "Secret"));
    assert_eq!((metadata.name.as_str(), metadata.namespace.as_str()), ("login", "default"));
    assert_eq!(metadata.labels, texts(&[("team", "a"), ("empty", "")]));
    assert_eq!(metadata.annotations, texts(&[("note", "café \"😀\"\n")]));
    let data = bytes(&[("user", b"root"), ("long", b"abcdef"), ("none", b""), ("null", b"")]);
    assert_eq!(secret, Some(Secret { r#type: "Opaque".to_owned(), data }));
    assert_eq!((config_map, pod), (None, None));
}

#[test]
fn a_config_map_is_read() {
    let config_map = read_all(CONFIG_MAP_JSON.as_bytes()).unwrap().4.unwrap();
    assert_eq!(config_map.data, texts(&[("colour", "blue"), ("lines", "a\nb")]));
    assert_eq!(config_map.binary_data, bytes(&[("logo", b"\x00\x01\xff")]));
}

#[test]
fn a_pod_is_read() {
    let pod = read_all(POD_JSON.as_bytes()).unwrap().5.unwrap();
    let containers = |list: &[Container]| {
        let each = list.iter().map(|container| format!("{}={}", container.name, container.image));
        each.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(containers(&pod.containers), "web=web:1 side=side:2");
    assert_eq!(containers(&pod.init_containers), "init=init:3");
    assert_eq!(containers(&pod.ephemeral_containers), "debug=debug:4");
    assert_eq!((pod.service_account_name.as_str(), pod.host_network), ("robot", true));
    assert_eq!(pod.all_containers().count(), 4);
}

#[test]
fn other_kinds_have_metadata() {
    let raw = [field(1, &[field(1, b"b"), entry(11, b"a", b"1")].concat()), field(2, b"anything")].concat();
    let json =
        r#"{"apiVersion":"example.org/v2","kind":"Boat","metadata":{"name":"b","labels":{"a":"1"}},"spec":[1.5e3]}"#;
    for value in [json.as_bytes(), &envelope(b"example.org/v2", b"Boat", &raw)] {
        let (api_version, kind, metadata, secret, config_map, pod) = read_all(value).unwrap();
        assert_eq!((api_version.as_str(), kind.as_str()), ("example.org/v2", "Boat"));
        assert_eq!((metadata.name.as_str(), metadata.labels), ("b", texts(&[("a", "1")])));
        assert_eq!((secret, config_map, pod), (None, None, None));
    }
}

#[test]
fn a_kind_of_another_group_is_another_kind() {
    let object = Object::read(br#"{"apiVersion":"example.org/v1","kind":"Secret","data":7}"#).unwrap();
    assert_eq!(object.secret().unwrap(), None);
}

#[test]
fn what_is_absent_or_null_is_empty() {
    for json in
        [r#"{"apiVersion":"v1","kind":"Pod"}"#, r#"{"apiVersion":"v1","kind":"Pod","metadata":null,"spec":null}"#]
    {
        let (_, _, metadata, _, _, pod) = read_all(json.as_bytes()).unwrap();
        assert_eq!((metadata, pod), (Metadata::default(), Some(Pod::default())));
    }
    assert_eq!(read_all(&envelope(b"v1", b"Pod", b"")).unwrap().5, Some(Pod::default()));
}

#[test]
fn in_protobuf_what_comes_in_pieces_is_joined() {
    let metadata = [field(1, &field(1, b"old")), field(1, &field(3, b"default")), field(1, &field(1, b"web"))];
    let spec = [field(2, &field(8, b"robot")), field(2, &flag(11, true))];
    let value = envelope(b"v1", b"Pod", &[metadata.concat(), spec.concat()].concat());
    let (_, _, metadata, _, _, pod) = read_all(&value).unwrap();
    assert_eq!((metadata.name.as_str(), metadata.namespace.as_str()), ("web", "default"));
    let pod = pod.unwrap();
    assert_eq!((pod.service_account_name.as_str(), pod.host_network), ("robot", true));
}

#[test]
fn escapes_read_as_the_api_server_reads_them() {
    for (text, plain) in [
        (r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
        (r#""\u00e9\u20AC\u0000""#, "é€\0"),
        (r#""\ud83d\ude00""#, "😀"),
        (r#""\ud83d""#, "\u{fffd}"),
        (r#""\ud83dx""#, "\u{fffd}x"),
        (r#""\ude00\ud83d""#, "\u{fffd}\u{fffd}"),
        (r#""\ude00\ude00""#, "\u{fffd}\u{fffd}"),
        (r#""\ud83d\u0041""#, "\u{fffd}A"),
        (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
        (r#""a\\u0041é😀""#, "a\\u0041é😀"),
        (" null ", ""),
    ] {
        let json = format!(r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"n\u0061me":{text}}}}}"#);
        assert_eq!(Object::read(json.as_bytes()).unwrap().metadata.name, plain, "{text}");
    }
}
