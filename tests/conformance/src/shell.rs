//! The real `etcdctl`.

use serde_json::{Value, json};

use crate::{case::Step, json, outcome::Outcome, session::Session};

/// Runs it to its end, or until it has printed as many lines as the step wants.
pub(crate) async fn run(session: &mut Session<'_>, step: &Step) -> Result<Outcome, String> {
    let words = words(&step.argument)?;
    let arguments: Vec<&str> = words.iter().map(String::as_str).collect();
    let etcdctl = session.server.etcdctl();
    if let Some(lines) = step.options.lines {
        let printed = etcdctl.start(&arguments).lines(lines).await;
        return Ok(printed_as(session, &printed));
    }
    let input = step.options.input.as_deref().unwrap_or_default();
    let finished = etcdctl.run_with_input(&arguments, input).await;
    if finished.success {
        return Ok(printed_as(session, &finished.stdout));
    }
    Ok(Outcome::failure(&finished.error, &session.masks))
}

fn printed_as(session: &mut Session<'_>, printed: &str) -> Outcome {
    let shown = json::printed(printed, &mut session.masks);
    Outcome::answers(&json!({"printed": printed}), &json!({"printed": shown}))
}

/// A line of words, or a list of them where one has a space or is empty.
fn words(argument: &Value) -> Result<Vec<String>, String> {
    match argument {
        Value::String(line) => Ok(line.split_whitespace().map(str::to_owned).collect()),
        Value::Array(words) => {
            let word = |word: &Value| word.as_str().map_or_else(|| word.to_string(), str::to_owned);
            Ok(words.iter().map(word).collect())
        }
        other => Err(format!("{other} is no command line")),
    }
}
