use super::*;

fn sealed(prefix: &'static str) -> SealRule {
    SealRule { prefix: prefix.into(), sealed: true, ..SealRule::default() }
}

fn fields(rule: &SealRule) -> Vec<&'static str> {
    rule.problems().into_iter().map(|(field, _)| field).collect()
}

#[test]
fn a_rule_survives_the_round_trip() {
    let rule = SealRule {
        provider: "cloud".to_owned(),
        rotate_after_seconds: 7200,
        rotate_after_uses: 1 << 40,
        padding_bytes: vec![16, 1 << 24],
        ..sealed("/a/")
    };
    assert_eq!(SealRule::decode(rule.encode()).unwrap(), rule);
    assert!(rule.problems().is_empty(), "{:?}", rule.problems());
    assert!(matches!(SealRule::decode(&b"\xff"[..]), Err(SealError::BadKeyRecord { .. })));
}

#[test]
fn the_bytes_of_a_rule_do_not_change() {
    let rule = SealRule {
        provider: "p".to_owned(),
        rotate_after_seconds: 3600,
        rotate_after_uses: 5,
        padding_bytes: vec![16, 300],
        ..sealed("/a/")
    };
    assert_eq!(hex::encode(rule.encode()), "0a032f612f10011a017020901c2805320310ac02");
}

#[test]
fn zero_stands_for_never_and_for_the_default() {
    let rule = sealed("/a/");
    assert_eq!((rule.age_max(), rule.uses_max()), (None, 1 << 31));
    let rule = SealRule { rotate_after_seconds: 7200, rotate_after_uses: 9, ..rule };
    assert_eq!((rule.age_max(), rule.uses_max()), (Some(Duration::from_hours(2)), 9));
}

#[test]
fn each_limit_is_exact() {
    let rule = sealed("/a/");
    let age = |rotate_after_seconds| fields(&SealRule { rotate_after_seconds, ..rule.clone() });
    assert_eq!((age(3599), age(3600)), (vec!["rotate-after"], vec![]));
    let uses = |rotate_after_uses| fields(&SealRule { rotate_after_uses, ..rule.clone() });
    assert_eq!((uses((1 << 40) + 1), uses(1 << 40)), (vec!["rotate-after-uses"], vec![]));
    let provider = |length| fields(&SealRule { provider: "x".repeat(length), ..rule.clone() });
    assert_eq!((provider(129), provider(128)), (vec!["provider"], vec![]));
    let prefix = |length| fields(&SealRule { prefix: vec![b'x'; length].into(), ..rule.clone() });
    assert_eq!((prefix(0), prefix(1025), prefix(1024)), (vec!["prefix"], vec!["prefix"], vec![]));
}

#[test]
fn padding_sizes_ascend_within_their_limits() {
    let padding = |padding_bytes| fields(&SealRule { padding_bytes, ..sealed("/a/") });
    for good in [vec![], vec![16], vec![256, 1024, 1 << 24], (1..=16).map(|size| size * 16).collect()] {
        assert!(padding(good.clone()).is_empty(), "{good:?}");
    }
    for wrong in [vec![15], vec![(1 << 24) + 1], vec![32, 32], vec![64, 32], (1..=17).map(|size| size * 16).collect()] {
        assert_eq!(padding(wrong.clone()), ["pad-to"], "{wrong:?}");
    }
}

#[test]
fn an_exception_has_nothing_but_its_prefix() {
    let plain = SealRule { sealed: false, ..sealed("/a/") };
    assert!(plain.problems().is_empty());
    assert_eq!(fields(&SealRule { provider: "main".to_owned(), ..plain.clone() }), ["sealed"]);
    assert_eq!(fields(&SealRule { padding_bytes: vec![16], ..plain }), ["sealed"]);
}

#[test]
fn debug_reads_as_a_sentence() {
    let rule = SealRule { provider: "main".to_owned(), padding_bytes: vec![16], ..sealed("/a/") };
    let shown = "sealed \"/a/\" by \"main\", new key after 0 s or 0 uses, padded to [16]";
    assert_eq!(format!("{rule:?}"), shown);
    assert_eq!(format!("{:?}", SealRule { sealed: false, ..sealed("/a/") }), "plain \"/a/\"");
}
