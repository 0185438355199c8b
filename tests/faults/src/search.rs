//! A word, in any of the forms in which it could lie around.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    slice,
};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use flate2::read::MultiGzDecoder;
use memchr::memmem;

/// What a file or a stream of gzip begins with.
const GZIP: [u8; 3] = [0x1f, 0x8b, 8];

/// Most bytes that are unpacked of one of those.
const UNPACKED_BYTES_MAX: u64 = 64 << 20;

/// A word that occurs nowhere by accident, and its encodings.
#[derive(Debug, Clone)]
pub struct Canary {
    /// The word itself.
    pub word: String,
    /// How it got in, for the message.
    pub way: &'static str,
    forms: Vec<(&'static str, Vec<u8>)>,
}

impl Canary {
    /// For a word of letters and digits, so that base64 has the same form in its URL-safe alphabet.
    pub fn new(way: &'static str, word: String) -> Self {
        let numbers = word.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
        let wide = |bytes: fn(u16) -> [u8; 2]| word.encode_utf16().flat_map(bytes).collect();
        let mut forms = vec![
            ("raw", word.clone().into_bytes()),
            ("hex", hex::encode(&word).into_bytes()),
            ("upper-case hex", hex::encode_upper(&word).into_bytes()),
            ("a list of numbers", numbers.into_bytes()),
            ("UTF-16, little-endian", wide(u16::to_le_bytes)),
            ("UTF-16, big-endian", wide(u16::to_be_bytes)),
        ];
        forms.extend((0..3).map(|before| ("base64", inside_base64(&word, before).into_bytes())));
        Self { word, way, forms }
    }

    /// The first form that is in `bytes`, or in something within them that gzip has packed.
    pub fn form_in(&self, bytes: &[u8]) -> Option<&'static str> {
        let form_in = |bytes: &[u8]| {
            let found = self.forms.iter().find(|(_, form)| memmem::find(bytes, form).is_some());
            found.map(|(name, _)| *name)
        };
        form_in(bytes).or_else(|| {
            memmem::find_iter(bytes, &GZIP).find_map(|at| {
                let mut unpacked = Vec::new();
                // What is damaged or cut is searched as far as it goes.
                drop(MultiGzDecoder::new(&bytes[at..]).take(UNPACKED_BYTES_MAX).read_to_end(&mut unpacked));
                form_in(&unpacked).map(|_| "gzip")
            })
        })
    }

    /// The files under a folder that hold it, and in which form.
    pub fn files(&self, folder: &Path) -> Vec<(PathBuf, &'static str)> {
        found(slice::from_ref(self), folder).into_iter().map(|(_, file, form)| (file, form)).collect()
    }
}

/// How each of these words that lies in a file under a folder got in, in which file and in which form. Files are read once.
pub fn found(canaries: &[Canary], folder: &Path) -> Vec<(&'static str, PathBuf, &'static str)> {
    let mut found = Vec::new();
    for file in files_under(folder) {
        // A file may go while a server runs: then it holds nothing.
        let Ok(bytes) = fs::read(&file) else { continue };
        // Neither does the end of a log that nothing was written to, but for half of a last letter in UTF-16.
        let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| bytes.len().min(last + 2));
        let of = |canary: &Canary| Some((canary.way, file.clone(), canary.form_in(&bytes[..end])?));
        found.extend(canaries.iter().filter_map(of));
    }
    found
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
    use std::io::Write as _;

    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use flate2::{Compression, write::GzEncoder};

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
        for wide in [u16::to_le_bytes, u16::to_be_bytes] {
            let bytes: Vec<u8> = format!("a {} b", canary.word).encode_utf16().flat_map(wide).collect();
            assert!(canary.form_in(&bytes[1..]).is_some(), "at an odd offset, too");
        }
    }

    #[test]
    fn what_gzip_packed_is_searched_too() {
        let canary = canary();
        let mut packer = GzEncoder::new(b"something before".to_vec(), Compression::best());
        packer.write_all(format!("{0} {0} {0}", canary.word).as_bytes()).unwrap();
        let packed = packer.finish().unwrap();
        assert_eq!(canary.form_in(&packed), Some("gzip"));
        assert_eq!(canary.form_in(&packed[..packed.len() - 4]), Some("gzip"), "cut");
        assert_eq!(canary.form_in(&packed[..30]), None);
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
