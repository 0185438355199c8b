use std::path::PathBuf;

use archive::{Archive, Manifest};

use super::*;

/// The name of a backup that was made at a certain time.
fn name(revision: i64) -> String {
    format!("{BACKUP_NAME}{:012}-{revision:020}", 4)
}

struct Scene {
    dir: tempfile::TempDir,
    depot: Depot,
}

impl Scene {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("state")).unwrap();
        let depot = Depot::open(&format!("file://{}/depot/", dir.path().display())).unwrap();
        Self { dir, depot }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A backup of these files.
    async fn save(&self, revision: i64, files: &[(&str, &[u8])]) -> Result<u64, DepotError> {
        let state = self.path("state");
        std::fs::remove_dir_all(&state).unwrap();
        std::fs::create_dir(&state).unwrap();
        files.iter().for_each(|(name, content)| std::fs::write(state.join(name), content).unwrap());
        let manifest = Manifest {
            etcd: "3.7.0".to_owned(),
            cluster_id: 1,
            member_id: 2,
            revision,
            unix_seconds: 4,
            moments: Vec::new(),
        };
        let listing = Archive::of(&manifest, &state, None).unwrap().listing().unwrap();
        self.depot.save(&self.depot.present().await?, &name(revision), &listing).await
    }

    /// Fetches one and reads it.
    async fn fetch(&self, name: &str) -> Result<i64, String> {
        let to = self.path(&format!("fetched-{name}"));
        drop(std::fs::remove_dir_all(&to));
        self.depot.fetch(name, &to).await.map_err(|error| error.to_string())?;
        archive::read(&to, None).map(|contents| contents.manifest.revision).map_err(|error| error.to_string())
    }

    fn stored(&self) -> usize {
        std::fs::read_dir(self.path("depot/files")).unwrap().count()
    }
}

#[tokio::test]
async fn only_what_is_new_is_sent_and_only_what_is_needed_is_kept() {
    let scene = Scene::new();
    // Longer than what is sent in one piece.
    let long = vec![7; 12 << 20];
    assert_eq!(scene.save(1, &[("1.sst", &long), ("CURRENT", b"a")]).await.unwrap(), (12 << 20) + 1);
    assert_eq!(scene.save(2, &[("1.sst", &long), ("CURRENT", b"b")]).await.unwrap(), 1);
    assert_eq!(scene.save(3, &[("2.sst", b"other"), ("CURRENT", b"c")]).await.unwrap(), 6);
    assert_eq!(scene.depot.backups().await.unwrap(), [name(1), name(2), name(3)]);
    assert_eq!((scene.fetch(&name(1)).await, scene.fetch(&name(3)).await), (Ok(1), Ok(3)));
    let others = ["depot/releases", "depot/backup-before-upgrade"].map(|folder| scene.path(folder));
    for folder in &others {
        std::fs::create_dir(folder).unwrap();
        std::fs::write(folder.join(SUMS), "x").unwrap();
    }
    std::fs::write(scene.path("depot/files/theirs"), "x").unwrap();
    scene.depot.keep(2, &name(3)).await.unwrap();
    assert!(others.iter().all(|folder| folder.join(SUMS).exists()), "what has no backup's name is none");
    std::fs::remove_file(scene.path("depot/files/theirs")).unwrap();
    assert_eq!((scene.depot.backups().await.unwrap().len(), scene.stored()), (2, 4));
    assert_eq!(scene.fetch(&name(2)).await, Ok(2));
    assert_eq!(std::fs::read(scene.path(&format!("fetched-{}/state/1.sst", name(2)))).unwrap(), long);
    assert!(
        scene.fetch(&name(1)).await.unwrap_err().contains(&format!("there is no whole backup {} at file://", name(1)))
    );
    // By a clock that went back the one that was just made is the oldest.
    scene.depot.keep(1, &name(2)).await.unwrap();
    assert_eq!(scene.depot.backups().await.unwrap().len(), 2);
    scene.depot.keep(1, &name(3)).await.unwrap();
    assert_eq!((scene.depot.backups().await.unwrap(), scene.stored()), (vec![name(3)], 2));
}

#[tokio::test]
async fn one_that_was_broken_off_is_none_and_is_removed() {
    let scene = Scene::new();
    scene.save(1, &[("CURRENT", b"a")]).await.unwrap();
    scene.save(2, &[("CURRENT", b"b")]).await.unwrap();
    std::fs::remove_file(scene.path(&format!("depot/{}", name(2))).join(SUMS)).unwrap();
    assert_eq!(scene.depot.backups().await.unwrap(), [name(1)]);
    assert!(scene.fetch(&name(2)).await.unwrap_err().contains("no whole backup"));
    let incoming = scene.path("depot/incoming").join("0".repeat(64));
    std::fs::create_dir_all(incoming.parent().unwrap()).unwrap();
    std::fs::write(&incoming, "half").unwrap();
    scene.depot.keep(5, &name(1)).await.unwrap();
    assert!(!incoming.exists());
    assert!(!scene.path(&format!("depot/{}/manifest", name(2))).exists());
    assert_eq!((scene.fetch(&name(1)).await, scene.stored()), (Ok(1), 1));
}

#[tokio::test]
async fn what_is_not_as_it_was_written_is_refused() {
    let scene = Scene::new();
    scene.save(1, &[("1.sst", b"content"), ("CURRENT", b"a")]).await.unwrap();
    let (_, last) = Depot::open_backup("s3://bucket/some/place/backup-1/").unwrap();
    assert_eq!(last, "backup-1");
    let file = std::fs::read_dir(scene.path("depot/files")).unwrap().next().unwrap().unwrap().path();
    let content = std::fs::read(&file).unwrap();
    std::fs::write(&file, "other").unwrap();
    let refused = scene.fetch(&name(1)).await.unwrap_err();
    assert!(refused.contains("is not as it was written: its SHA-256 is"), "{refused}");
    // Its length tells, so that it is sent again; one of the same length is found when it is fetched.
    assert_eq!(scene.save(2, &[("1.sst", b"content"), ("CURRENT", b"a")]).await.unwrap(), content.len() as u64);
    assert_eq!(scene.fetch(&name(2)).await, Ok(2));
    std::fs::remove_file(&file).unwrap();
    assert!(scene.fetch(&name(2)).await.unwrap_err().contains("cannot read"));
    let manifest = scene.path(&format!("depot/{}/manifest", name(2)));
    assert_eq!(scene.save(2, &[("1.sst", b"content"), ("CURRENT", b"a")]).await.unwrap(), content.len() as u64);
    std::fs::write(&manifest, std::fs::read_to_string(&manifest).unwrap().replace('2', "3")).unwrap();
    assert!(scene.fetch(&name(2)).await.unwrap_err().contains("manifest is not what its sum says"));
    let sums = scene.path(&format!("depot/{}/SHA256SUMS", name(1)));
    let written = std::fs::read(&sums).unwrap();
    std::fs::write(&sums, "rubbish").unwrap();
    let before = scene.stored();
    assert!(scene.depot.keep(5, &name(2)).await.unwrap_err().to_string().contains("is no list of sums"));
    assert_eq!(scene.stored(), before, "nobody knows what it needs");
    std::fs::write(&sums, written).unwrap();
    let escaping = std::fs::read_to_string(&sums).unwrap().replace("state/CURRENT", "state/../../x");
    std::fs::write(&sums, escaping).unwrap();
    assert!(scene.fetch(&name(1)).await.unwrap_err().contains("is no file of a state"));
}

#[test]
fn what_is_no_place_is_refused_without_telling_secrets() {
    for (url, words) in [
        ("ftp://host/x", "names no place for backups"),
        ("s3:///prefix", "names no place for backups"),
        ("https://user:secret@s3.amazonaws.com/bucket", "credentials are given by variables"),
    ] {
        let refused = Depot::open(url).unwrap_err().to_string();
        assert!(refused.contains(words) && !refused.contains("secret"), "{url}: {refused}");
    }
    assert!(Depot::is_url("s3://bucket/prefix") && !Depot::is_url("/var/backups"));
    assert_eq!(format!("{:?}", Depot::open("gs://bucket/prefix/").unwrap()), "Depot(\"gs://bucket/prefix\")");
}
