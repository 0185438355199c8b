use clap::Parser as _;

use super::*;

#[derive(Debug, clap::Parser)]
struct Program {
    #[command(flatten)]
    bench: Bench,
}

fn parse(line: &str) -> Result<Bench, String> {
    let words = std::iter::once("bench").chain(line.split(' '));
    Program::try_parse_from(words).map(|program| program.bench).map_err(|error| error.to_string())
}

async fn refusal(line: &str) -> String {
    match parse(line) {
        Ok(bench) => match bench.measure().await.unwrap_err() {
            BenchError::Arguments(reason) => reason,
            other => panic!("{line}: {other}"),
        },
        Err(reason) => reason,
    }
}

#[test]
fn the_flags_are_consistent() {
    use clap::CommandFactory as _;
    Program::command().debug_assert();
    for workload in ["put", "txn", "range", "mixed", "watch", "lease"] {
        assert!(parse(workload).is_ok(), "{workload} has defaults for everything");
    }
}

#[test]
fn times_are_as_people_write_them() {
    let load = |line: &str| parse(line).unwrap().shared().0.clone();
    assert_eq!(load("put --duration 1m30s").duration(), Some(Duration::from_secs(90)));
    assert_eq!(load("put").duration(), Some(DURATION));
    assert_eq!(load("put --total 5").duration(), None, "the total ends it");
    assert_eq!(load("put --total 5 --duration 2s").duration(), Some(Duration::from_secs(2)));
}

#[tokio::test]
async fn what_does_not_go_together_is_refused_with_what_to_do() {
    for (line, reason) in [
        ("put --conns 5 --clients 4", "raise --clients or lower --conns"),
        ("put --key-bytes 8", "--key-bytes 8 is too small for --prefix \"bench/\" and 10000 keys; it takes 10 or more"),
        ("put --duration 0s", "--duration is zero"),
        ("put --timeout 0s", "--timeout is zero"),
        ("put --rate 0", "a number above 0"),
        ("put --rate inf", "a number above 0"),
        ("put --prefix=", "a value is required"),
        ("put --cert a.pem", "--key <FILE>"),
        ("put --user root", "it has to be NAME:PASSWORD"),
        ("txn --keys 3", "raise --keys, or let them --contend"),
        ("range --prepare 20000", "raise --keys, too"),
        ("mixed --reads 1.5", "a number from 0 to 1"),
        ("watch --value-bytes 15", "it takes 16 or more"),
        ("watch --watchers 2 --streams 3", "raise --watchers or lower --streams"),
        ("watch --streams 2 --conns 3", "raise --streams or lower --conns"),
        ("lease --leases 3", "raise --leases or lower --clients"),
    ] {
        let refusal = refusal(line).await;
        assert!(refusal.contains(reason), "{line}: {refusal}");
    }
}

#[test]
fn connections_follow_the_clients() {
    let connections = |line: &str| {
        let load = parse(line).unwrap().shared().0.clone();
        load.connections(load.clients(), "--clients").unwrap()
    };
    assert_eq!(connections("put"), 1);
    assert_eq!(connections("put --clients 17"), 2);
    assert_eq!(connections("put --clients 17 --conns 17"), 17);
}
