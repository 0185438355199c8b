//! No mistake in a Kubernetes file, and no `Debug` text, shows any part of a key.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::{SealConfig, parse};
use crate::SealError;

const CANARIES: [&str; 2] = ["canary-9b1c-40aa-7e51-first-key!", "canary-77d0-c3e2-1f94-other-key!"];

/// Characters of a key that may not be seen in a row.
const WINDOW: usize = 8;

/// The same for a list of numbers, which takes more characters for as many bytes.
const LIST_WINDOW: usize = 3 * WINDOW;

/// What a slip of the hand may put in the place of a character. Most have a meaning in YAML.
const SLIPS: &[u8] = b":,[{\"'#&*!|-?\n \xff";

fn file() -> String {
    let [aes, secretbox] = CANARIES.map(|canary| BASE64_STANDARD.encode(canary));
    format!(
        "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n  - resources:\n      - secrets\n    \
         providers:\n      - aesgcm:\n          keys:\n            - name: key1\n              secret: {aes}\n      \
         - secretbox:\n          keys: [{{name: key2, secret: {secretbox}}}]\n      - identity: {{}}\n"
    )
}

/// What may not be seen: some characters in a row of a canary as text, hex, base64 or list of numbers, by their count.
fn needles() -> Vec<(usize, HashSet<Vec<u8>>)> {
    let windows = |text: String, size| text.as_bytes().windows(size).map(<[u8]>::to_vec).collect::<Vec<_>>();
    let texts =
        CANARIES.iter().flat_map(|canary| [(*canary).to_owned(), hex::encode(canary), BASE64_STANDARD.encode(canary)]);
    let lists = CANARIES.iter().map(|canary| format!("{:?}", canary.as_bytes()));
    let short = texts.flat_map(|text| windows(text, WINDOW)).collect();
    let long = lists.flat_map(|list| windows(list, LIST_WINDOW)).collect();
    vec![(WINDOW, short), (LIST_WINDOW, long)]
}

fn is_shown(text: &str, needles: &[(usize, HashSet<Vec<u8>>)]) -> bool {
    needles.iter().any(|(size, parts)| text.as_bytes().windows(*size).any(|part| parts.contains(part)))
}

fn everything_shown(text: &[u8]) -> String {
    let (path, problems) = match parse(text, Path::new("")) {
        Ok(config) => return format!("{config:?} {config:#?}"),
        Err(problems) => (PathBuf::from("seal.yaml"), problems),
    };
    let error = SealError::Config { path, problems };
    format!("{error} {error:?} {error:#?}")
}

fn assert_silent(text: &[u8], needles: &[(usize, HashSet<Vec<u8>>)]) {
    let shown = everything_shown(text);
    assert!(!is_shown(&shown, needles), "{}\n---\n{shown}", String::from_utf8_lossy(text));
}

#[test]
fn the_search_finds_what_it_is_meant_to_find() {
    let [canary, _] = CANARIES;
    let list = format!("{:?}", canary.as_bytes());
    for spelling in [canary, &hex::encode(canary), &BASE64_STANDARD.encode(canary), &list] {
        assert!(is_shown(&format!("problem: {} is wrong", &spelling[2..30]), &needles()), "{spelling}");
    }
    assert!(!is_shown("resources[0].providers[0].aesgcm.keys[0].secret: it is not base64", &needles()));
}

#[test]
fn the_unharmed_file_is_read_and_shows_no_key() {
    let config: SealConfig = parse(file().as_bytes(), Path::new("")).unwrap();
    assert_eq!(config.providers.len(), 2);
    assert_silent(file().as_bytes(), &needles());
}

#[test]
fn no_slip_of_a_single_character_shows_a_key() {
    let (file, needles) = (file(), needles());
    for at in 0..file.len() {
        let mut missing = file.clone().into_bytes();
        missing.remove(at);
        assert_silent(&missing, &needles);
        for slip in SLIPS {
            let mut altered = file.clone().into_bytes();
            altered[at] = *slip;
            assert_silent(&altered, &needles);
            altered[at] = file.as_bytes()[at];
            altered.insert(at, *slip);
            assert_silent(&altered, &needles);
        }
    }
}

#[test]
fn no_lost_doubled_or_misplaced_line_shows_a_key() {
    let (file, needles) = (file(), needles());
    let lines: Vec<_> = file.lines().collect();
    for at in 0..lines.len() {
        let replaced = |by: &[String]| {
            let lines = lines.iter().enumerate();
            let with: Vec<String> = lines
                .flat_map(|(other, line)| if other == at { by.to_vec() } else { vec![(*line).to_owned()] })
                .collect();
            with.join("\n").into_bytes()
        };
        let line = lines[at].to_owned();
        assert_silent(&replaced(&[]), &needles);
        assert_silent(&replaced(&[line.clone(), line.clone()]), &needles);
        for by in [format!("  {line}"), format!(" {line}"), line.replacen("  ", "", 1), line.trim_start().to_owned()] {
            assert_silent(&replaced(&[by]), &needles);
        }
        assert_silent(lines[..at].join("\n").as_bytes(), &needles);
    }
}

#[test]
fn a_key_in_a_wrong_place_is_not_shown() {
    let (file, needles) = (file(), needles());
    let [aes, secretbox] = CANARIES.map(|canary| BASE64_STANDARD.encode(canary));
    let places = [
        ("name: key1", format!("name: {aes}")),
        ("secret: ", "secret:\n              ".to_owned()),
        ("secret: ", String::new()),
        ("secret: ", "secret: key1\n              name: ".to_owned()),
        ("secret: ", "? ".to_owned()),
        ("secret: ", "key: ".to_owned()),
        ("secret: ", "secret: !key ".to_owned()),
        ("secret: ", "secret: !!int ".to_owned()),
        ("secret: ", "secret: *".to_owned()),
        ("secret: ", "secret: &".to_owned()),
        ("secrets\n", format!("{aes}\n")),
        ("kind: EncryptionConfiguration", format!("kind: {aes}")),
        ("apiVersion: apiserver.config.k8s.io/v1", format!("apiVersion: {aes}")),
        ("identity: {}", format!("identity: {secretbox}")),
        ("identity: {}", format!("{secretbox}: {{}}")),
        ("identity: {}", format!("kms: {{apiVersion: {aes}, name: x, endpoint: {aes}, timeout: {aes}}}")),
        ("- name: key1", format!("- {aes}\n            - name: key1")),
        ("resources:\n  - ", format!("{aes}: {secretbox}\nresources:\n  - ")),
        (aes.as_str(), aes[..30].to_owned()),
        (aes.as_str(), format!("{aes}{aes}")),
        (aes.as_str(), CANARIES[0].to_owned()),
        (aes.as_str(), format!("[{aes}]")),
        (aes.as_str(), format!("{{{aes}: {aes}}}")),
    ];
    for (from, to) in places {
        let moved = file.replacen(from, &to, 1);
        assert_ne!(moved, file, "{from} is in the file");
        assert_silent(moved.as_bytes(), &needles);
        let without_kind = moved.replace("kind: EncryptionConfiguration\n", "").replace("apiVersion:", "version:");
        assert_silent(without_kind.as_bytes(), &needles);
    }
}
