//! A word, in any of the forms in which it could lie around.

use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};

/// A word that occurs nowhere by accident, and its encodings.
#[derive(Debug, Clone)]
pub struct Canary {
    /// The word itself.
    pub word: String,
    /// How it got in, for the message.
    pub way: &'static str,
    forms: Vec<(&'static str, String)>,
}

impl Canary {
    /// For a word of letters and digits, so that base64 has the same form in its URL-safe alphabet.
    pub fn new(way: &'static str, word: String) -> Self {
        let mut forms = vec![
            ("raw", word.clone()),
            ("hex", hex::encode(&word)),
            ("upper-case hex", hex::encode_upper(&word)),
            ("a list of numbers", word.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ")),
        ];
        forms.extend((0..3).map(|before| ("base64", inside_base64(&word, before))));
        Self { word, way, forms }
    }

    /// The first form that is in `bytes`.
    pub fn form_in(&self, bytes: &[u8]) -> Option<&'static str> {
        // What is not UTF-8 is replaced, and never swallows a letter or digit.
        let text = String::from_utf8_lossy(bytes);
        self.forms.iter().find(|(_, form)| text.contains(form.as_str())).map(|(name, _)| *name)
    }

    /// The files under a folder that hold it, and in which form.
    pub fn files(&self, folder: &Path) -> Vec<(PathBuf, &'static str)> {
        let files = files_under(folder);
        // A file may go while a server runs: then it holds nothing.
        let holds =
            |file: PathBuf| fs::read(&file).ok().and_then(|bytes| self.form_in(&bytes)).map(|form| (file, form));
        files.into_iter().filter_map(holds).collect()
    }
}

/// The part of an encoding that does not depend on what stands before and after the word.
fn inside_base64(word: &str, bytes_before: usize) -> String {
    let mut bytes = vec![0; bytes_before];
    bytes.extend_from_slice(word.as_bytes());
    let first = (bytes_before * 8).div_ceil(6);
    let end = bytes.len() * 8 / 6;
    STANDARD_NO_PAD.encode(&bytes)[first..end].to_owned()
}

/// Every file under a folder.
pub fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files.extend(files_under(&entry.path())),
            Ok(kind) if kind.is_file() => files.push(entry.path()),
            _ => {}
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    use super::*;

    fn canary() -> Canary {
        Canary::new("test", "thequickbrownfox0123456789".into())
    }

    #[test]
    fn it_is_found_in_every_form_and_place() {
        let canary = canary();
        for before in ["", "?", "??", "???", "\u{1F511} \u{0}"] {
            let around = format!("{before}{}~~", canary.word);
            for form in [
                around.clone(),
                hex::encode(&around),
                hex::encode_upper(&around),
                STANDARD.encode(&around),
                URL_SAFE.encode(&around),
            ] {
                let mut bytes = vec![0xff, 0xc3];
                bytes.extend_from_slice(form.as_bytes());
                assert!(canary.form_in(&bytes).is_some(), "{form}");
            }
        }
        assert_eq!(canary.form_in(format!("{:?}", canary.word.as_bytes()).as_bytes()), Some("a list of numbers"));
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        assert_eq!(canary().form_in(b"thequickbrownfox012345678 9"), None);
    }

    #[test]
    fn folders_are_searched_to_the_bottom() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b/c");
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("file"), canary().word).unwrap();
        fs::write(folder.path().join("other"), "nothing").unwrap();
        assert_eq!(canary().files(folder.path()), [(deep.join("file"), "raw")]);
    }
}
