//! Saving, listing, fetching and removing backups.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::Path as FilePath,
    sync::Arc,
};

use archive::{ListedFile, Listing, SUMS, TEXTS, is_plain, is_sum};
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _, path::Path};
use tokio::{
    fs,
    io::{AsyncReadExt as _, AsyncWriteExt as _, sink},
};
use url::Url;

use crate::{
    DepotError,
    hashed::{CopyError, copy},
    way::opened,
};

/// Files of states, by their SHA-256.
const FILES: &str = "files";

/// The same while they were not read again.
const INCOMING: &str = "incoming";

/// How the name of a backup begins; its time and its revision follow.
pub const BACKUP_NAME: &str = "backup-";

/// Whether it is the name of a backup: its time in twelve digits and its revision in twenty, so that names are in the order of times.
#[must_use]
pub fn is_backup_name(name: &str) -> bool {
    let numbers = name.strip_prefix(BACKUP_NAME).and_then(|numbers| numbers.split_once('-'));
    let is_number = |text: &str, digits: usize| text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    numbers.is_some_and(|(time, revision)| is_number(time, 12) && is_number(revision, 20))
}

/// A longer file is sent in parts of this length; stores take no shorter ones than 5 MiB.
const PART_BYTES: u64 = 10 << 20;

/// Objects that are removed at a time.
const REMOVED_AT_ONCE: usize = 8;

/// The files that a place holds.
#[derive(Debug)]
pub struct Present(BTreeMap<String, u64>);

/// A place for backups in an object store. Cheap to clone.
#[derive(Clone)]
pub struct Depot {
    store: Arc<dyn ObjectStore>,
    root: Path,
    url: String,
}

impl fmt::Debug for Depot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Depot").field(&self.url).finish()
    }
}

impl fmt::Display for Depot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

/// The same place, however one gets in.
impl PartialEq for Depot {
    fn eq(&self, other: &Self) -> bool {
        self.url == other.url
    }
}

impl Eq for Depot {}

impl Depot {
    /// Whether this is meant as a URL and not as a path.
    #[must_use]
    pub fn is_url(text: &str) -> bool {
        text.contains("://")
    }

    /// The place at a URL. Nothing is sent yet.
    ///
    /// # Errors
    /// [`DepotError::Url`] when the URL names no store, or the variables that say how to get in make no sense.
    pub fn open(url: &str) -> Result<Self, DepotError> {
        // abfs://CONTAINER@ACCOUNT.HOST/PREFIX; elsewhere it is a name and a password that stand before an @.
        if url.contains('@') && !url.starts_with("abfs") {
            let scheme = url.split("://").next().unwrap_or_default();
            let reason = "credentials are given by variables, not in the URL".to_owned();
            return Err(DepotError::Url { url: format!("{scheme}://..."), reason });
        }
        let refused = |reason: String| DepotError::Url { url: url.to_owned(), reason };
        let parsed = Url::parse(url).map_err(|error| refused(error.to_string()))?;
        // A library with a choice of providers wants to be told. Whoever was told before is told the same.
        drop(rustls::crypto::ring::default_provider().install_default());
        let (store, root) = opened(&parsed).map_err(|error| refused(error.to_string()))?;
        Ok(Self { store, root, url: url.trim_end_matches('/').to_owned() })
    }

    /// A place within it.
    #[must_use]
    pub fn within(&self, name: &str) -> Self {
        Self { store: Arc::clone(&self.store), root: self.root.clone().join(name), url: format!("{}/{name}", self.url) }
    }

    /// The place that holds a backup which is named by its URL, and the name.
    ///
    /// # Errors
    /// As for [`Depot::open`].
    pub fn open_backup(url: &str) -> Result<(Self, String), DepotError> {
        let url = url.trim_end_matches('/');
        let (place, name) = url.rsplit_once('/').unwrap_or((url, ""));
        Ok((Self::open(place)?, name.to_owned()))
    }

    /// The names of the backups that are whole, in order.
    ///
    /// # Errors
    /// What the store answers.
    pub async fn backups(&self) -> Result<Vec<String>, DepotError> {
        let mut whole = Vec::new();
        for folder in self.own_folders().await? {
            if self.has_sums(&folder).await? {
                whole.push(folder);
            }
        }
        Ok(whole)
    }

    /// What is there already, for [`Depot::save`].
    ///
    /// # Errors
    /// What the store answers.
    pub async fn present(&self) -> Result<Present, DepotError> {
        Ok(Present(self.lengths(FILES).await?))
    }

    /// Saves a backup: what is not `present` is sent, and read again. Returns how many bytes of files were sent.
    ///
    /// # Errors
    /// What the store answers, [`DepotError::Damaged`] when what is read again is not what was sent, or the local disk.
    pub async fn save(&self, present: &Present, name: &str, listing: &Listing) -> Result<u64, DepotError> {
        let mut sent = 0;
        for file in &listing.files {
            let length = fs::metadata(&file.path).await.map_err(DepotError::file(&file.path))?.len();
            if present.0.get(&file.sha256) != Some(&length) {
                self.send(file, length).await?;
                sent += length;
            }
        }
        let folder = self.root.clone().join(name);
        // Only with its sums it is a backup.
        let (sums, others): (Vec<_>, Vec<_>) = listing.texts.iter().partition(|(text, _)| *text == SUMS);
        for (text, content) in others.into_iter().chain(sums) {
            let object = folder.clone().join(*text);
            let saved = self.save_text(&object, content).await;
            if saved.is_err() {
                drop(self.remove(&object).await);
            }
            saved?;
        }
        Ok(sent)
    }

    async fn save_text(&self, object: &Path, content: &str) -> Result<(), DepotError> {
        let put = self.store.put(object, content.to_owned().into_bytes().into()).await;
        put.map_err(DepotError::store("write", object))?;
        if self.read(object).await?.as_deref() == Some(content.as_bytes()) {
            return Ok(());
        }
        let what = "other bytes are read than were written".to_owned();
        Err(DepotError::Damaged { object: object.to_string(), what })
    }

    /// Sends a file, and puts it in its place once it was read again.
    async fn send(&self, file: &ListedFile, length: u64) -> Result<(), DepotError> {
        let incoming = self.root.clone().join(INCOMING).join(file.sha256.as_str());
        self.send_to(&incoming, file, length).await?;
        let found = self.pass(&incoming, &mut sink()).await.map_err(|error| match error {
            CopyError::From(error) => DepotError::store("read", &incoming)(error),
            CopyError::To(error) => DepotError::file(&file.path)(error),
        })?;
        if found == file.sha256 {
            let place = self.file(&file.sha256);
            self.store.copy(&incoming, &place).await.map_err(DepotError::store("write", &place))?;
            return self.remove(&incoming).await;
        }
        Err(DepotError::Damaged { object: incoming.to_string(), what: format!("its SHA-256 is {found}") })
    }

    async fn send_to(&self, object: &Path, file: &ListedFile, length: u64) -> Result<(), DepotError> {
        let mut from = fs::File::open(&file.path).await.map_err(DepotError::file(&file.path))?;
        let write = DepotError::store("write", object);
        if length <= PART_BYTES {
            let content = part(&mut from).await.map_err(DepotError::file(&file.path))?;
            return self.store.put(object, content.into()).await.map(drop).map_err(write);
        }
        let mut upload = self.store.put_multipart(object).await.map_err(DepotError::store("write", object))?;
        let sent = async {
            loop {
                let content = part(&mut from).await.map_err(DepotError::file(&file.path))?;
                if content.is_empty() {
                    return upload.complete().await.map(drop).map_err(write);
                }
                upload.put_part(content.into()).await.map_err(DepotError::store("write", object))?;
            }
        };
        let sent = sent.await;
        if sent.is_err() {
            // Or its parts would stay, unseen.
            drop(upload.abort().await);
        }
        sent
    }

    /// Fetches a backup into a new folder, which is a snapshot then: reading it checks it.
    ///
    /// # Errors
    /// [`DepotError::NoBackup`], [`DepotError::Damaged`], what the store answers, or the local disk.
    pub async fn fetch(&self, name: &str, to: &FilePath) -> Result<(), DepotError> {
        let folder = self.root.clone().join(name);
        let sums = self.sums(name).await?;
        fs::create_dir_all(to.join(archive::FOLDER)).await.map_err(DepotError::file(to))?;
        for (file, sum) in sums {
            // Texts are objects of their own; their sum is looked at with all others.
            let Some(plain) = file.strip_prefix(archive::FOLDER) else { continue };
            if !is_plain(plain) {
                let what = format!("{file:?} is no file of a state");
                return Err(DepotError::Damaged { object: format!("{folder}/{SUMS}"), what });
            }
            self.fetch_file(&sum, &to.join(archive::FOLDER).join(plain)).await?;
        }
        for text in TEXTS {
            if let Some(content) = self.read(&folder.clone().join(text)).await? {
                let path = to.join(text);
                fs::write(&path, content).await.map_err(DepotError::file(&path))?;
            }
        }
        Ok(())
    }

    async fn fetch_file(&self, sum: &str, to: &FilePath) -> Result<(), DepotError> {
        let object = self.file(sum);
        let mut file = fs::File::create_new(to).await.map_err(DepotError::file(to))?;
        let found = self.pass(&object, &mut file).await.map_err(|error| match error {
            CopyError::From(error) => DepotError::store("read", &object)(error),
            CopyError::To(error) => DepotError::file(to)(error),
        })?;
        file.flush().await.map_err(DepotError::file(to))?;
        if found != sum {
            return Err(DepotError::Damaged { object: object.to_string(), what: format!("its SHA-256 is {found}") });
        }
        Ok(())
    }

    /// Removes all backups but the last `count` and `made`, what was broken off before them, and files that none needs any more.
    ///
    /// # Errors
    /// What the store answers, and [`DepotError::Damaged`] for a backup that does not say what it needs: no file is removed then.
    pub async fn keep(&self, count: usize, made: &str) -> Result<(), DepotError> {
        let whole = self.backups().await?;
        let kept: BTreeSet<_> = whole.iter().rev().take(count).map(String::as_str).chain([made]).collect();
        for name in self.own_folders().await?.iter().filter(|name| !kept.contains(name.as_str())) {
            // First of all it is no backup any more.
            let folder = self.root.clone().join(name.as_str());
            for text in std::iter::once(SUMS).chain(TEXTS.into_iter().filter(|text| *text != SUMS)) {
                self.remove(&folder.clone().join(text)).await?;
            }
        }
        let mut needed = BTreeSet::new();
        for name in kept {
            needed.extend(self.sums(name).await?.into_values());
        }
        let surplus =
            self.present().await?.0.into_keys().filter(|sum| !needed.contains(sum)).map(|sum| self.file(&sum));
        let broken_off =
            self.lengths(INCOMING).await?.into_keys().map(|sum| self.root.clone().join(INCOMING).join(sum));
        let removals = surplus.chain(broken_off).map(|object| async move { self.remove(&object).await });
        futures::stream::iter(removals).buffer_unordered(REMOVED_AT_ONCE).try_collect().await
    }

    /// The SHA-256 of each file of a backup, by its name.
    async fn sums(&self, name: &str) -> Result<BTreeMap<String, String>, DepotError> {
        let object = self.root.clone().join(name).join(SUMS);
        let no_backup = || DepotError::NoBackup { name: name.to_owned(), url: self.url.clone() };
        let text = self.read(&object).await?.ok_or_else(no_backup)?;
        let sums = std::str::from_utf8(&text).ok().and_then(archive::parse_sums);
        let what = "it is no list of sums".to_owned();
        sums.ok_or_else(|| DepotError::Damaged { object: object.to_string(), what })
    }

    /// What may be backups. Whatever else lies there is somebody else's.
    async fn own_folders(&self) -> Result<Vec<String>, DepotError> {
        let mut names = self.folders().await?;
        names.retain(|name| is_backup_name(name));
        Ok(names)
    }

    /// The names of all folders there, in order.
    ///
    /// # Errors
    /// What the store answers.
    pub async fn folders(&self) -> Result<Vec<String>, DepotError> {
        let listed = self.store.list_with_delimiter(Some(&self.root)).await;
        let listed = listed.map_err(DepotError::store("list", self))?.common_prefixes;
        let mut names: Vec<_> = listed.iter().filter_map(|path| path.filename().map(str::to_owned)).collect();
        names.sort();
        Ok(names)
    }

    async fn has_sums(&self, folder: &str) -> Result<bool, DepotError> {
        let object = self.root.clone().join(folder).join(SUMS);
        match self.store.head(&object).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(DepotError::store("look at", &object)(error)),
        }
    }

    /// The lengths of the files in a folder, by their SHA-256.
    async fn lengths(&self, folder: &str) -> Result<BTreeMap<String, u64>, DepotError> {
        let folder = self.root.clone().join(folder);
        let listed: Vec<_> =
            self.store.list(Some(&folder)).try_collect().await.map_err(DepotError::store("list", &folder))?;
        let length = |object: &ObjectMeta| {
            Some((object.location.filename().filter(|name| is_sum(name))?.to_owned(), object.size))
        };
        Ok(listed.iter().filter_map(length).collect())
    }

    fn file(&self, sum: &str) -> Path {
        self.root.clone().join(FILES).join(sum)
    }

    /// A small object; `None` when it is not there.
    async fn read(&self, object: &Path) -> Result<Option<Vec<u8>>, DepotError> {
        let got = match self.store.get(object).await {
            Ok(got) => got.bytes().await,
            Err(error) => Err(error),
        };
        match got {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(DepotError::store("read", object)(error)),
        }
    }

    /// Passes on an object; its SHA-256.
    async fn pass(&self, object: &Path, to: &mut (impl tokio::io::AsyncWrite + Unpin)) -> Result<String, CopyError> {
        let got = self.store.get(object).await.map_err(CopyError::From)?;
        copy(got.into_stream(), to).await
    }

    async fn remove(&self, object: &Path) -> Result<(), DepotError> {
        match self.store.delete(object).await {
            Err(object_store::Error::NotFound { .. }) | Ok(()) => Ok(()),
            Err(error) => Err(DepotError::store("remove", object)(error)),
        }
    }
}

/// The next part of a file; empty at its end.
async fn part(from: &mut fs::File) -> std::io::Result<Vec<u8>> {
    let mut content = Vec::new();
    from.take(PART_BYTES).read_to_end(&mut content).await?;
    Ok(content)
}

#[cfg(test)]
#[path = "depot_tests.rs"]
mod tests;
