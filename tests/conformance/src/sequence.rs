//! Generated sequences: random steps over few keys, so that they meet; one that differs is shrunk to what matters.

use harness::Seed;
use proptest::{
    collection::vec,
    option,
    prelude::*,
    strategy::Union,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner},
};
use serde_json::{Value, json};

use crate::{
    case::{self, Case},
    verdict::Verdict,
};

/// Steps of a sequence.
pub(crate) const STEPS: usize = 100;

/// Sequences that are tried to make a differing one smaller. Each starts two servers.
const SHRINKS_MAX: u32 = 60;

/// Watches of a sequence; each is on a stream of its own.
const WATCHES: usize = 3;

/// Where the watches of the history start, one on each stream. They come last: a compaction may end one that is still behind, or come
/// too late for it, in etcd, too.
const HISTORIES: [i64; WATCHES] = [1, 5, 12];

/// Looks for a sequence that differs. Gives it as a case, as small as was found, with what differs.
pub(crate) fn search(count: u32, seed: Seed, compare: impl Fn(&Case) -> Verdict) -> Option<String> {
    let config = Config { cases: count, max_shrink_iters: SHRINKS_MAX, failure_persistence: None, ..Config::default() };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.0.to_le_bytes());
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let tried = runner.run(&sequence(), |steps| match compare(&as_case(&steps)) {
        Verdict::Differs(difference) => Err(TestCaseError::fail(difference)),
        _ => Ok(()),
    });
    match tried {
        Ok(()) => None,
        Err(TestError::Fail(reason, steps)) => Some(format!("{}\n{reason}", written(&steps))),
        Err(TestError::Abort(reason)) => Some(reason.to_string()),
    }
}

/// A sequence as it would stand in a file of cases.
fn written(steps: &[Value]) -> String {
    let mut text = "cases:\n  - name: found by a generated sequence\n    steps:\n".to_owned();
    for step in all_steps(steps) {
        text += &format!("      - {step}\n");
    }
    text
}

fn as_case(steps: &[Value]) -> Case {
    let steps = Value::Array(all_steps(steps));
    let steps = case::steps(&steps).expect("what is generated are steps");
    Case { name: "generated".to_owned(), flags: Vec::new(), tls: false, differs: Vec::new(), steps }
}

/// What is generated, with the streams before it and everything that they and the store hold after it.
fn all_steps(steps: &[Value]) -> Vec<Value> {
    let mut all: Vec<Value> = (0..WATCHES).map(|at| json!({"open": {stream(at): "Watch/Watch"}})).collect();
    for at in 0..WATCHES {
        // A stream without a watch, such as one whose only watch was ended by a compaction, tells no progress.
        all.push(json!({"send": {stream(at): {"create_request": {"key": "never"}}}}));
        all.push(json!({"created": stream(at)}));
    }
    all.extend(steps.iter().cloned());
    // A stream with a watch that still waits for its start tells no progress.
    all.extend((0..HISTORIES[WATCHES - 1]).map(|_| json!({"KV/Put": {"key": "zy"}})));
    for (at, start) in HISTORIES.iter().enumerate() {
        let create = json!({"key": "\0", "range_end": "\0", "start_revision": start, "prev_kv": true});
        all.push(json!({"send": {stream(at): {"create_request": create}}}));
        all.push(json!({"created": stream(at)}));
    }
    all.extend((0..WATCHES).map(|at| json!({"progress": stream(at)})));
    all.push(json!({"KV/Range": {"key": "\0", "range_end": "\0"}}));
    all.push(json!({"Lease/LeaseLeases": {}}));
    all
}

fn stream(at: usize) -> String {
    format!("w{at}")
}

fn sequence() -> impl Strategy<Value = Vec<Value>> {
    vec(step(), STEPS / 2..=STEPS)
}

fn step() -> impl Strategy<Value = Value> {
    let call = |name: &'static str| move |request: Value| json!({name: request, "any": true});
    prop_oneof![
        8 => put().prop_map(call("KV/Put")),
        6 => range().prop_map(call("KV/Range")),
        1 => range().prop_map(in_pieces).prop_map(call("KV/RangeStream")),
        3 => delete().prop_map(call("KV/DeleteRange")),
        6 => txn(2).prop_map(call("KV/Txn")),
        1 => (revision(), any::<bool>())
            .prop_map(|(revision, physical)| json!({"revision": revision, "physical": physical}))
            .prop_map(call("KV/Compact")),
        2 => (lease(), prop::sample::select(vec![300_i64, 400, 500])).prop_map(|(id, ttl)| json!({"ID": id, "TTL": ttl})).prop_map(call("Lease/LeaseGrant")),
        1 => lease().prop_map(|id| json!({"ID": id})).prop_map(call("Lease/LeaseRevoke")),
        1 => (lease(), any::<bool>())
            .prop_map(|(id, keys)| json!({"ID": id, "keys": keys}))
            .prop_map(call("Lease/LeaseTimeToLive")),
        1 => watch(),
    ]
}

/// Few keys, some of which are prefixes of others.
fn key() -> impl Strategy<Value = Value> {
    prop::sample::select(vec!["a", "b", "b/", "b/a", "b/b", "c", "d", "e"]).prop_map(Value::from)
}

/// No end, the end of a range, a prefix, everything; some lie before the key.
fn range_end() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => Just(Value::Null),
        3 => prop::sample::select(vec!["\0", "b", "b0", "b/b", "d", "f"]).prop_map(Value::from),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop::sample::select(vec!["", "1", "2", "3"]).prop_map(Value::from)
}

fn lease() -> impl Strategy<Value = i64> {
    1..4_i64
}

/// Mostly one that is there.
fn revision() -> impl Strategy<Value = i64> {
    prop_oneof![5 => 1..40_i64, 1 => Just(0), 1 => -1..200_i64]
}

fn put() -> impl Strategy<Value = Value> {
    let lease = option::weighted(0.2, lease());
    let ignore = (prop::bool::weighted(0.1), prop::bool::weighted(0.1));
    (key(), value(), lease, any::<bool>(), ignore).prop_map(
        |(key, value, lease, prev_kv, (ignore_value, ignore_lease))| {
            filled(json!({
                "key": key, "value": value, "lease": lease, "prev_kv": prev_kv,
                "ignore_value": ignore_value, "ignore_lease": ignore_lease,
            }))
        },
    )
}

fn delete() -> impl Strategy<Value = Value> {
    (key(), range_end(), any::<bool>())
        .prop_map(|(key, range_end, prev_kv)| filled(json!({"key": key, "range_end": range_end, "prev_kv": prev_kv})))
}

fn range() -> impl Strategy<Value = Value> {
    let bounds = vec(option::weighted(0.1, 1..40_i64), 4);
    let switches = (any::<bool>(), prop::bool::weighted(0.2), prop::bool::weighted(0.1));
    let order = (0..3_i64, 0..5_i64);
    (key(), range_end(), 0..4_i64, option::weighted(0.3, revision()), order, switches, bounds).prop_map(
        |(key, range_end, limit, revision, (order, target), (serializable, keys_only, count_only), bounds)| {
            filled(json!({
                "key": key, "range_end": range_end, "limit": limit, "revision": revision,
                "sort_order": order, "sort_target": target,
                "serializable": serializable, "keys_only": keys_only, "count_only": count_only,
                "min_mod_revision": bounds[0], "max_mod_revision": bounds[1],
                "min_create_revision": bounds[2], "max_create_revision": bounds[3],
            }))
        },
    )
}

/// Without a sort target that has no order: pieces of such a stream are where Strongroom means to differ.
fn in_pieces(mut range: Value) -> Value {
    if range["sort_order"] == 0 {
        range["sort_target"] = 0.into();
    }
    range
}

fn compare() -> impl Strategy<Value = Value> {
    let target = prop_oneof![
        (0..4_i64).prop_map(|version| json!({"target": "VERSION", "version": version})),
        (0..40_i64).prop_map(|revision| json!({"target": "CREATE", "create_revision": revision})),
        (0..40_i64).prop_map(|revision| json!({"target": "MOD", "mod_revision": revision})),
        value().prop_map(|value| json!({"target": "VALUE", "value": value})),
        (0..4_i64).prop_map(|lease| json!({"target": "LEASE", "lease": lease})),
    ];
    (key(), range_end(), 0..4_i64, target).prop_map(|(key, range_end, result, mut compare)| {
        compare["key"] = key;
        compare["range_end"] = range_end;
        compare["result"] = result.into();
        filled(compare)
    })
}

fn txn(depth: u32) -> BoxedStrategy<Value> {
    let op = |depth: u32| -> BoxedStrategy<Value> {
        let mut kinds = vec![
            (3, put().prop_map(|request| json!({"request_put": request})).boxed()),
            (3, range().prop_map(|request| json!({"request_range": request})).boxed()),
            (2, delete().prop_map(|request| json!({"request_delete_range": request})).boxed()),
        ];
        if depth > 0 {
            kinds.push((2, txn(depth - 1).prop_map(|request| json!({"request_txn": request})).boxed()));
        }
        Union::new_weighted(kinds).boxed()
    };
    (vec(compare(), 0..3), vec(op(depth), 0..4), vec(op(depth), 0..3))
        .prop_map(|(compare, success, failure)| json!({"compare": compare, "success": success, "failure": failure}))
        .boxed()
}

/// A watch on one of the streams, and what is said of it.
fn watch() -> impl Strategy<Value = Value> {
    let filter = option::weighted(0.2, prop::sample::select(vec!["NOPUT", "NODELETE"]));
    (0..WATCHES, key(), range_end(), any::<bool>(), filter).prop_map(|(at, key, range_end, prev_kv, filter)| {
        let filters: Vec<_> = filter.into_iter().collect();
        let create = filled(json!({
            "key": key, "range_end": range_end, "prev_kv": prev_kv, "filters": filters,
        }));
        json!([{"send": {stream(at): {"create_request": create}}}, {"created": stream(at)}])
    })
}

/// Without the fields that are null.
fn filled(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(fields.into_iter().filter(|(_, value)| !value.is_null()).collect()),
        other => other,
    }
}
