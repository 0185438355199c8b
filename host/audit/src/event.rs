//! What is recorded.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Longest event in bytes; longer texts are cut.
pub const EVENT_BYTES_MAX: usize = 16 * 1024;

/// Longest text within an event, in characters.
const TEXT_MAX: usize = 512;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When, in RFC 3339, by the clock of the member that was asked.
    pub time: String,
    /// The id of that member, in hexadecimal.
    pub member: String,
    /// What it tells of.
    pub stage: Stage,
    /// What the two events of one action have in common.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub action: String,
    /// The call, as `package.Service/Method`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub call: String,
    /// The listener that it came by: `admin` or `client`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub listener: String,
    /// Who called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<Who>,
    /// What was asked for, as far as it holds no value, or what else is to be told.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub what: BTreeMap<String, String>,
    /// SHA-256 of the request, of a call that takes two administrators.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub request: String,
    /// Until when another administrator may second it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub expires: String,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

/// What an event tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// An administrator asks for what takes another one, who has not asked for it yet.
    Asked,
    /// An action is about to be carried out. Without an end, nobody can say whether it was.
    Begun,
    /// The action of the same id has ended.
    Ended,
    /// A call that changes nothing was answered.
    Called,
    /// A call was refused to whoever made it.
    Refused,
    /// Values of a sealed prefix were read.
    SealedRead,
    /// Plugins had something to say of a write, which has a revision if they let it pass.
    Remarked,
    /// Some events are not recorded: see there how many, and why.
    Missing,
}

/// Who made a call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// The rule that gave them their office, or what their certificate calls them.
    pub name: String,
    /// SHA-256 of their certificate, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// The user that they act as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Where they connected from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The code of gRPC, as `OK` or `PERMISSION_DENIED`.
    pub code: String,
    /// Why, where that tells nothing of values.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

impl Event {
    /// An event of now, of which nothing is known yet but what it tells of.
    #[must_use]
    pub fn new(member_id: u64, stage: Stage) -> Self {
        Self {
            time: now(),
            member: format!("{member_id:x}"),
            stage,
            action: String::new(),
            call: String::new(),
            listener: String::new(),
            who: None,
            what: BTreeMap::new(),
            request: String::new(),
            expires: String::new(),
            outcome: None,
        }
    }

    /// As it is written down: JSON in one line.
    #[must_use]
    pub fn encode(mut self) -> String {
        self.cut();
        let text = serde_json::to_string(&self).unwrap_or_default();
        if text.len() <= EVENT_BYTES_MAX {
            return text;
        }
        self.what = BTreeMap::from([("cut".to_owned(), "what was asked for is too long to be recorded".to_owned())]);
        serde_json::to_string(&self).unwrap_or_default()
    }

    fn cut(&mut self) {
        self.what.values_mut().for_each(cut);
        if let Some(outcome) = &mut self.outcome {
            cut(&mut outcome.message);
        }
        if let Some(who) = &mut self.who {
            cut(&mut who.name);
            who.user.iter_mut().for_each(cut);
        }
    }
}

fn cut(text: &mut String) {
    if let Some((at, _)) = text.char_indices().nth(TEXT_MAX) {
        text.truncate(at);
        text.push_str("...");
    }
}

/// Now, as events tell the time.
#[must_use]
pub fn now() -> String {
    time(SystemTime::now())
}

/// A time in RFC 3339 to the millisecond. Texts of this form are in the order of their times.
#[must_use]
pub fn time(at: SystemTime) -> String {
    let at = OffsetDateTime::from(at);
    let (hour, minute, second, ms) = at.to_hms_milli();
    format!("{:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z", at.year(), u8::from(at.month()), at.day())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_of_bounded_length() {
        let mut event = Event::new(0xab, Stage::Begun);
        event.what = (0..100).map(|at| (format!("field\n{at}"), "\u{e9}\n".repeat(4000))).collect();
        event.outcome = Some(Outcome { code: "OK".to_owned(), message: "x".repeat(100_000) });
        event.who = Some(Who { name: "y\n".repeat(10_000), user: Some("z".repeat(10_000)), ..Who::default() });
        let text = event.encode();
        assert!(text.len() <= EVENT_BYTES_MAX && !text.contains('\n'), "{} bytes", text.len());
        let back: Event = serde_json::from_str(&text).unwrap();
        assert_eq!((back.member.as_str(), back.stage), ("ab", Stage::Begun));
    }

    #[test]
    fn times_are_told_in_their_order() {
        let at = |ms| time(SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(ms));
        assert_eq!(at(1_795_926_067_007), "2026-11-29T04:21:07.007Z");
        assert!(at(999) < at(1000) && at(86_399_999) < at(86_400_000));
    }

    #[test]
    fn what_is_unknown_is_left_out() {
        let text = Event { time: "t".to_owned(), ..Event::new(1, Stage::Missing) }.encode();
        assert_eq!(text, r#"{"time":"t","member":"1","stage":"missing"}"#);
    }
}
