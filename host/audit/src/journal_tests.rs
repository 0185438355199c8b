use std::io::Write;

use tempfile::TempDir;

use super::*;
use crate::chain::cluster_hash;
use crate::event::Stage;
use crate::verify::{Fault, Flaw, verify};

fn options(folder: &TempDir, file_bytes_max: u64) -> Options {
    Options { folder: folder.path().join("audit"), file_bytes_max, files_max: 3 }
}

fn entry(call: &str, cluster: Option<ClusterLink>) -> Entry {
    let event = Event { call: call.to_owned(), ..Event::new(7, Stage::Called) }.encode();
    Entry { policy_epoch: 2, revision: 9, cluster, event }
}

/// The record that follows one of the cluster.
fn agreed(call: &str, (seq, prev): (u64, Hash)) -> Entry {
    let entry = entry(call, None);
    let hash = cluster_hash(&prev, seq + 1, entry.policy_epoch, entry.revision, entry.event.as_bytes());
    Entry { cluster: Some(ClusterLink { seq: seq + 1, prev, hash }), ..entry }
}

async fn filled(options: &Options, lines: usize) -> Journal {
    let journal = Journal::open(options.clone()).unwrap();
    for at in 0..lines {
        let next =
            if at % 3 == 0 { agreed(&at.to_string(), journal.cluster_end()) } else { entry(&at.to_string(), None) };
        journal.append(next).await.unwrap();
    }
    journal
}

fn calls(journal: &Journal, last: usize) -> Vec<String> {
    let mut lines = journal.subscribe(last).unwrap();
    std::iter::from_fn(|| lines.old()).map(|line| Line::parse(&line).unwrap().event.call).collect()
}

fn flaw(options: &Options) -> (usize, Flaw) {
    match verify(&options.folder, None) {
        Err(Fault::Line { line, flaw, .. }) => (line, flaw),
        other => panic!("{other:?}"),
    }
}

fn newest(options: &Options) -> PathBuf {
    files::all(&options.folder).unwrap().pop().unwrap()
}

#[tokio::test]
async fn a_journal_goes_on_where_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(&folder, 1 << 20);
    let journal = filled(&options, 5).await;
    let (end, cluster_end) = (journal.end(), journal.cluster_end());
    journal.close().await;
    // A crash in the middle of a line.
    OpenOptions::new().append(true).open(newest(&options)).unwrap().write_all(b"{\"seq\":6,").unwrap();
    let journal = Journal::open(options.clone()).unwrap();
    assert_eq!((journal.end(), journal.cluster_end()), (end, cluster_end));
    assert_eq!((end.0, cluster_end.0), (5, 2));
    journal.append(agreed("again", cluster_end)).await.unwrap();
    let report = verify(&options.folder, None).unwrap();
    assert_eq!((report.first, report.last, report.hash), (1, 6, journal.end().1));
    assert_eq!((report.cluster_lines, report.cluster.unwrap().seq, report.gaps), (3, 3, 0));
    assert_eq!(calls(&journal, 2), ["4", "again"]);
}

#[tokio::test]
async fn full_files_are_followed_by_others_and_the_oldest_go() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(&folder, 1500);
    let journal = filled(&options, 40).await;
    let report = verify(&options.folder, None).unwrap();
    assert_eq!((report.files, report.last), (3, 40));
    assert!(report.first > 20, "{report:?}");
    let shown = calls(&journal, 7);
    assert_eq!(shown, ["33", "34", "35", "36", "37", "38", "39"]);
    journal.close().await;
    let journal = Journal::open(options.clone()).unwrap();
    journal.append(entry("more", None)).await.unwrap();
    assert_eq!(verify(&options.folder, None).unwrap().last, 41);
    std::fs::remove_file(&files::all(&options.folder).unwrap()[1]).unwrap();
    assert_eq!(flaw(&options), (1, Flaw::Heading));
}

#[tokio::test]
async fn whoever_follows_misses_nothing_and_sees_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(&folder, 1 << 20);
    let journal = filled(&options, 3).await;
    let mut lines = journal.subscribe(2).unwrap();
    journal.append(entry("live", None)).await.unwrap();
    for expected in ["1", "2", "live"] {
        assert_eq!(Line::parse(&lines.next().await.unwrap()).unwrap().event.call, expected);
    }
    journal.close().await;
    drop(journal);
    assert_eq!(lines.next().await, None);
}

#[tokio::test]
async fn every_altered_byte_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(&folder, 1 << 20);
    filled(&options, 4).await.close().await;
    let (path, whole) = (newest(&options), std::fs::read(newest(&options)).unwrap());
    for at in 0..whole.len() {
        let mut altered = whole.clone();
        altered[at] ^= 1;
        std::fs::write(&path, &altered).unwrap();
        assert!(verify(&options.folder, None).is_err(), "byte {at}: {:?}", char::from(whole[at]));
    }
}

#[tokio::test]
async fn a_missing_or_foreign_line_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(&folder, 1 << 20);
    filled(&options, 5).await.close().await;
    let path = newest(&options);
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = text.lines().collect();
    let write = |lines: &[&str]| std::fs::write(&path, lines.join("\n") + "\n").unwrap();
    write(&[&lines[..2], &lines[3..]].concat());
    assert_eq!(flaw(&options), (3, Flaw::Missing { expected: 2, found: 3 }));
    let renamed = lines[2].replace("\"call\":\"1\"", "\"call\":\"x\"");
    write(&[&lines[..2], &[&renamed], &lines[3..]].concat());
    assert_eq!(flaw(&options), (3, Flaw::Altered));
    write(&[&lines[..2], &["rubbish"]].concat());
    assert_eq!(flaw(&options), (3, Flaw::Unreadable));
    // Its end cannot be known from the files: it is told by what the member says, or by another member.
    let last = Line::parse(lines[5]).unwrap().hash;
    write(&lines);
    assert_eq!(verify(&options.folder, Some(last)).unwrap().last, 5);
    write(&lines[..4]);
    assert_eq!(verify(&options.folder, None).unwrap().last, 3);
    assert!(matches!(verify(&options.folder, Some(last)), Err(Fault::NotThere { .. })));
}

/// Whoever writes the whole journal anew, with hashes that fit, has another record of the cluster than the other members.
#[tokio::test]
async fn a_journal_that_was_written_anew_does_not_fit_the_cluster() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(&folder, 1 << 20);
    let journal = Journal::open(options.clone()).unwrap();
    let genuine = agreed("a", journal.cluster_end());
    journal.append(Entry { event: entry("b", None).event, ..genuine.clone() }).await.unwrap();
    assert_eq!(flaw(&options), (2, Flaw::Cluster));
    journal.close().await;
    std::fs::remove_dir_all(&options.folder).unwrap();
    let journal = Journal::open(options.clone()).unwrap();
    journal.append(genuine).await.unwrap();
    let (seq, hash) = journal.cluster_end();
    journal.append(agreed("c", (seq + 1, hash))).await.unwrap();
    assert_eq!(flaw(&options), (3, Flaw::ClusterMissing { after: 1, found: 3 }));
}

#[tokio::test]
async fn what_cannot_be_written_is_told_and_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { file_bytes_max: 1, ..options(&folder, 1) };
    let journal = filled(&options, 1).await;
    std::fs::remove_dir_all(&options.folder).unwrap();
    let error = journal.append(entry("lost", None)).await.unwrap_err();
    assert!(error.to_string().starts_with("the audit log cannot be used: "), "{error}");
    journal.note(entry("nobody waits", None));
    assert!(journal.append(entry("lost", None)).await.is_err());
    std::fs::create_dir(&options.folder).unwrap();
    journal.append(entry("there", None)).await.unwrap();
    let report = verify(&options.folder, None).unwrap();
    // One line was there before, one says what is missing.
    assert_eq!((report.first, report.last, report.gaps), (2, 3, 1));
    assert_eq!(calls(&journal, 10), ["", "there"]);
}

#[tokio::test]
async fn a_folder_is_one_members_alone() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(&folder, 1 << 20);
    let journal = filled(&options, 1).await;
    let error = Journal::open(options.clone()).map(drop).unwrap_err();
    assert!(error.to_string().contains("another member keeps its audit log"), "{error}");
    journal.close().await;
    assert!(journal.append(entry("late", None)).await.is_err());
    assert_eq!(filled(&options, 1).await.end().0, 2);
}
