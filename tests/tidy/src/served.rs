//! The README's table of calls against the calls that there are and the proofs that it names.

use std::collections::BTreeMap;

use crate::repository::File;

/// Where the table stands.
const PAGE: &str = "README.md";

/// How its head begins.
const HEAD: &str = "| service | call |";

/// Where services of etcd and of gRPC are described. Our own have no counterpart to be compared with.
const DESCRIBED_IN: [&str; 2] = ["proto/etcd/", "proto/grpc/"];

/// Served, though no `.proto` file of ours describes it: it comes with its library.
const FROM_A_LIBRARY: &str = "ServerReflection/ServerReflectionInfo";

/// Cases that are played on etcd as well. Each names the calls that it makes.
const CASES: &str = "tests/conformance/cases/";

/// Complains about each call without exactly one row, each row without a call, and each proof that does not exist or, a case, does
/// not make the call.
pub(crate) fn unproven_calls(files: &[File]) -> Vec<String> {
    let Some(page) = files.iter().find(|file| file.path == PAGE) else { return vec![format!("there is no {PAGE}")] };
    let rows = rows(&page.text);
    let calls = calls(files);
    let mut complaints = Vec::new();
    let mut seen = BTreeMap::<String, usize>::new();
    for (call, proofs) in &rows {
        *seen.entry(call.clone()).or_default() += 1;
        if !calls.contains(call) {
            complaints.push(format!("{PAGE} has a row for {call}, which is no call"));
        }
        if proofs.is_empty() {
            complaints.push(format!("{PAGE} names no proof of {call}"));
        }
        complaints.extend(proofs.iter().filter_map(|proof| wrong_proof(call, proof, files)));
    }
    let wrong = calls.iter().map(|call| (call, seen.get(call).copied().unwrap_or(0))).filter(|(_, rows)| *rows != 1);
    complaints.extend(wrong.map(|(call, rows)| format!("{PAGE} has {rows} rows for {call}")));
    complaints
}

fn wrong_proof(call: &str, proof: &str, files: &[File]) -> Option<String> {
    let Some(file) = files.iter().find(|file| file.path == proof) else {
        return Some(format!("{proof}, the proof of {call}, is not there"));
    };
    let makes_it =
        !proof.starts_with(CASES) || file.text.split(|c: char| !(c.is_alphanumeric() || c == '/')).any(|w| w == call);
    (!makes_it).then(|| format!("{proof}, the proof of {call}, does not call it"))
}

/// Each row of the table: `Service/Call`, and what the last column links to.
fn rows(page: &str) -> Vec<(String, Vec<String>)> {
    let table =
        page.lines().skip_while(|line| !line.starts_with(HEAD)).skip(2).take_while(|line| line.starts_with('|'));
    let row = |line: &str| {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let call = format!("{}/{}", cells.first().unwrap_or(&""), cells.get(1).unwrap_or(&""));
        let links = cells.last().unwrap_or(&"").split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        (call, links.map(|(target, _)| target.to_owned()).collect())
    };
    table.map(row).collect()
}

/// Every call of the services that are described, and the one that is not.
fn calls(files: &[File]) -> Vec<String> {
    let mut calls = vec![FROM_A_LIBRARY.to_owned()];
    let described =
        |file: &&File| file.path.ends_with(".proto") && DESCRIBED_IN.iter().any(|folder| file.path.starts_with(folder));
    for file in files.iter().filter(described) {
        let mut service = "";
        for line in file.text.lines() {
            let mut words = line.split_whitespace();
            match (words.next(), words.next()) {
                (Some("service"), Some(name)) => service = name,
                (Some("rpc"), Some(name)) => {
                    calls.push(format!("{service}/{}", name.split('(').next().unwrap_or(name)));
                }
                _ => {}
            }
        }
    }
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROTO: &str = "service KV {\n  rpc Range (A) returns (B);\n  rpc Put (A) returns (B);\n}\n";
    const REFLECTION: &str = "| ServerReflection | ServerReflectionInfo | none | [a](a.rs) |\n";
    const RANGE: &str = "| KV | Range | yes ([why](b.md)) | [x](tests/conformance/cases/x.yaml), [a](a.rs) |\n";
    const PUT: &str = "| KV | Put | yes | [a](a.rs) |\n";

    fn complaints(rows: &str) -> Vec<String> {
        unproven_calls(&[
            File::made_up("README.md", &format!("# A\n\n{HEAD} how | proof |\n|---|---|---|---|\n{rows}\nend\n")),
            File::made_up("proto/etcd/rpc.proto", PROTO),
            File::made_up("proto/strongroom/admin.proto", "service Keys {\n  rpc Status (A) returns (B);\n}\n"),
            File::made_up("tests/conformance/cases/x.yaml", "      - KV/RangeStream: {}\n      - KV/Range: {key: a}\n"),
            File::made_up("a.rs", ""),
        ])
    }

    #[test]
    fn a_whole_table_is_left_alone() {
        assert_eq!(complaints(&[RANGE, PUT, REFLECTION].concat()), Vec::<String>::new());
    }

    #[test]
    fn what_is_missing_doubled_or_made_up_is_found() {
        for (rows, complaint) in [
            ([RANGE, REFLECTION].concat(), "README.md has 0 rows for KV/Put"),
            ([RANGE, PUT, PUT, REFLECTION].concat(), "README.md has 2 rows for KV/Put"),
            (
                [RANGE, PUT, REFLECTION, &PUT.replace("Put", "Push")].concat(),
                "README.md has a row for KV/Push, which is no call",
            ),
            ([RANGE, &PUT.replace("[a](a.rs)", "a.rs"), REFLECTION].concat(), "README.md names no proof of KV/Put"),
            ([RANGE, &PUT.replace("(a.rs)", "(b.rs)"), REFLECTION].concat(), "b.rs, the proof of KV/Put, is not there"),
            (
                [RANGE, &PUT.replace("(a.rs)", "(tests/conformance/cases/x.yaml)"), REFLECTION].concat(),
                "tests/conformance/cases/x.yaml, the proof of KV/Put, does not call it",
            ),
        ] {
            assert_eq!(complaints(&rows), [complaint], "{rows}");
        }
    }
}
