//! The forms of a flag's value, as Go (and so etcd) reads them.

use std::time::Duration;

/// A boolean as Go's `strconv.ParseBool` accepts it.
pub(crate) fn switch(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// A whole number from zero up: decimal, or with one of Go's prefixes (`0x`, `0o`, `0b`).
pub(crate) fn whole(text: &str) -> Option<u64> {
    let digits = |prefix: &str| text.strip_prefix(prefix).or_else(|| text.strip_prefix(&prefix.to_uppercase()));
    let (digits, radix) = [("0x", 16), ("0o", 8), ("0b", 2)]
        .into_iter()
        .find_map(|(prefix, radix)| digits(prefix).map(|digits| (digits, radix)))
        .unwrap_or((text, 10));
    // Rust would take a sign here.
    digits.chars().next().filter(char::is_ascii_alphanumeric)?;
    u64::from_str_radix(digits, radix).ok()
}

/// A whole number with an optional sign.
pub(crate) fn signed(text: &str) -> Option<i128> {
    match text.strip_prefix('-') {
        Some(rest) => whole(rest).map(|number| -i128::from(number)),
        None => whole(text.strip_prefix('+').unwrap_or(text)).map(i128::from),
    }
}

/// A duration from zero up as Go's `time.ParseDuration` reads it: `10m`, `1h30m`, `1.5s`. At most 2^63 nanoseconds.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    let mut nanoseconds = 0u128;
    loop {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(number);
        let unit = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit);
        nanoseconds = nanoseconds.checked_add(scaled(number, nanoseconds_of(unit)?)?)?;
        if tail.is_empty() {
            break;
        }
        rest = tail;
    }
    i64::try_from(nanoseconds).ok()?;
    u64::try_from(nanoseconds).ok().map(Duration::from_nanos)
}

/// `number`, which may have a fraction, times `unit`.
fn scaled(number: &str, unit: u128) -> Option<u128> {
    let (integer, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| if text.is_empty() { Some(0) } else { text.parse::<u128>().ok() };
    if integer.is_empty() && fraction.is_empty() {
        return None;
    }
    // What is beyond the nanoseconds of an hour is lost, as in Go.
    let fraction = &fraction[..fraction.len().min(15)];
    let power = 10u128.pow(u32::try_from(fraction.len()).ok()?);
    digits(integer)?.checked_mul(unit)?.checked_add(digits(fraction)? * unit / power)
}

fn nanoseconds_of(unit: &str) -> Option<u128> {
    Some(match unit {
        "ns" => 1,
        // Both of Unicode's letters for it.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// The non-empty parts of a comma-separated list.
pub(crate) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        assert_eq!(duration("10m"), Some(Duration::from_secs(600)));
        assert_eq!(duration("1h30m"), Some(Duration::from_secs(5400)));
        assert_eq!(duration("1.5h"), Some(Duration::from_secs(5400)));
        assert_eq!(duration("+500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration(".5s1ns"), Some(Duration::from_nanos(500_000_001)));
        assert_eq!(duration("7µs"), Some(Duration::from_micros(7)));
        assert_eq!(duration("0s"), Some(Duration::ZERO));
        assert_eq!(duration("0"), Some(Duration::ZERO));
        for text in ["", "10", "m", "5 m", "-1s", ".s", "1x", "1..5s", "99999999999h", "1sm"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_read_as_go_reads_them() {
        assert_eq!(whole("18446744073709551615"), Some(u64::MAX));
        assert_eq!(whole("0x1F"), Some(31));
        assert_eq!(signed("-9223372036854775808"), Some(i128::from(i64::MIN)));
        assert_eq!(signed("+5"), Some(5));
        for text in ["", "-1", "+1", "0x+1", "x", "1.5", "18446744073709551616", "é"] {
            assert_eq!(whole(text), None, "{text}");
        }
        assert_eq!(signed("--1"), None);
    }

    #[test]
    fn lists_drop_blanks() {
        assert_eq!(list(" a,b ,,c").collect::<Vec<_>>(), ["a", "b", "c"]);
    }
}
