use std::time::Duration;

use super::*;
use crate::verdict::call::{Operation, Span, Told};

/// Builds a history the way a correct server would.
struct Server {
    state: State,
    history: Vec<Revision>,
    calls: Vec<Call>,
    now: u64,
}

impl Server {
    fn new() -> Self {
        Self { state: State::empty(10), history: Vec::new(), calls: Vec::new(), now: 0 }
    }

    fn tick(&mut self) -> Moment {
        self.now += 1;
        Duration::from_millis(self.now)
    }

    fn carry_out(&mut self, operation: &Operation) -> Answer {
        let (answer, changes) = self.state.evaluate(operation);
        if !changes.is_empty() {
            let revision = Revision { revision: answer.revision, changes };
            self.state.apply(&revision);
            self.history.push(revision);
        }
        answer
    }

    fn call(&mut self, operation: Operation) -> &mut Self {
        let asked = self.tick();
        let answer = self.carry_out(&operation);
        let outcome = Outcome::Answered(self.tick(), answer);
        self.calls.push(Call { client: 0, member: 0, operation, asked, outcome });
        self
    }

    fn unanswered(&mut self, operation: Operation, done: bool) -> &mut Self {
        let asked = self.tick();
        if done {
            self.carry_out(&operation);
        }
        self.calls.push(Call { client: 0, member: 0, operation, asked, outcome: Outcome::Unknown });
        self
    }

    fn complaints(&self) -> Vec<String> {
        replay(10, &self.history, &self.calls).complaints
    }

    fn complains(&self, of: &str) {
        let complaints = self.complaints();
        assert!(complaints.iter().any(|text| text.contains(of)), "{of}: {complaints:?}");
    }
}

fn put(key: &str, value: &str) -> Operation {
    Operation::single(Step::Put { key: key.into(), value: value.into(), lease: 0 })
}

fn leased(key: &str, value: &str) -> Operation {
    Operation::single(Step::Put { key: key.into(), value: value.into(), lease: 7 })
}

fn get(key: &str) -> Operation {
    Operation::single(Step::Get(Span::key(key)))
}

fn delete(key: &str) -> Operation {
    Operation::single(Step::Delete(Span::key(key)))
}

fn busy() -> Server {
    let mut server = Server::new();
    server.call(put("a", "1")).call(get("a")).unanswered(put("a", "2"), true).unanswered(put("a", "3"), false);
    server.call(delete("a")).call(get("a")).call(put("b", "4")).unanswered(delete("b"), true).call(delete("none"));
    server
}

#[test]
fn what_a_correct_server_does_passes() {
    assert_eq!(busy().complaints(), Vec::<String>::new());
    assert_eq!(replay(10, &busy().history, &busy().calls).late, 2);
}

#[test]
fn a_lost_write_is_found() {
    let mut server = busy();
    server.history.truncate(4);
    server.call(get("b"));
    server.calls.pop();
    server.history.pop();
    server.complains("lost");
}

#[test]
fn a_gap_is_found() {
    let mut server = busy();
    server.history.remove(1);
    server.complains("events are lost");
}

#[test]
fn a_write_done_twice_is_found() {
    let mut server = busy();
    server.carry_out(&put("a", "2"));
    server.complains("carried out again");
    let mut server = busy();
    server.carry_out(&put("a", "1"));
    server.complains("nobody asked");
}

#[test]
fn of_deletes_that_look_alike_the_one_that_was_asked_for_in_time_did_it() {
    let mut server = Server::new();
    server.call(put("a", "1")).unanswered(delete("a"), true).call(put("b", "2")).unanswered(delete("a"), false);
    // Clients are recorded one after the other, not by when they asked.
    server.calls.reverse();
    assert_eq!(server.complaints(), Vec::<String>::new());
    server.calls.retain(|call| call.asked != Duration::from_millis(3));
    server.complains("before it was asked for");
}

#[test]
fn a_wrong_effect_is_found() {
    let mut server = busy();
    server.history[0].changes[0].record.value = "9".into();
    server.complains("should have made it");
}

#[test]
fn half_a_transaction_is_found() {
    let mut server = Server::new();
    let both = [("a", "1"), ("b", "2")].map(|(key, value)| put(key, value).success.remove(0));
    server.call(Operation::all(both.to_vec()));
    assert_eq!(server.complaints(), Vec::<String>::new());
    server.history[0].changes.pop();
    server.complains("should have made it");
}

#[test]
fn a_wrong_answer_is_found() {
    let mut server = busy();
    let Outcome::Answered(_, answer) = &mut server.calls[1].outcome else { panic!("it was answered") };
    answer.told = vec![Told::Got(Vec::new())];
    server.complains("should have been told");
}

#[test]
fn a_stale_read_is_found_unless_it_was_asked_for() {
    let mut server = Server::new();
    server.call(put("a", "1")).call(put("a", "2"));
    let old = server.calls[0].answer().expect("it was answered").1.revision;
    let asked = server.tick();
    let mut state = State::empty(10);
    state.apply(&server.history[0]);
    let told = vec![Told::Got(state.get(&Span::key("a")))];
    let outcome = Outcome::Answered(server.tick(), Answer { revision: old, succeeded: true, told });
    server.calls.push(Call { client: 0, member: 0, operation: get("a"), asked, outcome });
    server.complains("stale");
    server.calls[2].operation.serializable = true;
    assert_eq!(server.complaints(), Vec::<String>::new());
}

#[test]
fn a_read_of_local_state_may_be_from_before_the_round_and_no_other_one_may() {
    let mut server = Server::new();
    server.call(put("a", "1"));
    let asked = server.tick();
    let answer = Answer { revision: 9, succeeded: true, told: vec![Told::Got(Vec::new())] };
    let outcome = Outcome::Answered(server.tick(), answer);
    server.calls.push(Call { client: 0, member: 0, operation: get("a"), asked, outcome });
    server.complains("lost");
    server.calls[1].operation.serializable = true;
    assert_eq!(server.complaints(), Vec::<String>::new());
}

#[test]
fn the_end_of_a_lease_takes_all_its_keys_and_no_others() {
    let mut server = Server::new();
    server.call(leased("a", "1")).call(leased("b", "2")).call(leased("c", "3"));
    let mut all = Server { history: server.history.clone(), calls: server.calls.clone(), ..Server::new() };
    all.state = server.state.clone();
    all.carry_out(&Operation::single(Step::Delete(Span::prefix("a"))));
    all.complains("nobody asked");
    server.carry_out(&Operation::single(Step::Delete(Span { from: "a".into(), to: "d".into() })));
    assert_eq!(server.complaints(), Vec::<String>::new());
    assert_eq!(replay(10, &server.history, &server.calls).expiries, [(14, 7)]);
}
