use std::time::Duration;

use super::*;

fn local(from: u64, to: Option<u64>, acts: Vec<Act<&'static str>>) -> Local<&'static str> {
    Local { acts, asked: Duration::from_millis(from), answered: to.map(Duration::from_millis) }
}

fn write(from: u64, to: u64, value: &'static str) -> Local<&'static str> {
    local(from, Some(to), vec![Act::Set(Some(value))])
}

fn read(from: u64, to: u64, value: Option<&'static str>) -> Local<&'static str> {
    local(from, Some(to), vec![Act::Is(value)])
}

fn swap(from: u64, to: u64, old: &'static str, new: &'static str) -> Local<&'static str> {
    local(from, Some(to), vec![Act::Is(Some(old)), Act::Set(Some(new))])
}

fn found(locals: &[Local<&str>]) -> Found {
    Search::new(locals).run(100_000)
}

#[test]
fn an_order_is_found_where_there_is_one() {
    assert_eq!(found(&[]), Found::Order);
    assert_eq!(found(&[read(0, 1, None), write(2, 3, "a"), read(4, 5, Some("a"))]), Found::Order);
    // Two writes at once, read in either order.
    assert_eq!(found(&[write(0, 9, "a"), write(0, 9, "b"), read(10, 11, Some("a"))]), Found::Order);
    assert_eq!(found(&[write(0, 9, "a"), read(1, 2, Some("a")), read(3, 4, Some("a"))]), Found::Order);
}

#[test]
fn a_stale_read_is_found() {
    assert_eq!(found(&[write(0, 1, "a"), write(2, 3, "b"), read(4, 5, Some("a"))]), Found::None);
    assert_eq!(
        found(&[write(0, 9, "a"), read(1, 2, Some("a")), read(3, 4, None)]),
        Found::None,
        "it goes back in time"
    );
}

#[test]
fn a_lost_write_is_found() {
    assert_eq!(found(&[write(0, 1, "a"), read(2, 3, None)]), Found::None);
}

#[test]
fn a_value_from_nowhere_is_found() {
    assert_eq!(found(&[write(0, 1, "a"), read(2, 3, Some("x"))]), Found::None);
}

#[test]
fn two_swaps_of_one_value_are_found() {
    assert_eq!(found(&[write(0, 1, "a"), swap(2, 9, "a", "b"), swap(3, 8, "a", "c")]), Found::None);
    assert_eq!(found(&[write(0, 1, "a"), swap(2, 9, "a", "b"), swap(3, 8, "b", "c")]), Found::Order);
}

#[test]
fn what_nobody_was_told_may_have_happened_or_not() {
    let lost = local(0, None, vec![Act::Set(Some("a"))]);
    assert_eq!(found(&[lost.clone(), read(1, 2, None), read(3, 4, Some("a"))]), Found::Order);
    assert_eq!(found(&[lost.clone(), read(1, 2, None)]), Found::Order);
    assert_eq!(found(&[lost.clone(), read(1, 2, Some("a")), read(3, 4, None)]), Found::None, "it cannot be undone");
    let swap = local(0, None, vec![Act::Is(Some("x")), Act::Set(Some("y"))]);
    assert_eq!(found(&[swap.clone(), read(1, 2, None)]), Found::Order);
    assert_eq!(found(&[swap, read(1, 2, Some("y"))]), Found::None, "its condition never held");
}

#[test]
fn a_search_that_is_too_long_says_so() {
    let mut locals: Vec<_> = (0..30).map(|_| local(0, None, vec![Act::Set(Some("a"))])).collect();
    locals.push(read(1, 2, Some("nowhere")));
    assert_eq!(Search::new(&locals).run(20), Found::TooMuch);
}

#[test]
fn a_long_sound_history_takes_few_steps() {
    let words: Vec<String> = (0..400).map(|number| format!("w{number}")).collect();
    let mut locals = Vec::new();
    for (at, word) in (0_u64..).zip(&words) {
        let moment = |ms: u64| Duration::from_millis(ms);
        locals.push(Local {
            acts: vec![Act::Set(Some(word.as_str()))],
            asked: moment(at * 10),
            answered: Some(moment(at * 10 + 25)),
        });
        locals.push(Local {
            acts: vec![Act::Is(Some(word.as_str()))],
            asked: moment(at * 10 + 5),
            answered: Some(moment(at * 10 + 9)),
        });
    }
    assert_eq!(Search::new(&locals).run(STEPS_MAX), Found::Order);
}

#[test]
fn only_unanswered_writes_that_nobody_saw_are_left_out() {
    let unanswered = |value| local(0, None, vec![Act::Set(value)]);
    let mut locals = vec![unanswered(Some("seen")), unanswered(Some("unseen")), unanswered(None), write(0, 1, "b")];
    locals.push(read(2, 3, Some("seen")));
    forget_unseen(&mut locals);
    let writes: Vec<_> = locals.iter().map(|local| local.acts[0].clone()).collect();
    assert_eq!(writes, [Act::Set(Some("seen")), Act::Set(None), Act::Set(Some("b")), Act::Is(Some("seen"))]);
}
