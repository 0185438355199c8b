//! Machine code of plugins, kept on disk by the member that compiled it, so that it starts without compiling again.
//!
//! ```text
//!  keep:  machine code --HMAC-SHA-256 by the member's own key--> <digest of the component>.native
//!  load:  <digest>.native --HMAC right?--> wasmtime, which maps it as code
//! ```
//!
//! It is *not* where components are compiled or judged (see `admission`), and what it loses costs only time.
//!
//! Invariants:
//! - Nothing is loaded as code that does not carry this member's own mark: the key is drawn here, and never leaves the folder,
//!   which only its owner can read. Code from a backup of another member, or planted by who can write and not read, is not run.
//! - The mark covers which component the code is of, so one plugin's code never stands for another's.
//! - The only unsafe code of the project is one line of this crate.
//!
//! Failure: a file that is missing, marked by another key, or of another version of the engine is none at all.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use wasmtime::Engine;
use wasmtime::component::Component;

/// Bytes of the key, and of a mark.
const MARK_BYTES: usize = 32;
const KEY_FILE: &str = "key";
const ENDING: &str = "native";

/// SHA-256 of a component.
pub type Digest = [u8; 32];

/// A folder of machine code.
pub struct Shelf {
    folder: PathBuf,
    key: hmac::Key,
}

impl Shelf {
    /// Opens the folder, and makes it and its key when they are missing.
    ///
    /// # Errors
    /// When the file system does.
    pub fn open(folder: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let path = folder.join(KEY_FILE);
        let key = match fs::read(&path) {
            Ok(key) if key.len() == MARK_BYTES => key,
            Ok(_) => draw_key(&path)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => draw_key(&path)?,
            Err(error) => return Err(error),
        };
        Ok(Self { folder: folder.to_owned(), key: hmac::Key::new(hmac::HMAC_SHA256, &key) })
    }

    /// The code of the component with this digest, if this member has compiled it for this engine.
    #[must_use]
    pub fn load(&self, engine: &Engine, digest: &Digest) -> Option<Component> {
        let marked = fs::read(self.path(digest)).ok()?;
        let (mark, code) = marked.split_at_checked(MARK_BYTES)?;
        hmac::verify(&self.key, &covered(digest, code), mark).ok()?;
        #[expect(unsafe_code, reason = "wasmtime's door for code that was compiled before")]
        // SAFETY: the mark says that these bytes are what this member's own compiler wrote, whole and unchanged. Whether they are
        // of this engine's version and settings, wasmtime checks itself.
        let component = unsafe { Component::deserialize(engine, code) };
        component.ok()
    }

    /// Keeps code that this member has just compiled from the component with this digest.
    ///
    /// # Errors
    /// When the file system does; then there is nothing kept.
    pub fn keep(&self, digest: &Digest, code: &[u8]) -> io::Result<()> {
        let mark = hmac::sign(&self.key, &covered(digest, code));
        write_whole(&self.path(digest), &[mark.as_ref(), code])
    }

    /// Removes the code of all components but these.
    ///
    /// # Errors
    /// When the file system does.
    pub fn retain(&self, wanted: impl Fn(&Digest) -> bool) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let named = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| hex::decode(stem).ok());
            let digest: Option<Digest> = named.and_then(|name| name.try_into().ok());
            let is_code = path.extension().is_some_and(|ending| ending == ENDING);
            if is_code && !digest.is_some_and(|digest| wanted(&digest)) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(hex::encode(digest)).with_extension(ENDING)
    }
}

fn covered(digest: &Digest, code: &[u8]) -> Vec<u8> {
    [digest.as_slice(), code].concat()
}

fn draw_key(path: &Path) -> io::Result<Vec<u8>> {
    let mut key = vec![0; MARK_BYTES];
    SystemRandom::new().fill(&mut key).map_err(|_| io::Error::other("the system has no random numbers"))?;
    write_whole(path, &[&key])?;
    Ok(key)
}

/// The file is there whole or not at all.
fn write_whole(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    parts.iter().try_for_each(|part| file.write_all(part))?;
    file.sync_all()?;
    fs::rename(unfinished, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: Digest = [7; 32];

    fn code(engine: &Engine) -> Vec<u8> {
        // The smallest component: its header and nothing else.
        Component::from_binary(engine, b"\0asm\x0d\0\x01\0").unwrap().serialize().unwrap()
    }

    #[test]
    fn what_was_kept_is_loaded_and_nothing_else() {
        let (folder, engine) = (tempfile::tempdir().unwrap(), Engine::default());
        let shelf = Shelf::open(folder.path()).unwrap();
        assert!(shelf.load(&engine, &DIGEST).is_none());
        shelf.keep(&DIGEST, &code(&engine)).unwrap();
        assert!(shelf.load(&engine, &DIGEST).is_some());
        assert!(Shelf::open(folder.path()).unwrap().load(&engine, &DIGEST).is_some(), "also after a restart");
        // Another component's place, another byte, another member's key.
        fs::copy(shelf.path(&DIGEST), shelf.path(&[8; 32])).unwrap();
        assert!(shelf.load(&engine, &[8; 32]).is_none());
        let mut bytes = fs::read(shelf.path(&DIGEST)).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(shelf.path(&DIGEST), &bytes).unwrap();
        assert!(shelf.load(&engine, &DIGEST).is_none());
        shelf.keep(&DIGEST, &code(&engine)).unwrap();
        fs::remove_file(folder.path().join(KEY_FILE)).unwrap();
        assert!(Shelf::open(folder.path()).unwrap().load(&engine, &DIGEST).is_none());
    }

    #[test]
    fn what_no_plugin_has_any_more_is_removed() {
        let (folder, engine) = (tempfile::tempdir().unwrap(), Engine::default());
        let shelf = Shelf::open(folder.path()).unwrap();
        shelf.keep(&DIGEST, &code(&engine)).unwrap();
        shelf.keep(&[8; 32], &code(&engine)).unwrap();
        shelf.retain(|digest| *digest == DIGEST).unwrap();
        assert!(shelf.load(&engine, &DIGEST).is_some());
        assert!(shelf.load(&engine, &[8; 32]).is_none());
        assert!(folder.path().join(KEY_FILE).exists());
    }
}
