//! How long a caller waits for a call: the `grpc-timeout` of its request.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};

/// The time that a request leaves for its call, if it says one. One that cannot be read counts as none.
pub(crate) fn of_request(headers: &HeaderMap) -> Option<Duration> {
    headers.get("grpc-timeout").and_then(parse)
}

/// A timeout as gRPC writes it: a number of at most eight digits and a unit.
pub(crate) fn parse(timeout: &HeaderValue) -> Option<Duration> {
    let text = timeout.to_str().ok()?;
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if number.is_empty() || number.len() > 8 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = number.parse::<u64>().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_a_number_and_a_unit() {
        let parse = |text: &'static str| parse(&HeaderValue::from_static(text));
        assert_eq!(parse("5S"), Some(Duration::from_secs(5)));
        assert_eq!(parse("99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
        assert_eq!((parse("1n"), parse("20m")), (Some(Duration::from_nanos(1)), Some(Duration::from_millis(20))));
        for text in ["", "S", "5", "zz", "-5S", "123456789S", "5s"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
