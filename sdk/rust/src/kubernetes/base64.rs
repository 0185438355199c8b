//! Base64 with padding (RFC 4648, section 4), as Kubernetes writes bytes into JSON.

/// What the text stands for. Line ends in it do not count, as for the API server.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(text.len() / 4 * 3);
    let (mut held, mut letters, mut padding) = (0_u32, 0_usize, 0_usize);
    for byte in text.bytes() {
        match byte {
            b'\r' | b'\n' => continue,
            b'=' => padding += 1,
            _ if padding > 0 => return None,
            _ => {
                held = held << 6 | sextet(byte)?;
                letters += 1;
                if letters.is_multiple_of(4) {
                    let [_, bytes @ ..] = held.to_be_bytes();
                    plain.extend_from_slice(&bytes);
                }
            }
        }
    }
    match (letters % 4, padding) {
        (0, 0) => {}
        (2, 2) => plain.push((held >> 4) as u8),
        (3, 1) => plain.extend_from_slice(&[(held >> 10) as u8, (held >> 2) as u8]),
        _ => return None,
    }
    Some(plain)
}

fn sextet(byte: u8) -> Option<u32> {
    let sextet = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(sextet.into())
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn what_is_padded_is_decoded() {
        for (text, plain) in [
            ("", "".as_bytes()),
            ("Zg==", b"f"),
            ("Zm8=", b"fo"),
            ("Zm9v", b"foo"),
            ("Zm9v\nYg=\r\n=\n", b"foob"),
            ("+/8A", &[0xfb, 0xff, 0]),
        ] {
            assert_eq!(decode(text).as_deref(), Some(plain), "{text}");
        }
    }

    #[test]
    fn everything_else_is_not() {
        for text in
            ["Z", "Zg", "Zg=", "Zg===", "Z===", "====", "=", "Zm9vZ===", "Zg==Zg==", "Zm9=v", "Z-__", "Zm 9v", "é"]
        {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
