//! Walking through bytes that are mostly text.

use memchr::{memchr, memmem};

/// Where `needle` stands in `text`, overlapping ones as well.
pub(crate) fn positions<'a>(text: &'a [u8], needle: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let (finder, mut from) = (memmem::Finder::new(needle), 0);
    core::iter::from_fn(move || {
        let at = from + finder.find(text.get(from..)?)?;
        from = at + 1;
        Some(at)
    })
}

/// The text after spaces, tabs and line ends.
pub(crate) fn skip_space(text: &[u8]) -> &[u8] {
    text.trim_ascii_start()
}

/// The text after spaces and tabs only.
pub(crate) fn skip_blank(text: &[u8]) -> &[u8] {
    let blank = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    &text[blank..]
}

/// One layer of JSON string escapes taken off; `None` when there is none to take.
pub(crate) fn unescaped(text: &[u8]) -> Option<Vec<u8>> {
    memchr(b'\\', text)?;
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'\\', [b'u', digits @ ..]) if ascii_escape(digits).is_some() => {
                plain.extend(ascii_escape(digits));
                rest = &digits[4..];
            }
            (b'\\', [letter, after @ ..]) => {
                plain.push(control(*letter));
                rest = after;
            }
            _ => plain.push(*first),
        }
    }
    Some(plain)
}

fn control(letter: u8) -> u8 {
    match letter {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'f' => 12,
        other => other,
    }
}

/// The byte of a `\u` escape, if it stands for one; what is looked for here is all ASCII.
fn ascii_escape(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits.get(..4)?).ok()?;
    let code = u32::from_str_radix(digits, 16).ok()?;
    u8::try_from(code).ok().filter(u8::is_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_position_is_found() {
        assert_eq!(positions(b"ababab", b"abab").collect::<Vec<_>>(), [0, 2]);
        assert_eq!(positions(b"ab", b"abab").count(), 0);
    }

    #[test]
    fn one_layer_of_escapes_comes_off_at_a_time() {
        assert_eq!(unescaped(br#"{\\\"a\u002D\n"#).unwrap(), b"{\\\"a-\n");
        assert_eq!(unescaped(b"plain"), None);
        assert_eq!(unescaped(br"end\").unwrap(), br"end\");
        assert_eq!(unescaped(br"\u20ac").unwrap(), b"u20ac");
    }
}
