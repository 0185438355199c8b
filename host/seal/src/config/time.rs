//! Spans of time as text: `90d`, `12h`, `1m30s`, `500ms`.

use std::time::Duration;

const UNITS_MS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1000), ("m", 60 * 1000), ("h", 60 * 60 * 1000), ("d", 24 * 60 * 60 * 1000)];

/// One or more whole numbers, each with its unit.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let (mut rest, mut total_ms) = (text, 0u64);
    while !rest.is_empty() || text.is_empty() {
        let (number, after) = leading(rest, |byte| byte.is_ascii_digit());
        let (unit, after) = leading(after, |byte| byte.is_ascii_alphabetic());
        let (_, unit_ms) = UNITS_MS.iter().find(|(name, _)| *name == unit)?;
        total_ms = number.parse::<u64>().ok()?.checked_mul(*unit_ms)?.checked_add(total_ms)?;
        rest = after;
    }
    Some(Duration::from_millis(total_ms))
}

/// The same for a command line.
///
/// # Errors
/// With a sentence.
pub fn parse_period(text: &str) -> Result<Duration, String> {
    parse(text).ok_or_else(|| "give whole numbers with units, as 90d, 12h or 1m30s".to_owned())
}

fn leading(text: &str, belongs: impl Fn(u8) -> bool) -> (&str, &str) {
    text.split_at(text.bytes().take_while(|byte| belongs(*byte)).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_units_add_up() {
        let cases = [("500ms", 500), ("3s", 3000), ("1m30s", 90_000), ("12h", 43_200_000), ("90d", 7_776_000_000)];
        for (text, ms) in cases {
            assert_eq!(parse(text), Some(Duration::from_millis(ms)), "{text}");
        }
        assert_eq!(parse("0s"), Some(Duration::ZERO));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "3", "s", "3 s", "-3s", "+3s", "1.5s", "3S", "3s ", " 3s", "3w", "3s4", "ß", "1d\0"] {
            assert_eq!(parse(text), None, "{text}");
        }
        for text in ["18446744073709551616ms", "18446744073709551615d", "18446744073709551615ms1ms"] {
            assert_eq!(parse(text), None, "{text} does not fit");
        }
    }
}
