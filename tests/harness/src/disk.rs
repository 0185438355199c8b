//! A small disk of a member's own, which a test can fill.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write as _},
    path::{Path, PathBuf},
    process::Command,
};

/// Bytes written at once to fill a disk. The last piece is cut by the kernel to what is left.
const PIECE_BYTES: usize = 1024 * 1024;

/// What fills the disk: a file beside the member's data, not in it.
const BALLAST: &str = "ballast";

/// A tmpfs, so that memory is taken only for what is written. Dropping it unmounts it, and what was on it is gone.
#[derive(Debug)]
pub(crate) struct Disk {
    at: PathBuf,
}

impl Disk {
    /// Mounts a disk of this size at a new folder.
    ///
    /// # Panics
    /// When that is not permitted: a test that goes on without it would show nothing.
    pub(crate) fn mount(at: PathBuf, bytes: u64) -> Self {
        fs::create_dir(&at).expect("a temporary directory can be written");
        let size = format!("size={bytes}");
        let mounted =
            Command::new("/bin/mount").args(["-t", "tmpfs", "-o", &size, "strongroom-test"]).arg(&at).output();
        let mounted = mounted.expect("/bin/mount starts");
        assert!(
            mounted.status.success(),
            "cannot give a member a disk of its own at {}, which takes root: {}",
            at.display(),
            String::from_utf8_lossy(&mounted.stderr).trim()
        );
        Self { at }
    }

    /// Where it is mounted.
    pub(crate) fn path(&self) -> &Path {
        &self.at
    }

    /// Writes until nothing more goes on it.
    pub(crate) fn fill(&self) -> io::Result<()> {
        let mut ballast = File::create(self.at.join(BALLAST))?;
        let piece = vec![0; PIECE_BYTES];
        loop {
            match ballast.write(&piece) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes away what filled it.
    pub(crate) fn free(&self) -> io::Result<()> {
        match fs::remove_file(self.at.join(BALLAST)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Unmounts it, with everything that was on it copied to where it was: memory is not to be held for ever.
    pub(crate) fn keep(self) -> io::Result<()> {
        self.free()?;
        let (at, copy) = (self.at.clone(), self.at.with_extension("copy"));
        // Snapshots share files with the state, and logs are mostly zeros: `-a` keeps links, holes are made again.
        let copied = Command::new("/bin/cp").args(["-a", "--sparse=always"]).args([&at, &copy]).status()?;
        drop(self);
        if !copied.success() {
            return Err(io::Error::other("cp failed"));
        }
        fs::remove_dir(&at)?;
        fs::rename(&copy, &at)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a file on it may still be open. If that fails, whoever removes the folder finds out.
        drop(Command::new("/bin/umount").arg("-l").arg(&self.at).output());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: u64 = 4 * 1024 * 1024;

    /// CAP_SYS_ADMIN, by its number.
    fn may_mount() -> bool {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap();
        u64::from_str_radix(effective.trim(), 16).unwrap() & (1 << 21) != 0
    }

    #[test]
    fn a_disk_fills_is_freed_and_what_was_on_it_can_be_kept() {
        let folder = tempfile::tempdir().unwrap();
        if !may_mount() {
            return;
        }
        let disk = Disk::mount(folder.path().join("disk"), BYTES);
        let (file, another) = (disk.path().join("file"), disk.path().join("another"));
        fs::write(&file, "kept").unwrap();
        disk.fill().unwrap();
        assert_eq!(fs::write(&another, "none").unwrap_err().kind(), ErrorKind::StorageFull);
        disk.free().unwrap();
        disk.free().unwrap();
        fs::write(&another, "some").unwrap();
        disk.keep().unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "kept");
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        assert!(!mounts.contains(folder.path().to_str().unwrap()), "{mounts}");
    }
}
