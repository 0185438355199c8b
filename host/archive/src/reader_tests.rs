use super::*;
use crate::{Archive, MAC_BYTES, Sign};

fn manifest() -> Manifest {
    Manifest {
        etcd: "3.7.0".to_owned(),
        cluster_id: 1,
        member_id: 2,
        revision: 3,
        unix_seconds: 4,
        moments: Vec::new(),
    }
}

/// A small snapshot with signatures, and its bytes.
fn saved(dir: &Path) -> (PathBuf, Vec<u8>) {
    let (state, path) = (dir.join("checkpoint"), dir.join("snapshot.db"));
    fs::create_dir(&state).unwrap();
    fs::write(state.join("000007.sst"), vec![7; 700]).unwrap();
    fs::write(state.join("CURRENT"), "MANIFEST-000001\n").unwrap();
    let signature = Signature { data_key: 9, mac: [1; MAC_BYTES] };
    let sign = Sign { count: 2, sign: Box::new(move |_| vec![signature]) };
    Archive::of(&manifest(), &state, Some(sign)).unwrap().save(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    (path, bytes)
}

#[test]
fn it_is_read_as_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let (path, bytes) = saved(dir.path());
    let to = dir.path().join("out");
    let contents = read(&path, Some(&to)).unwrap();
    assert_eq!((&contents.manifest, contents.bytes), (&manifest(), bytes.len() as u64));
    let names: Vec<_> = contents.files.iter().map(|file| (file.name.as_str(), file.bytes)).collect();
    assert_eq!(names, [("000007.sst", 700), ("CURRENT", 16)]);
    assert_eq!(contents.signatures, [Signature { data_key: 9, mac: [1; MAC_BYTES] }]);
    assert_eq!(fs::read(to.join("000007.sst")).unwrap(), vec![7; 700]);
    assert_eq!(read(&path, None).unwrap(), contents);
    assert!(matches!(read(&path, Some(&to)), Err(ArchiveError::File { .. })), "a folder that is there is left alone");
    assert_eq!(fs::read_dir(&to).unwrap().count(), 2);
}

#[test]
fn every_flipped_bit_is_found_and_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let (path, bytes) = saved(dir.path());
    let to = dir.path().join("out");
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        fs::write(&path, changed).unwrap();
        // Unpacking syncs each file, so it is tried now and then.
        let to = (at % 61 == 0).then_some(&*to);
        assert!(read(&path, to).is_err(), "byte {at}");
        assert!(!to.is_some_and(Path::exists), "byte {at}");
    }
}

#[test]
fn a_file_that_is_cut_short_is_called_so() {
    let dir = tempfile::tempdir().unwrap();
    let (path, bytes) = saved(dir.path());
    for length in 0..bytes.len() {
        fs::write(&path, &bytes[..length]).unwrap();
        let error = read(&path, None).unwrap_err();
        let is_told = match error {
            ArchiveError::CutShort { .. } => true,
            ArchiveError::Other { .. } => length < 20,
            // Cut where a whole tar file could end, it ends in something that is no digest of it.
            ArchiveError::Damaged { .. } => length % BLOCK_BYTES == DIGEST_BYTES,
            _ => false,
        };
        assert!(is_told, "{length}: {error}");
    }
    fs::write(&path, [&bytes[..], &[0; BLOCK_BYTES]].concat()).unwrap();
    assert!(read(&path, None).is_err(), "what is longer is not it either");
}

/// Whoever changes a file can make the sums fit; what cannot be made is the signature, which is for others to check. But names
/// that lead out of the folder are never followed.
#[test]
fn a_name_that_leads_elsewhere_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["state/../../evil", "state/a/b", "/etc/passwd", "evil", "state/", "state/.hidden"] {
        let path = dir.path().join("evil.db");
        let mut builder = tar::Builder::new(Vec::new());
        let mut append = |name: &str, content: &[u8]| {
            let mut header = tar::Header::new_ustar();
            header.as_ustar_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(content.len() as u64);
            header.set_entry_type(EntryType::Regular);
            header.set_cksum();
            builder.append(&header, content).unwrap();
        };
        append(MANIFEST, manifest().to_string().as_bytes());
        append(name, b"x");
        let mut bytes = builder.into_inner().unwrap();
        bytes.extend(ring::digest::digest(&SHA256, &bytes.clone()).as_ref());
        fs::write(&path, bytes).unwrap();
        let refused = read(&path, Some(&dir.path().join("out"))).unwrap_err().to_string();
        assert!(refused.contains("is no file of a state"), "{name}: {refused}");
    }
}

#[test]
fn what_is_etcds_is_called_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    fs::write(&path, [&[0; 16][..], &BOLT_MAGIC, &[0; 4096]].concat()).unwrap();
    assert!(read(&path, None).unwrap_err().to_string().contains("strongroom import etcd"));
    fs::write(&path, "hello").unwrap();
    assert!(matches!(read(&path, None), Err(ArchiveError::Other { .. })));
}
