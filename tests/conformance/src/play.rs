//! Plays the steps of a case on one server.

use std::time::{Duration, Instant};

use harness::Program;
use prost_reflect::DynamicMessage;
use serde_json::{Map, Value, json};
use tokio::time::sleep;
use tonic::Status;

use crate::{
    authority::Authority,
    case::{Case, Step},
    coverage::Coverage,
    errors::Errors,
    message,
    outcome::{Outcome, check},
    page,
    session::Session,
    shell,
};

/// How long a case waits for something to become so, in seconds: above the shortest lease of a busy machine.
const EVENTUALLY_SECONDS_MAX: u64 = 20;

/// How often it looks.
const POLL: Duration = Duration::from_millis(100);

/// What one server made of a case.
#[derive(Debug, Default)]
pub(crate) struct Played {
    /// A line for each step that has an outcome, and what it came to.
    pub(crate) record: Vec<Line>,
    /// Where it stopped because something was not as expected.
    pub(crate) failure: Option<String>,
    /// What was asked and answered.
    pub(crate) coverage: Coverage,
}

/// A step and what came of it.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// The step.
    pub(crate) asked: String,
    /// What it came to, with names in the place of ids.
    pub(crate) outcome: Value,
    /// Whether Strongroom is meant to differ here.
    pub(crate) deliberate: bool,
}

/// Plays a case on a new server.
pub(crate) async fn play(program: Program, ours: bool, case: &Case, authority: &Authority, errors: &Errors) -> Played {
    let mut session = Session::start(program, case, authority).await;
    let mut played = Played::default();
    for (at, step) in case.steps.iter().enumerate() {
        match played_step(&mut session, step, ours, errors).await {
            Ok(Some(outcome)) => {
                let deliberate = step.options.deliberate.is_some();
                played.record.push(Line { asked: asked(at, step), outcome, deliberate });
            }
            Ok(None) => {}
            Err(error) => {
                played.failure = Some(format!("{}: {error}", asked(at, step)));
                break;
            }
        }
    }
    played.coverage = std::mem::take(&mut session.coverage);
    played
}

fn asked(at: usize, step: &Step) -> String {
    let argument = step.argument.to_string();
    let shown =
        if argument.len() > 600 { format!("{}...", argument.chars().take(600).collect::<String>()) } else { argument };
    format!("step {} {} {shown}", at + 1, step.action)
}

async fn played_step(
    session: &mut Session<'_>,
    step: &Step,
    ours: bool,
    errors: &Errors,
) -> Result<Option<Value>, String> {
    let begun = Instant::now();
    loop {
        let filled = step.filled(&session.names)?;
        let Some(outcome) = act(session, &filled).await? else { return Ok(None) };
        if let Some((code, message)) = outcome.refusal() {
            session.coverage.refused(errors.name(code, message));
        }
        let expected = Step { argument: filled.argument.clone(), ..step.clone() };
        let met = check(&expected, ours, &outcome, &mut session.names, errors);
        let late = begun.elapsed() > Duration::from_secs(EVENTUALLY_SECONDS_MAX);
        match met {
            Err(_) if step.options.eventually && !late => sleep(POLL).await,
            met => return met.map(|()| Some(outcome.shown)),
        }
    }
}

async fn act(session: &mut Session<'_>, step: &Step) -> Result<Option<Outcome>, String> {
    match step.action.as_str() {
        "open" => session.open(step).await.map(|()| None),
        "send" => session.send(step).await.map(|()| None),
        "receive" => receive(session, step).await.map(Some),
        "created" => created(session, step).await.map(Some),
        "gather" => gather(session, step).await.map(Some),
        "progress" => progress(session, step).await.map(Some),
        "silent" => silent(session, step).await.map(|()| None),
        "finish" => finish(session, step).await.map(Some),
        "start" => session.call_apart(step).await.map(|()| None),
        "pending" => pending(session, step).await.map(|()| None),
        "cancel" => cancel(session, step).map(|()| None),
        "join" => join(session, step).await.map(Some),
        "http" => page::ask(session, step).await.map(Some),
        "etcdctl" => shell::run(session, step).await.map(Some),
        "restart" => restart(session, step).await.map(|()| None),
        "wait" => {
            sleep(Duration::from_millis(milliseconds(&step.argument)?)).await;
            Ok(None)
        }
        _ => session.call(step).await.map(Some),
    }
}

fn milliseconds(value: &Value) -> Result<u64, String> {
    value.as_u64().ok_or_else(|| format!("{value} is no number of milliseconds"))
}

fn name(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| format!("{value} is no name"))
}

async fn receive(session: &mut Session<'_>, step: &Step) -> Result<Outcome, String> {
    let (name, _) = step.named()?;
    let answer = session.stream(name)?.receive().await?.ok_or("the stream has ended")?;
    Ok(match answer {
        Ok(message) => {
            session.coverage.answered(&message);
            Outcome::message(&message, &mut session.masks)
        }
        Err(status) => session.refused(&status),
    })
}

/// Takes the answer to a request for a watch. What other watches of the stream say before it is held back.
async fn created(session: &mut Session<'_>, step: &Step) -> Result<Outcome, String> {
    let name = name(&step.argument)?;
    loop {
        let answer = session.stream(name)?.receive().await?.ok_or("the stream has ended")?;
        let message = match answer {
            Ok(message) => message,
            Err(status) => return Ok(session.refused(&status)),
        };
        if message::show(&message, &mut |_, value| value)["created"] == true {
            session.coverage.answered(&message);
            return Ok(Outcome::message(&message, &mut session.masks));
        }
        session.stream(name)?.held.push(message);
    }
}

/// Takes watch answers until so many events are there. How they are spread over messages is left to the server; to which
/// watch each belongs, and their order, is not.
async fn gather(session: &mut Session<'_>, step: &Step) -> Result<Outcome, String> {
    let (name, count) = step.named()?;
    let count = count.as_u64().ok_or("gather wants a number of events")?;
    let mut gathered = Gathered::default();
    gathered.take_held(session, name)?;
    while gathered.count < count {
        let answer = session.stream(name)?.receive().await?.ok_or("the stream has ended")?;
        let message = match answer {
            Ok(message) => message,
            Err(status) => return Ok(session.refused(&status)),
        };
        gathered.add(session, &message)?;
    }
    Ok(gathered.outcome())
}

/// Events by the watch that they belong to.
#[derive(Debug, Default)]
struct Gathered {
    said: Map<String, Value>,
    shown: Map<String, Value>,
    count: u64,
    progress: Option<i64>,
    /// Whether a compaction ended a watch of the stream: etcd then tells no progress on it any more.
    cut_off: bool,
}

impl Gathered {
    /// What came while something else was waited for.
    fn take_held(&mut self, session: &mut Session<'_>, name: &str) -> Result<(), String> {
        let held = std::mem::take(&mut session.stream(name)?.held);
        held.iter().try_for_each(|message| self.add(session, message))
    }

    fn add(&mut self, session: &mut Session<'_>, message: &DynamicMessage) -> Result<(), String> {
        session.coverage.answered(message);
        let said = message::show(message, &mut |_, value| value);
        let shown = session.masks.show(message);
        if said["created"] == true {
            return Err(format!("events were expected, got {said}"));
        }
        let watch = said["watch_id"].as_i64().unwrap_or(0);
        let events = said["events"].as_array().map_or(0, Vec::len);
        if watch == -1 && events == 0 {
            self.progress = said["header"]["revision"].as_i64();
        }
        self.cut_off |= said["compact_revision"].as_i64().is_some_and(|revision| revision > 0);
        self.count += u64::try_from(events).unwrap_or(0);
        for (all, message) in [(&mut self.said, &said), (&mut self.shown, &shown)] {
            let list = all.entry(watch.to_string()).or_insert_with(|| json!([]));
            let Value::Array(list) = list else { continue };
            list.extend(message["events"].as_array().into_iter().flatten().cloned());
            if message["canceled"] == true {
                list.push(json!({"canceled": message["cancel_reason"], "compacted": message["compact_revision"]}));
            }
        }
        Ok(())
    }

    /// Milliseconds of silence after which a stream has said everything that it has to say for now. One that will tell no progress
    /// gets more: its other watches may still be behind.
    fn patience(&self) -> u64 {
        if self.cut_off { 1000 } else { 200 }
    }

    fn outcome(self) -> Outcome {
        let all = |events: Map<String, Value>| {
            Value::Object(events.into_iter().filter(|(_, list)| *list != json!([])).collect())
        };
        let (said, shown) = (all(self.said), all(self.shown));
        match self.progress {
            Some(revision) => Outcome::answers(
                &json!({"events": said, "revision": revision}),
                &json!({"events": shown, "revision": revision}),
            ),
            None => Outcome::answers(&said, &shown),
        }
    }
}

/// Asks a watch stream how far it is, until it says so or that a compaction ended a watch, and takes the events before that.
/// A server may keep silent while it catches up, so the question is put again.
async fn progress(session: &mut Session<'_>, step: &Step) -> Result<Outcome, String> {
    let name = name(&step.argument)?.to_owned();
    let mut gathered = Gathered::default();
    gathered.take_held(session, &name)?;
    let begun = Instant::now();
    while gathered.progress.is_none() && !gathered.cut_off {
        if begun.elapsed() > Duration::from_secs(EVENTUALLY_SECONDS_MAX) {
            return Err("the stream does not say how far it is".to_owned());
        }
        let ask = Step { argument: json!({name.clone(): {"progress_request": {}}}), ..step.clone() };
        session.send(&ask).await?;
        while let Some(answer) = session.stream(&name)?.receive_within(gathered.patience()).await {
            match answer {
                Ok(message) => gathered.add(session, &message)?,
                Err(status) => return Ok(session.refused(&status)),
            }
            if gathered.progress.is_some() && !gathered.cut_off {
                break;
            }
        }
    }
    gathered.progress = gathered.progress.filter(|_| !gathered.cut_off);
    Ok(gathered.outcome())
}

async fn silent(session: &mut Session<'_>, step: &Step) -> Result<(), String> {
    let (name, bound) = step.named()?;
    match session.stream(name)?.receive_within(milliseconds(bound)?).await {
        Some(answer) => Err(format!("nothing was expected, got {:?}", answer.map(|message| message.to_string()))),
        None => Ok(()),
    }
}

/// Says that no more requests come, and takes everything to the end of the stream.
async fn finish(session: &mut Session<'_>, step: &Step) -> Result<Outcome, String> {
    let name = name(&step.argument)?;
    let mut stream = session.streams.remove(name).ok_or_else(|| format!("no stream is called {name}"))?;
    stream.finish();
    let mut messages: Vec<DynamicMessage> = Vec::new();
    while let Some(answer) = stream.receive().await? {
        match answer {
            Ok(message) => messages.push(message),
            Err(status) => return Ok(session.refused(&status)),
        }
    }
    messages.iter().for_each(|message| session.coverage.answered(message));
    Ok(Outcome::messages(&messages, &mut session.masks))
}

async fn pending(session: &mut Session<'_>, step: &Step) -> Result<(), String> {
    let (name, bound) = step.named()?;
    sleep(Duration::from_millis(milliseconds(bound)?)).await;
    let (_, call) = session.calls.get(name).ok_or_else(|| format!("no call is called {name}"))?;
    if call.is_finished() { Err(format!("{name} should still wait")) } else { Ok(()) }
}

/// Gives a call up.
fn cancel(session: &mut Session<'_>, step: &Step) -> Result<(), String> {
    let name = name(&step.argument)?;
    let (_, call) = session.calls.remove(name).ok_or_else(|| format!("no call is called {name}"))?;
    call.abort();
    Ok(())
}

async fn join(session: &mut Session<'_>, step: &Step) -> Result<Outcome, String> {
    let name = name(&step.argument)?;
    let (method, call) = session.calls.remove(name).ok_or_else(|| format!("no call is called {name}"))?;
    let answers: Result<Vec<DynamicMessage>, Status> = session.answered(call).await?;
    Ok(session.outcome(&method, answers))
}

async fn restart(session: &mut Session<'_>, step: &Step) -> Result<(), String> {
    session.disconnect();
    match step.argument.as_str() {
        Some("stopped") => drop(session.server.stop().await),
        Some("killed") => session.server.kill(),
        _ => return Err("a server is `stopped` or `killed` before it starts again".to_owned()),
    }
    session.server.start().await;
    Ok(())
}
