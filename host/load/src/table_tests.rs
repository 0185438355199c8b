use super::*;
use crate::report::{Failure, samples::report};

fn written(report: &Report) -> String {
    let mut out = Vec::new();
    write(&mut out, report).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_table_has_a_row_for_each_operation_that_happened() {
    assert_eq!(
        written(&report()),
        "put, random keys\n\
         http://127.0.0.1:2379: 16 clients over 1 connection, seed 1\n\
         10000 keys of 32 bytes, values of 256 bytes\n\
         measured for 2.00 s; latencies in ms\n\
         \n\
         operation        count per second       mean        p50        p90        p99      p99.9        max\n\
         put               2000     1000.0      1.500      1.000      2.000      12.35      123.5     1234.6\n"
    );
}

#[test]
fn what_went_wrong_is_below_the_table() {
    let mut report = report();
    report.failures.insert("Unavailable".into(), Failure { count: 1, example: "gone\u{1b}[2J".into() });
    report.lost = 7;
    report.unsent = 3;
    let text = written(&report);
    assert!(text.contains("\n\n1 call failed with Unavailable, first: gone\\u{1b}[2J\n"), "{text}");
    assert!(text.contains("7 events were lost\n") && text.contains("3 requests were due"), "{text}");
}
