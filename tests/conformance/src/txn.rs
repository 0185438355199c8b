//! `etcdctl txn`: comparisons and both branches.

use crate::session::{Session, agree};

async fn txn(s: &mut Session, compares: &[&str], success: &[&str], failure: &[&str]) -> String {
    // An empty line ends each of the three parts.
    let part = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>() + "\n";
    let script = [compares, success, failure].map(part).concat();
    s.note("script", &script);
    s.ok_with_input(&["txn", "-w", "json"], &script).await
}

#[tokio::test]
async fn every_comparison() {
    agree(async |s: &mut Session| {
        s.ok(&["put", "a", "1"]).await;
        s.ok(&["put", "a", "2"]).await;
        s.ok(&["put", "b", "x"]).await;
        // a: created at 2, changed at 3, version 2.
        for (target, holds) in [("create", 2), ("mod", 3), ("version", 2)] {
            for operator in ["=", "!=", "<", ">"] {
                for number in [holds - 1, holds, holds + 1] {
                    let compare = format!("{target}(\"a\") {operator} \"{number}\"");
                    let printed = txn(s, &[&compare], &["get a"], &["get b"]).await;
                    let expected = match operator {
                        "=" => holds == number,
                        "!=" => holds != number,
                        "<" => holds < number,
                        _ => holds > number,
                    };
                    assert_eq!(printed.contains("\"succeeded\":true"), expected, "{compare}: {printed}");
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn comparisons_on_values() {
    agree(async |s: &mut Session| {
        s.ok(&["put", "a", "m"]).await;
        for operator in ["=", "!=", "<", ">"] {
            for value in ["", "l", "m", "mm", "n"] {
                txn(s, &[&format!("val(\"a\") {operator} \"{value}\"")], &["get a"], &["get b"]).await;
            }
        }
        // A key that is not there has no value to compare with, not even the empty one.
        for operator in ["=", "!=", "<", ">"] {
            txn(s, &[&format!("val(\"none\") {operator} \"\"")], &["get a"], &["get b"]).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_key_that_is_not_there_counts_as_zero() {
    agree(async |s: &mut Session| {
        for target in ["create", "mod", "version"] {
            for operator in ["=", "!=", "<", ">"] {
                txn(s, &[&format!("{target}(\"none\") {operator} \"0\"")], &["get a"], &["get b"]).await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn one_revision_for_a_whole_branch() {
    agree(async |s: &mut Session| {
        txn(s, &["version(\"a\") = \"0\""], &["put a 1", "put b 1", "get a"], &["get a"]).await;
        txn(s, &["version(\"a\") = \"0\""], &["put c 1"], &["put a 2", "del b", "get b", "get a"]).await;
        s.ok(&["get", "", "--prefix", "-w", "json"]).await;
        // Reads alone, a delete of nothing, and an empty branch leave the revision where it is.
        txn(s, &[], &["get a"], &[]).await;
        txn(s, &[], &["del none"], &[]).await;
        txn(s, &["version(\"a\") = \"9\""], &["put a 9"], &[]).await;
        s.ok(&["get", "", "--prefix", "-w", "json"]).await;
        s.ok(&["get", "", "--prefix", "--rev=2", "-w", "json"]).await;
    })
    .await;
}

#[tokio::test]
async fn all_comparisons_must_hold() {
    agree(async |s: &mut Session| {
        s.ok(&["put", "a", "1"]).await;
        s.ok(&["put", "b", "2"]).await;
        txn(s, &["val(\"a\") = \"1\"", "val(\"b\") = \"2\""], &["put c both"], &["put c not"]).await;
        txn(s, &["val(\"a\") = \"1\"", "val(\"b\") = \"3\""], &["put c both"], &["put c not"]).await;
        s.ok(&["get", "c", "-w", "json"]).await;
    })
    .await;
}
