//! What came of a step: as it was said, and as it is compared.

use prost_reflect::DynamicMessage;
use serde_json::{Value, json};
use tonic::Status;

use crate::{
    case::Step,
    errors::Errors,
    expect::{self, Names},
    mask::Masks,
    message,
};

/// `{answer: ...}` or `{error: {code, message}}`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outcome {
    /// With the ids that the server chose, for what a case expects and remembers.
    pub(crate) said: Value,
    /// With names in their place, for the comparison.
    pub(crate) shown: Value,
}

impl Outcome {
    /// An answer in its two forms.
    pub(crate) fn answers(said: &Value, shown: &Value) -> Self {
        Self { said: json!({"answer": said}), shown: json!({"answer": shown}) }
    }

    /// A message.
    pub(crate) fn message(message: &DynamicMessage, masks: &mut Masks) -> Self {
        Self::answers(&message::show(message, &mut |_, value| value), &masks.show(message))
    }

    /// Messages, as a list.
    pub(crate) fn messages(messages: &[DynamicMessage], masks: &mut Masks) -> Self {
        let said = messages.iter().map(|message| message::show(message, &mut |_, value| value)).collect();
        let shown = messages.iter().map(|message| masks.show(message)).collect();
        Self::answers(&said, &shown)
    }

    /// A refusal.
    pub(crate) fn error(status: &Status, masks: &Masks) -> Self {
        let code = format!("{:?}", status.code());
        let said = json!({"error": {"code": code, "message": status.message()}});
        let shown = json!({"error": {"code": code, "message": masks.text(status.message())}});
        Self { said, shown }
    }

    /// A failure of a program that gives no code.
    pub(crate) fn failure(message: &str, masks: &Masks) -> Self {
        Self { said: json!({"error": {"message": message}}), shown: json!({"error": {"message": masks.text(message)}}) }
    }

    /// The code and the message of a refusal.
    pub(crate) fn refusal(&self) -> Option<(&str, &str)> {
        let error = self.said.get("error")?;
        Some((error["code"].as_str()?, error["message"].as_str()?))
    }
}

/// Holds an outcome against what its step expects; a step that says nothing expects success.
pub(crate) fn check(
    step: &Step,
    ours: bool,
    outcome: &Outcome,
    names: &mut Names,
    errors: &Errors,
) -> Result<(), String> {
    if step.options.any {
        return Ok(());
    }
    let deliberate = step.options.deliberate.as_ref().filter(|_| ours);
    let (expected, error) = match deliberate {
        Some(deliberate) => (deliberate.expect.as_ref(), deliberate.error.as_ref()),
        None => (step.options.expect.as_ref(), step.options.error.as_ref()),
    };
    if let Some(error) = error {
        let wanted = errors.meant_by(error)?;
        let refusal = outcome.said.get("error").ok_or_else(|| format!("expected {wanted}, got {}", outcome.said))?;
        return expect::meets(&wanted, Some(refusal), names);
    }
    let answer = outcome.said.get("answer").ok_or_else(|| format!("expected an answer, got {}", outcome.said))?;
    let received = step.action == "receive";
    let argument = step.argument.as_object().filter(|_| received).and_then(|fields| fields.values().next());
    for expected in expected.into_iter().chain(argument.filter(|expected| !expected.is_null())) {
        expect::meets(expected, Some(answer), names)?;
    }
    let status = answer.get("status").filter(|_| step.action == "http" && expected.is_none());
    if status.is_some_and(|status| *status != 200) { Err(format!("expected status 200, got {answer}")) } else { Ok(()) }
}
