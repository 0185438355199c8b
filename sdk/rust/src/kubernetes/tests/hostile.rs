//! Whatever the bytes, there is an answer or an error, and soon.

use std::time::{Duration, Instant};

use super::*;

/// A generator of chances (xorshift) with a fixed seed, so that what fails does so again.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

fn every_sample() -> Vec<Vec<u8>> {
    samples().into_iter().flat_map(|(json, protobuf)| [json.to_vec(), protobuf]).collect()
}

#[test]
fn cut_off_anywhere() {
    for value in every_sample() {
        // Between two fields of the envelope it is a whole one that says less.
        let type_end = 6 + usize::from(value[5]);
        let is_protobuf = value.starts_with(MAGIC);
        let ends = if is_protobuf { vec![type_end, value.len() - 4, value.len() - 2] } else { Vec::new() };
        for end in 0..value.len() {
            assert_eq!(read_all(&value[..end]).is_ok(), ends.contains(&end), "{end} of {:?}", value.escape_ascii());
        }
    }
}

#[test]
fn changed_anywhere() {
    let mut chance = Chance(0x5eed);
    for value in every_sample() {
        for _ in 0..20_000 {
            let mut changed = value.clone();
            for _ in 0..=chance.below(3) {
                match chance.below(4) {
                    0 => drop(changed.remove(chance.below(changed.len()))),
                    1 => changed.insert(chance.below(changed.len()), chance.below(256) as u8),
                    2 => {
                        let at = chance.below(changed.len());
                        changed[at] ^= 1 << chance.below(8);
                    }
                    _ => {
                        let (from, to) = (chance.below(changed.len()), chance.below(changed.len()));
                        let part = changed[from.min(to)..from.max(to)].to_vec();
                        let at = chance.below(changed.len());
                        changed.splice(at..at, part);
                    }
                }
            }
            let _ = read_all(&changed);
        }
    }
}

#[test]
fn of_random_pieces() {
    let pieces: Vec<&[u8]> = vec![
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"\"",
        b"\\",
        b"\\u",
        b"d83d",
        b"null",
        b"tru",
        b"-",
        b"1.",
        b"e9",
        b" ",
        b"\"metadata\":",
        b"\"spec\":",
        b"\"containers\":",
        b"\"name\":",
        b"\"\"",
        b"\xff",
        "é".as_bytes(),
        b"\x0a",
        b"\x12\x02",
        b"\x00",
        b"\x80\x01",
    ];
    let mut chance = Chance(0xbeef);
    for start in [b"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",".as_slice(), b"k8s\0\x0a\x09\x0a\x02v1\x12\x03Pod\x12\x20"]
    {
        for _ in 0..50_000 {
            let mut value = start.to_vec();
            for _ in 0..chance.below(24) {
                value.extend(pieces[chance.below(pieces.len())]);
            }
            let _ = read_all(&value);
        }
    }
}

#[test]
fn what_is_no_object_is_refused() {
    for value in [
        "",
        "null",
        "[]",
        "\"text\"",
        "{}",
        "colour: blue",
        "kind: Secret",
        "k8s",
        "k8s\0",
        "k8s\0\n",
        "\u{feff}{}",
        "k8s:enc:aescbc:v1:key:\0\x01",
        r#"{"apiVersion":"v1"}"#,
        r#"{"kind":"Pod"}"#,
        r#"{"apiVersion":"","kind":"Pod"}"#,
        r#"{"apiVersion":1,"kind":"Pod"}"#,
        r#"{"apiVersion":"v1","kind":"Pod"} x"#,
        r#"{"apiVersion":"v1","kind":"Pod",}"#,
        r#"{"apiVersion":"v1","kind":"Pod","kind":"Secret"}"#,
        r#"{"apiVersion":"v1","kind":"Pod","ki\u006ed":"Secret"}"#,
    ] {
        assert!(Object::read(value.as_bytes()).is_err(), "{value}");
    }
}

#[test]
fn malformed_json_is_refused() {
    for part in [
        "01",
        "1.",
        ".5",
        "+1",
        "1e",
        "-",
        "NaN",
        "nul",
        "nulll",
        "True",
        "'a'",
        "\"",
        "\"\\q\"",
        "\"\\u12g4\"",
        "\"\\u12\"",
        "\"\n\"",
        "\"\t\"",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "{1:1}",
        "{\"a\":1,}",
        "[}",
        "{]",
        "]",
        "",
        "{\"a\":1 \"b\":2}",
        "1 2",
        "/**/1",
        "\u{a0}1",
    ] {
        let json = format!(r#"{{"apiVersion":"v1","kind":"Pod","x":{part}}}"#);
        assert!(Object::read(json.as_bytes()).is_err(), "{part}");
    }
    for part in
        ["0", "-0", "10.50E+2", "1e-9", "\"\u{7f}\\u12aF\"", "[ ]", "{ }", "[[],{}, [ 1 , {\"a\":[]}]]", " true\r\n"]
    {
        let json = format!(r#"{{"apiVersion":"v1","kind":"Pod","x":{part}}}"#);
        assert!(Object::read(json.as_bytes()).is_ok(), "{part}");
    }
    assert!(Object::read(b"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"x\":\"\xff\"}").is_err());
}

#[test]
fn json_of_other_types_is_refused() {
    for part in [
        r#""metadata":[]"#,
        r#""metadata":{"name":1}"#,
        r#""metadata":{"labels":"a"}"#,
        r#""metadata":{"labels":{"a":[]}}"#,
        r#""metadata":{},"metadata":{}"#,
        r#""metadata":{"name":"a","name":"b"}"#,
        r#""metadata":{"labels":{"a":"1","a":"2"}}"#,
        r#""spec":{},"spec":{}"#,
        r#""spec":7"#,
        r#""spec":{"containers":{}}"#,
        r#""spec":{"containers":["a"]}"#,
        r#""spec":{"containers":[],"containers":[]}"#,
        r#""spec":{"hostNetwork":"true"}"#,
        r#""spec":{"hostNetwork":1}"#,
    ] {
        let json = format!(r#"{{"apiVersion":"v1","kind":"Pod",{part}}}"#);
        assert!(read_all(json.as_bytes()).is_err(), "{part}");
    }
    for data in [r#"{"a":"!"}"#, r#"{"a":"YQ"}"#, r#"{"a":1}"#, r#"{"a":"","a":""}"#, r#""a""#, "[]"] {
        let json = format!(r#"{{"apiVersion":"v1","kind":"Secret","data":{data}}}"#);
        assert!(read_all(json.as_bytes()).is_err(), "{data}");
    }
}

#[test]
fn malformed_protobuf_is_refused() {
    let beyond = b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    let long_tag = b"\x92\x80\x80\x80\x80\x01\x00";
    let of_spec =
        [b"\x58".as_slice(), b"\x10\x01", &field(11, b"x"), &field(2, b"\x08\x01"), &field(2, &field(1, b"\xff"))];
    let specs = of_spec.map(|spec| field(2, spec));
    let parts: [&[u8]; 11] = [
        b"\x02\x00",
        b"\x0b\x0c",
        b"\x08\x01",
        beyond,
        &[0xff; 100],
        long_tag,
        b"\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
        &field(1, b"\x08\x01"),
        &field(1, &field(1, b"\xff")),
        b"\x49\0\0\0",
        b"\x4d\0\0",
    ];
    for raw in parts.into_iter().chain(specs.iter().map(Vec::as_slice)) {
        assert!(read_all(&envelope(b"v1", b"Pod", raw)).is_err(), "{:?}", raw.escape_ascii());
    }
    let type_meta = field(1, &[field(1, b"v1"), field(2, b"Pod")].concat());
    for (more, is_read) in [
        (field(3, b"gzip"), false),
        (field(4, b"application/json"), false),
        (field(4, CONTENT_TYPE.as_bytes()), true),
        (b"\x4d\0\0\0\0\x49\0\0\0\0\0\0\0\0".to_vec(), true),
    ] {
        assert_eq!(Object::read(&[MAGIC, &type_meta, &more].concat()).is_ok(), is_read, "{:?}", more.escape_ascii());
    }
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| {
        let json = [r#"{"apiVersion":"v1","kind":"Pod","x":"#, &"[".repeat(depth), &"]".repeat(depth), "}"].concat();
        Object::read(json.as_bytes()).map(|_| ())
    };
    assert_eq!(nested(json::DEPTH_MAX), Ok(()));
    assert_eq!(nested(json::DEPTH_MAX + 1).unwrap_err().to_string(), "the JSON is nested too deeply");
}

#[test]
fn a_lot_of_anything_ends_soon() {
    const SIZE: usize = 1_500_000;
    let begun = Instant::now();
    for part in ["[", "{\"a\":", "\"", "\\", "\"\\", "1", "[]", "\"\",", " "] {
        for start in ["{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"a\":", "{\"metadata\":{\"labels\":{\"a\":\""] {
            let _ = read_all([start, &part.repeat(SIZE / part.len())].concat().as_bytes());
        }
    }
    let _ = read_all(&envelope(b"v1", b"Pod", &b"\x0a\x00".repeat(SIZE / 2)));
    let _ = read_all(&envelope(b"v1", b"Pod", &field(2, &b"\x12\x00".repeat(SIZE / 2))));
    let labels: Vec<String> = (0..SIZE / 10).map(|number| format!("\"{number}\":\"\"")).collect();
    let json =
        format!("{{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{{\"labels\":{{{}}}}}}}", labels.join(","));
    assert_eq!(read_all(json.as_bytes()).unwrap().2.labels.len(), SIZE / 10);
    assert!(begun.elapsed() < Duration::from_secs(30));
}
