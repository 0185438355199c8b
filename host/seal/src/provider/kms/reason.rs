//! What is told of a plugin's failures: its own words, cut, cleaned, and never what it was sent.

use std::error::Error;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
use tonic::Status;

/// Longest text of a plugin that is repeated, in characters.
const CHARACTERS_MAX: usize = 200;

/// How much of what was sent has to stand in a message for the message to be withheld, in bytes. A multiple of three,
/// so that its base64 does not depend on what follows.
const TELLTALE_BYTES: usize = 9;

/// Why a call failed. `sent` is what the plugin was sent in it.
pub(super) fn of(status: &Status, sent: &[u8]) -> String {
    if let Some(cause) = root_cause(status) {
        return format!("the connection failed: {}", clean(&cause));
    }
    let message = if repeats(status.message(), sent) { "(it repeats what it was sent)" } else { status.message() };
    format!("it answered {:?}: {}", status.code(), clean(message))
}

/// The first characters of a text, without what could move a terminal's cursor or begin a line of a log.
pub(super) fn clean(text: &str) -> String {
    let shown = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    text.chars().take(CHARACTERS_MAX).map(shown).collect()
}

/// What broke below gRPC; a status that the plugin sent has no cause here.
fn root_cause(status: &Status) -> Option<String> {
    let mut cause = status.source()?;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    Some(cause.to_string())
}

/// Whether the beginning of what was sent stands in the message, in one of the usual notations.
fn repeats(message: &str, sent: &[u8]) -> bool {
    let Some(start) = sent.get(..TELLTALE_BYTES) else { return false };
    let (list, numbers) = (format!("{start:?}"), message.replace(',', ""));
    let list = list[1..list.len() - 1].replace(',', "");
    let plain = [BASE64_STANDARD.encode(start), BASE64_URL_SAFE.encode(start)];
    plain.iter().any(|text| message.contains(text))
        || message.to_ascii_lowercase().contains(&hex::encode(start))
        || numbers.contains(&list)
        || message.as_bytes().windows(start.len()).any(|part| part == start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_cut_and_cleaned() {
        let status = Status::internal(format!("a\nb\x1b[2Jc\u{85}{}", "ä".repeat(500)));
        let reason = of(&status, b"");
        assert!(reason.starts_with("it answered Internal: a\u{fffd}b\u{fffd}[2Jc\u{fffd}ä"), "{reason}");
        assert_eq!(reason.chars().count(), "it answered Internal: ".chars().count() + CHARACTERS_MAX);
    }

    #[test]
    fn a_message_that_repeats_what_was_sent_is_withheld() {
        let sent: Vec<u8> = (0..32_u8).map(|at| 0x41 + at).collect();
        let list = format!("{sent:?}");
        let echoes = [
            String::from_utf8(sent.clone()).unwrap(),
            hex::encode(&sent),
            hex::encode_upper(&sent),
            BASE64_STANDARD.encode(&sent),
            list.replace(',', ""),
            list,
        ];
        for echo in echoes {
            let reason = of(&Status::unknown(format!("cannot decrypt {echo}")), &sent);
            assert_eq!(reason, "it answered Unknown: (it repeats what it was sent)", "{echo}");
        }
        assert_eq!(of(&Status::unknown("no access"), &sent), "it answered Unknown: no access");
    }
}
