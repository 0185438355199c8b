//! A snapshot that is not as it was written is refused with a sentence, and leaves nothing behind.

use std::{fs, path::Path};

use harness::{Random, Run, Seed, Server};

use super::{kind, made_for, saved};
use crate::offices::text;

/// Places of the file that are changed, and lengths that it is cut to.
const PLACES: usize = 12;

fn refused(run: &Run, words: &[&str]) {
    assert_eq!(run.code, Some(1), "{run:?}");
    assert_eq!(run.stderr.trim().lines().count(), 1, "one sentence, not {:?}", run.stderr);
    assert!(words.iter().any(|word| run.stderr.contains(word)), "{:?} says none of {words:?}", run.stderr);
}

/// By every command that reads one.
async fn refused_by_all(file: &Path, words: &[&str]) {
    let server = Server::unstarted(kind(&[]));
    for command in [&["snapshot", "status"][..], &["snapshot", "verify"], &["snapshot", "ls"]] {
        refused(&harness::run(&[command, &[text(file)]].concat(), None).await, words);
    }
    refused(&made_for(&server, &["snapshot", "restore", text(file)]).await, words);
    assert!(!server.dir().exists());
    assert_eq!(fs::read_dir(server.dir().parent().unwrap()).unwrap().count(), 0, "nothing unfinished is left either");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_flipped_cut_or_something_else_is_called_so() {
    let seed = Seed::of_this_run();
    println!("to repeat: {seed}");
    let (mut random, folder) = (Random::new(seed.0), tempfile::tempdir().unwrap());
    let source = Server::new(kind(&[])).await;
    let etcdctl = source.etcdctl();
    for key in 0..20 {
        etcdctl.ok(&["put", &format!("/{key}"), &random.word(2000)]).await;
    }
    let (sound, broken) = (folder.path().join("sound.db"), folder.path().join("broken.db"));
    saved(&etcdctl, &sound).await;
    let bytes = fs::read(&sound).unwrap();
    for _ in 0..PLACES {
        let at = usize::try_from(random.below(bytes.len() as u64)).unwrap();
        let mut changed = bytes.clone();
        changed[at] ^= 1 << random.below(8);
        fs::write(&broken, changed).unwrap();
        println!("byte {at} of {}", bytes.len());
        refused_by_all(&broken, &["is damaged or was changed", "is no snapshot", "is of format", "is cut short"]).await;
        let length = usize::try_from(random.below(bytes.len() as u64)).unwrap();
        fs::write(&broken, &bytes[..length]).unwrap();
        refused_by_all(&broken, &["is cut short", "is no snapshot", "is damaged or was changed"]).await;
    }
    fs::write(&broken, "hello").unwrap();
    refused_by_all(&broken, &["is no snapshot of strongroom"]).await;
    let missing = harness::run(&["snapshot", "status", text(&folder.path().join("missing"))], None).await;
    refused(&missing, &["No such file"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_data_directory_with_a_block_that_was_changed_is_not_sound() {
    let mut server = Server::new(kind(&[])).await;
    let dir = server.dir();
    let running = harness::run(&["check", text(&dir)], None).await;
    refused(&running, &["in use"]);
    for key in 0..50 {
        server.etcdctl().ok(&["put", &format!("/{key}"), &"x".repeat(1000)]).await;
    }
    assert!(server.stop().await.success());
    let sound = harness::run(&["check", text(&dir), "-o", "json"], None).await;
    let told: serde_json::Value = serde_json::from_str(&sound.stdout).unwrap();
    assert_eq!((&told["sound"], &told["keys"], &told["revision"]), (&true.into(), &50.into(), &51.into()), "{sound:?}");

    let files = fs::read_dir(dir.join("state/current")).unwrap().map(|entry| entry.unwrap().path());
    let mut tables: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|extension| extension == "sst")).collect();
    tables.sort_by_key(|path| fs::metadata(path).unwrap().len());
    let largest = tables.last().unwrap();
    let mut bytes = fs::read(largest).unwrap();
    let middle = bytes.len() / 4;
    bytes[middle] ^= 1;
    fs::write(largest, bytes).unwrap();
    let damaged = harness::run(&["check", text(&dir)], None).await;
    assert_eq!(damaged.code, Some(1), "{damaged:?}");
    assert!(damaged.stderr.contains("orruption") || damaged.stderr.contains("is not sound"), "{damaged:?}");
    let other = harness::run(&["check", "/"], None).await;
    refused(&other, &["is no data directory of strongroom"]);
}
