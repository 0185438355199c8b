//! Secrets that are one token or one line: private keys, access key ids, signed tokens.

use memchr::memchr;

use crate::text::{positions, skip_space};

/// Characters of an AWS access key id after its four-letter prefix.
const AWS_SUFFIX_LEN: usize = 16;
/// Longest label of a PEM block that is read; the longest in use is `ENCRYPTED PRIVATE KEY`.
const PEM_LABEL_LEN_MAX: usize = 64;

/// Whether a line of `text` opens a PEM private key, of any algorithm, OpenSSH and PGP included.
pub(crate) fn has_pem_private_key(text: &[u8]) -> bool {
    const OPEN: &[u8] = b"-----BEGIN ";
    positions(text, OPEN).any(|at| {
        let rest = &text[at + OPEN.len()..];
        let label_len = rest.iter().take(PEM_LABEL_LEN_MAX).take_while(|byte| is_pem_label(**byte)).count();
        let (label, close) = rest.split_at(label_len);
        close.starts_with(b"-----") && positions(label, b"PRIVATE KEY").next().is_some()
    })
}

fn is_pem_label(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b' '
}

/// Whether `AKIA` or `ASIA` with 16 capitals or digits stands in `text` as a word of its own.
pub(crate) fn has_aws_access_key_id(text: &[u8]) -> bool {
    let is_upper = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    let is_in_word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let mut prefixes = positions(text, b"AKIA").chain(positions(text, b"ASIA"));
    prefixes.any(|at| {
        let (before, word) = text.split_at(at);
        let suffix = word[4..].iter().take_while(|byte| is_upper(byte)).count();
        suffix == AWS_SUFFIX_LEN && !is_in_word(before.last()) && !is_in_word(word.get(4 + AWS_SUFFIX_LEN))
    })
}

/// Whether three base64url parts, joined by dots, stand in `text`, of which the first is a JOSE header.
pub(crate) fn has_jwt(text: &[u8]) -> bool {
    if memchr(b'.', text).is_none() {
        return false;
    }
    let runs = text.split(|byte| base64url(*byte).is_none() && *byte != b'.');
    runs.filter(|run| run.contains(&b'.')).any(|run| {
        let parts: Vec<&[u8]> = run.split(|byte| *byte == b'.').collect();
        parts.windows(3).any(|three| three.iter().all(|part| !part.is_empty()) && is_jose_header(three[0]))
    })
}

fn is_jose_header(part: &[u8]) -> bool {
    let Some(header) = decode_base64url(part) else { return false };
    let header = header.trim_ascii();
    let is_object = header.starts_with(b"{") && header.ends_with(b"}");
    is_object && positions(header, b"\"alg\"").any(|at| skip_space(&header[at + 5..]).starts_with(b":"))
}

fn decode_base64url(part: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(part.len() / 4 * 3 + 2);
    for chunk in part.chunks(4) {
        if chunk.len() == 1 {
            return None;
        }
        let mut bits: u32 = 0;
        for byte in chunk {
            bits = bits << 6 | u32::from(base64url(*byte)?);
        }
        bits <<= 6 * (4 - chunk.len());
        decoded.extend(&bits.to_be_bytes()[1..chunk.len()]);
    }
    Some(decoded)
}

fn base64url(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'-' => Some(62),
        b'_' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64url_is_decoded_without_padding() {
        for (encoded, plain) in [("Zg", "f"), ("Zm8", "fo"), ("Zm9v", "foo"), ("Zm9vYg", "foob")] {
            assert_eq!(decode_base64url(encoded.as_bytes()).unwrap(), plain.as_bytes());
        }
        assert_eq!(decode_base64url(b"Zm9vY"), None);
        assert_eq!(decode_base64url(b"-_8").unwrap(), [0xfb, 0xff]);
    }
}
