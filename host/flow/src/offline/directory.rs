//! A data directory in the making.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs, io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use consensus::{Founder, Identity, Revisions};
use store::Store;

use super::{Founding, OfflineError};
use crate::{ending::state_dir, snapshot::remove};

/// What is put behind the name of a directory while it is made.
const UNFINISHED: &str = ".unfinished";

/// A data directory in the making; removed again unless it is finished.
pub(super) struct Directory {
    path: PathBuf,
    unfinished: PathBuf,
    identity: Identity,
    members: Vec<Founder>,
}

impl Directory {
    /// Makes room for it.
    pub(super) fn begin(founding: &Founding) -> Result<Self, OfflineError> {
        let set = |urls: &[String]| urls.iter().cloned().collect::<BTreeSet<_>>();
        let Founding { own_urls, cluster_urls, cluster_token, .. } = founding;
        if !cluster_urls.iter().any(|urls| set(urls) == set(own_urls)) {
            return Err(OfflineError::NotAMember { urls: own_urls.join(",") });
        }
        let id = |urls: &[String]| Identity::of_founder(urls, cluster_urls, cluster_token);
        let members = cluster_urls.iter().map(|urls| Founder { id: id(urls).member_id, peer_urls: urls.clone() });
        let path = founding.data_dir.clone();
        refuse_if_used(&path)?;
        let mut name = path.file_name().map_or_else(OsString::new, ToOwned::to_owned);
        name.push(UNFINISHED);
        let unfinished = path.with_file_name(name);
        let made = Self { path, unfinished, identity: id(own_urls), members: members.collect() };
        // An attempt that did not get to its end.
        remove(&made.unfinished).map_err(OfflineError::file(&made.unfinished))?;
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(&made.unfinished).map_err(OfflineError::file(&made.unfinished))?;
        Ok(made)
    }

    /// Where the state goes while it is made.
    pub(super) fn state(&self) -> PathBuf {
        state_dir(&self.unfinished)
    }

    /// Where the files of the state's database go; only the folder around it is there.
    pub(super) fn current_state(&self) -> Result<PathBuf, OfflineError> {
        let state = self.state();
        fs::create_dir(&state).map_err(OfflineError::file(&state))?;
        Ok(Store::current(&state))
    }

    /// The id of the new cluster.
    pub(super) fn cluster_id(&self) -> u64 {
        self.identity.cluster_id
    }

    /// Makes the state that of the new cluster, closes it, and moves everything to its place. Returns who the member is, and the
    /// newest revision.
    pub(super) async fn finish(
        self,
        store: Store,
        was_of: Option<u64>,
        revisions: Revisions,
    ) -> Result<(Identity, i64), OfflineError> {
        let Self { unfinished, identity, members, path } = &self;
        let founded =
            consensus::found_with_state(unfinished, &store, identity.member_id, members, was_of, revisions).await;
        let closed = store.close();
        let revision = founded?;
        closed?;
        Identity::load_or_create(unfinished, *identity)?;
        let synced = fs::File::open(unfinished).and_then(|dir| dir.sync_all());
        synced.and_then(|()| archive::put_in_place(unfinished, path)).map_err(OfflineError::file(path))?;
        Ok((*identity, revision))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // Gone once it is finished. What is left is removed by the next attempt at the latest.
        let _ = fs::remove_dir_all(&self.unfinished);
    }
}

fn refuse_if_used(path: &Path) -> Result<(), OfflineError> {
    match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(OfflineError::file(path)(error)),
        Ok(mut entries) => match entries.next() {
            Some(_) => Err(OfflineError::Exists { path: path.to_owned() }),
            None => Ok(()),
        },
    }
}
