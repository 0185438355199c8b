//! Which backups there are, in a folder of them or in an object store, and getting at one.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use depot::Depot;

use super::OfflineError;
use crate::backup::{BackupName, BackupPlace, place_of};

/// A backup that was made without being asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Where it is: a path, or a URL.
    pub place: String,
    /// When it was made, in seconds since 1970, by the clock of the member.
    pub unix_seconds: i64,
    /// The newest revision in it.
    pub revision: i64,
}

/// The backups that a member has made in a folder or in an object store, or all members in theirs there, oldest first. What is in them is not looked at.
///
/// # Errors
/// [`OfflineError::File`] when the folder cannot be read, [`OfflineError::Depot`] when the store cannot.
pub async fn backups(place: &str) -> Result<Vec<Backup>, OfflineError> {
    let paths = match BackupPlace::parse(place)? {
        BackupPlace::Folder(dir) => folders(&dir).map_err(OfflineError::file(&dir))?,
        BackupPlace::Depot(depot) => {
            let mut paths = depot.backups().await?;
            for member in depot.folders().await?.into_iter().filter(|folder| is_member(folder)) {
                let names = depot.within(&member).backups().await?;
                paths.extend(names.into_iter().map(|name| format!("{member}/{name}")));
            }
            paths
        }
    };
    let place = place.trim_end_matches('/');
    let backup = |path: String| {
        let BackupName { unix_seconds, revision } = BackupName::parse(path.rsplit('/').next()?)?;
        Some(Backup { place: format!("{place}/{path}"), unix_seconds, revision })
    };
    let mut found: Vec<_> = paths.into_iter().filter_map(backup).collect();
    found.sort_by_key(|backup| (backup.unix_seconds, backup.revision));
    Ok(found)
}

/// Whether a folder is a member's place, which is named by its id.
fn is_member(folder: &str) -> bool {
    folder.len() == 16 && u64::from_str_radix(folder, 16).is_ok_and(|id| place_of(id) == folder)
}

/// The folders in a folder, and those in the places of members.
fn folders(dir: &Path) -> io::Result<Vec<String>> {
    let mut paths = names(dir)?;
    for member in paths.clone().into_iter().filter(|name| is_member(name)) {
        paths.extend(names(&dir.join(&member))?.into_iter().map(|name| format!("{member}/{name}")));
    }
    Ok(paths)
}

fn names(dir: &Path) -> io::Result<Vec<String>> {
    let entries = fs::read_dir(dir)?.collect::<io::Result<Vec<_>>>()?;
    let folders = entries.into_iter().filter(|entry| entry.path().is_dir());
    Ok(folders.filter_map(|entry| entry.file_name().into_string().ok()).collect())
}

/// A snapshot that can be read: where it is, or what was fetched of it, until this is let go of.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    _fetched: Option<tempfile::TempDir>,
}

impl Source {
    /// Of a file or a folder, or of the URL of a backup in an object store, which is fetched into the folder for temporary files.
    ///
    /// # Errors
    /// [`OfflineError::Depot`]. What a path holds is looked at when it is read.
    pub async fn of(place: &str) -> Result<Self, OfflineError> {
        if !Depot::is_url(place) {
            return Ok(Self { path: place.into(), _fetched: None });
        }
        let (depot, name) = Depot::open_backup(place)?;
        let dir = tempfile::tempdir().map_err(OfflineError::file(&std::env::temp_dir()))?;
        let path = dir.path().join(&name);
        depot.fetch(&name, &path).await?;
        Ok(Self { path, _fetched: Some(dir) })
    }

    /// Where it can be read.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whole_backups_are_found_in_their_order() {
        let dir = tempfile::tempdir().unwrap();
        let names = [
            "backup-001795926067-00000000000000000007",
            "backup-001795926066-00000000000000000005",
            "backup-001795926066-00000000000000000006",
            "backup-001795926068-00000000000000000009.unfinished",
            "backup-x-7",
            "other",
            "00000000000000ff/backup-001795926065-00000000000000000004",
            "00000000000000ff/backup-by-hand",
            "FFFFFFFFFFFFFFFF/backup-001795926065-00000000000000000003",
        ];
        names.iter().for_each(|name| fs::create_dir_all(dir.path().join(name)).unwrap());
        fs::write(dir.path().join("0000000000000001"), "no folder").unwrap();
        let place = dir.path().to_str().unwrap();
        let found = backups(place).await.unwrap();
        assert_eq!(found[0].place, format!("{place}/{}", names[6]), "of any member");
        assert_eq!(found[1].place, format!("{place}/{}", names[1]));
        let found: Vec<_> = found.iter().map(|backup| (backup.unix_seconds, backup.revision)).collect();
        assert_eq!(found, [(1_795_926_065, 4), (1_795_926_066, 5), (1_795_926_066, 6), (1_795_926_067, 7)]);
        assert!(backups(&format!("{place}/nowhere")).await.is_err());
        assert!(backups("ftp://host/x").await.is_err());
    }
}
