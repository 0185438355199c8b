//! Which headers of an HTTP request become metadata of its call.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use tonic::Status;

/// What precedes the name of metadata in that of a header.
pub(crate) const PREFIX: &str = "grpc-metadata-";
const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// The metadata of a call: `Authorization`, and what is named `Grpc-Metadata-...`. The service's own headers are not for
/// clients to set.
///
/// # Errors
/// Binary metadata that is no base64, or a timeout that is none.
pub(crate) fn of_request(headers: &HeaderMap) -> Result<HeaderMap, Status> {
    let mut metadata = HeaderMap::new();
    for (name, value) in headers {
        let Some(key) = name.as_str().strip_prefix(PREFIX) else { continue };
        if key.ends_with("-bin") {
            check_base64(name, value)?;
        } else if value.as_bytes().iter().any(|byte| !(0x20..=0x7e).contains(byte)) {
            continue;
        }
        if let Ok(key) = HeaderName::try_from(key) {
            metadata.append(key, value.clone());
        }
    }
    for value in headers.get_all(header::AUTHORIZATION) {
        metadata.append(header::AUTHORIZATION, value.clone());
    }
    if let Some(timeout) = headers.get(TIMEOUT) {
        if crate::deadline::parse(timeout).is_none() {
            let text = String::from_utf8_lossy(timeout.as_bytes());
            return Err(Status::invalid_argument(format!("invalid grpc-timeout: {text}")));
        }
        metadata.insert(TIMEOUT, timeout.clone());
    }
    metadata.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    metadata.insert(header::TE, HeaderValue::from_static("trailers"));
    Ok(metadata)
}

fn check_base64(name: &HeaderName, value: &HeaderValue) -> Result<(), Status> {
    let engine = if value.len().is_multiple_of(4) { &STANDARD } else { &STANDARD_NO_PAD };
    let Err(error) = engine.decode(value) else { return Ok(()) };
    let at = match error {
        base64::DecodeError::InvalidByte(at, _) | base64::DecodeError::InvalidLastSymbol(at, _) => at,
        _ => value.len(),
    };
    let text = format!("invalid binary header {}: illegal base64 data at input byte {at}", canonical(name));
    Err(Status::invalid_argument(text))
}

/// A header's name as Go spells it: `X-Forwarded-For`.
fn canonical(name: &HeaderName) -> String {
    let capital = |part: &str| match part.split_at_checked(1) {
        Some((first, rest)) => first.to_ascii_uppercase() + rest,
        None => String::new(),
    };
    name.as_str().split('-').map(capital).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn only_what_is_meant_for_the_call_is_passed_on() {
        let found = of_request(&headers(&[
            ("authorization", "abc"),
            ("grpc-metadata-hasleader", "true"),
            ("grpc-metadata-content-type", "text/plain"),
            ("cookie", "a=b"),
            ("grpc-timeout", "5S"),
        ]))
        .unwrap();
        let value = |name: &str| found.get(name).map(|value| value.to_str().unwrap());
        assert_eq!((value("authorization"), value("hasleader")), (Some("abc"), Some("true")));
        assert_eq!((value("content-type"), value("cookie")), (Some("application/grpc"), None));
        assert_eq!(value("grpc-timeout"), Some("5S"));
    }

    #[test]
    fn errors_are_gos() {
        let error = |name, value| of_request(&headers(&[(name, value)])).unwrap_err().message().to_owned();
        assert_eq!(error("grpc-timeout", "zz"), "invalid grpc-timeout: zz");
        let expected = "invalid binary header Grpc-Metadata-X-Bin: illegal base64 data at input byte 0";
        assert_eq!(error("grpc-metadata-x-bin", "!!"), expected);
    }
}
