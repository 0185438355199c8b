use std::io::Read;

use flate2::read::GzDecoder;

use super::*;

fn rotation(json: &str) -> Rotation {
    serde_json::from_str(json).unwrap()
}

fn at(day: i64) -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + Duration::days(20_000 + day)
}

#[test]
fn a_full_file_is_renamed_and_no_line_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.json");
    let mut file = RotatedFile::open(&path, rotation(r#"{"maxsize": 1}"#)).unwrap();
    file.bytes_max = 10;
    file.write_line(b"12345678\n").unwrap();
    file.write_line(b"next\n").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"next\n");
    let old = backups(&path).unwrap();
    assert_eq!(old.len(), 1, "{old:?}");
    assert_eq!(fs::read(&old[0]).unwrap(), b"12345678\n");
}

#[test]
fn a_file_that_is_there_counts_with_what_it_holds() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    fs::write(&path, "12345678\n").unwrap();
    let mut file = RotatedFile::open(&path, Rotation::default()).unwrap();
    assert_eq!((file.bytes, file.bytes_max), (9, 100 * MEGABYTE));
    file.bytes_max = 10;
    file.write_line(b"next\n").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"next\n");
}

#[test]
fn old_files_go_by_number_and_by_age() {
    for (json, left) in [
        (r#"{"maxbackups": 2}"#, vec![3, 4]),
        (r#"{"maxage": 3}"#, vec![2, 3, 4]),
        (r#"{"maxage": 3, "maxbackups": 1}"#, vec![4]),
        ("{}", vec![0, 1, 2, 3, 4]),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.json");
        for day in 0..5 {
            fs::write(backup_name(&path, at(day)), "").unwrap();
        }
        fs::write(dir.path().join("log-of-somebody.json"), "").unwrap();
        tidy(&path, rotation(json), at(5)).unwrap();
        let mut found = backups(&path).unwrap();
        found.sort();
        let expected: Vec<_> = left.into_iter().map(|day| backup_name(&path, at(day))).collect();
        assert_eq!(found, expected, "{json}");
        assert!(dir.path().join("log-of-somebody.json").exists());
    }
}

#[test]
fn what_is_compressed_can_be_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.json");
    fs::write(backup_name(&path, at(0)), "line\n").unwrap();
    tidy(&path, rotation(r#"{"compress": true}"#), at(1)).unwrap();
    let old = backups(&path).unwrap();
    assert_eq!(old.len(), 1);
    let mut text = String::new();
    GzDecoder::new(File::open(&old[0]).unwrap()).read_to_string(&mut text).unwrap();
    assert_eq!(text, "line\n");
    tidy(&path, rotation(r#"{"compress": true}"#), at(1)).unwrap();
    assert_eq!(backups(&path).unwrap(), old, "once is enough");
}
