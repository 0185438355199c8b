//! The tokens of one JSON value that the scanner has passed, with their places for error texts.

use std::borrow::Cow;

/// What a message in JSON is refused with: the text that Go's `protojson` gives.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("proto: {0}")]
pub(crate) struct Malformed(pub(crate) String);

/// The kind of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Bool,
    Number,
    Text,
    OpenObject,
    CloseObject,
    OpenArray,
    CloseArray,
}

/// One token: commas and colons are not among them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    /// As it was written.
    pub(crate) raw: &'a [u8],
    at: usize,
}

impl Token<'_> {
    /// As it was written, for error texts.
    pub(crate) fn shown(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.raw)
    }
}

/// Reads tokens. The input is one whole value whose syntax was checked; what is left to find wrong is in its strings.
#[derive(Debug)]
pub(crate) struct Tokens<'a> {
    input: &'a [u8],
    next: usize,
}

impl<'a> Tokens<'a> {
    /// The tokens of `input`.
    pub(crate) fn new(input: &'a [u8]) -> Self {
        Self { input, next: 0 }
    }

    /// The next token, which stays the next.
    pub(crate) fn peek(&mut self) -> Result<Token<'a>, Malformed> {
        let token = self.read()?;
        self.next = token.at;
        Ok(token)
    }

    /// The next token.
    pub(crate) fn read(&mut self) -> Result<Token<'a>, Malformed> {
        while self.byte().is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b':')) {
            self.next += 1;
        }
        let at = self.next;
        let Some(first) = self.byte() else { return Err(Malformed("unexpected EOF".to_owned())) };
        let (kind, length) = match first {
            b'{' => (Kind::OpenObject, 1),
            b'}' => (Kind::CloseObject, 1),
            b'[' => (Kind::OpenArray, 1),
            b']' => (Kind::CloseArray, 1),
            b'"' => (Kind::Text, self.text_length()),
            b'n' => (Kind::Null, 4),
            b't' => (Kind::Bool, 4),
            b'f' => (Kind::Bool, 5),
            _ => (Kind::Number, self.number_length()),
        };
        self.next = (at + length).min(self.input.len());
        let token = Token { kind, raw: &self.input[at..self.next], at };
        if kind == Kind::Text {
            self.check_text(&token)?;
        }
        Ok(token)
    }

    /// What the scanner lets pass and Go's second reader does not: broken UTF-8, and half a surrogate pair.
    fn check_text(&self, token: &Token<'_>) -> Result<(), Malformed> {
        let Ok(text) = std::str::from_utf8(token.raw) else {
            return Err(self.syntax_error(token, "invalid UTF-8 in string"));
        };
        let Some(half) = half_pair(text) else { return Ok(()) };
        // Go's reader wants another escape of six bytes after the first half.
        match self.input.get(token.at + half..token.at + half + ESCAPE_BYTES) {
            None => Err(Malformed("unexpected EOF".to_owned())),
            Some(next) => {
                let next = String::from_utf8_lossy(next);
                Err(self.syntax_error(token, format_args!("invalid escape code {next:?} in string")))
            }
        }
    }

    /// Passes over the next value, however deep.
    pub(crate) fn skip_value(&mut self) -> Result<(), Malformed> {
        let mut depth = 0_usize;
        loop {
            match self.read()?.kind {
                Kind::OpenObject | Kind::OpenArray => depth += 1,
                Kind::CloseObject | Kind::CloseArray => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// The text of a string token.
    pub(crate) fn text(&self, token: &Token<'a>) -> Result<Cow<'a, str>, Malformed> {
        let unreadable = || self.syntax_error(token, "invalid escape code in string");
        if token.raw.contains(&b'\\') {
            return serde_json::from_slice(token.raw).map(Cow::Owned).map_err(|_| unreadable());
        }
        let inner = token.raw.get(1..token.raw.len().saturating_sub(1)).unwrap_or_default();
        std::str::from_utf8(inner).map(Cow::Borrowed).map_err(|_| unreadable())
    }

    /// An error of the value at `token`.
    pub(crate) fn error(&self, token: &Token<'_>, text: impl std::fmt::Display) -> Malformed {
        Malformed(format!("{}: {text}", self.place(token)))
    }

    /// A token where another kind of token must be.
    pub(crate) fn unexpected(&self, token: &Token<'_>) -> Malformed {
        self.syntax_error(token, format_args!("unexpected token {}", token.shown()))
    }

    fn syntax_error(&self, token: &Token<'_>, text: impl std::fmt::Display) -> Malformed {
        Malformed(format!("syntax error {}: {text}", self.place(token)))
    }

    fn place(&self, token: &Token<'_>) -> String {
        let before = &self.input[..token.at];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let column = String::from_utf8_lossy(&before[start..]).chars().count() + 1;
        format!("(line {line}:{column})")
    }

    fn byte(&self) -> Option<u8> {
        self.input.get(self.next).copied()
    }

    fn text_length(&self) -> usize {
        let mut escaped = false;
        let end = self.input[self.next + 1..].iter().position(|byte| {
            let ends = *byte == b'"' && !escaped;
            escaped = *byte == b'\\' && !escaped;
            ends
        });
        end.map_or(self.input.len() - self.next, |end| end + 2)
    }

    fn number_length(&self) -> usize {
        let of_number = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E');
        self.input[self.next..].iter().take_while(|byte| of_number(byte)).count().max(1)
    }
}

/// A `\u` and four digits.
const ESCAPE_BYTES: usize = 6;

/// Where the first half of a surrogate pair without its second half ends, if there is one.
fn half_pair(text: &str) -> Option<usize> {
    let code = |at: usize| {
        let digits = text.get(at..at + ESCAPE_BYTES)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let mut at = 0;
    while let Some(found) = text.get(at..)?.find('\\') {
        at += found;
        let Some(unit) = code(at) else {
            // An escape of two bytes, which may be a backslash itself.
            at += 2;
            continue;
        };
        at += ESCAPE_BYTES;
        if (0xd800..0xe000).contains(&unit) {
            let second = code(at).filter(|second| unit < 0xdc00 && (0xdc00..0xe000).contains(second));
            if second.is_none() {
                return Some(at);
            }
            at += ESCAPE_BYTES;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind> {
        let mut tokens = Tokens::new(text.as_bytes());
        std::iter::from_fn(|| tokens.read().ok().map(|token| token.kind)).collect()
    }

    #[test]
    fn tokens_come_in_order() {
        use Kind::{Bool, CloseArray, CloseObject, Null, Number, OpenArray, OpenObject, Text};
        let expected = [OpenObject, Text, OpenArray, Number, Null, Bool, CloseArray, Text, Text, CloseObject];
        assert_eq!(kinds(r#"{"a": [-1.5e3, null,true], "b\"" : "\\"}"#), expected);
    }

    #[test]
    fn places_count_lines_and_characters() {
        let mut tokens = Tokens::new("{\n \"é\": 1".as_bytes());
        let place = |tokens: &mut Tokens<'_>| {
            let token = tokens.read().unwrap();
            tokens.error(&token, "x").to_string()
        };
        assert_eq!(place(&mut tokens), "proto: (line 1:1): x");
        assert_eq!(place(&mut tokens), "proto: (line 2:2): x");
        assert_eq!(place(&mut tokens), "proto: (line 2:7): x");
    }

    #[test]
    fn a_deep_value_is_passed_over_without_recursion() {
        let deep = format!("{}1{} 2", "[".repeat(100_000), "]".repeat(100_000));
        let mut tokens = Tokens::new(deep.as_bytes());
        tokens.skip_value().unwrap();
        assert_eq!(tokens.read().unwrap().raw, b"2");
    }

    #[test]
    fn half_a_surrogate_pair_and_broken_utf8_are_refused() {
        let error = |text: &str| Tokens::new(text.as_bytes()).read().unwrap_err().to_string();
        assert_eq!(error(r#""\ud800""#), "proto: unexpected EOF");
        for text in [r#""\ud800abcdef""#, r#""\\\udc00abcdef""#] {
            assert_eq!(error(text), r#"proto: syntax error (line 1:1): invalid escape code "abcdef" in string"#);
        }
        assert!(Tokens::new(br#"{"a":"\ud800x"}"#).skip_value().is_err());
        assert!(Tokens::new(br#""\\ud800""#).read().is_ok());
        assert!(Tokens::new(br#""\ud83d\ude00\n""#).read().is_ok());
        assert!(Tokens::new(b"\"\xff\"").read().is_err());
    }
}
