//! Cuts one JSON value after another out of a stream of bytes, as Go's `encoding/json` does, with its error texts.
//!
//! It is a state machine over bytes: it can stop anywhere and go on when more has come, and its depth is a number, not
//! the depth of our stack.

use std::fmt;

/// Deepest nesting of arrays and objects: Go's own bound.
const DEPTH_MAX: usize = 10_000;

/// What the scanner made of a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The value goes on, or has not begun.
    More,
    /// The byte ended the value and belongs to it.
    Ended,
    /// The value, a number, had ended before the byte.
    EndedBefore,
}

/// A byte that cannot be where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    byte: u8,
    context: Context,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Context {
    Place(&'static str),
    Literal { word: &'static str, expected: u8 },
    Depth,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid character {} ", Quoted(self.byte))?;
        match self.context {
            Context::Place(place) => f.write_str(place),
            Context::Literal { word, expected } => write!(f, "in literal {word} (expecting {})", Quoted(expected)),
            Context::Depth => f.write_str("exceeded max depth"),
        }
    }
}

/// A byte as Go quotes it.
struct Quoted(u8);

impl fmt::Display for Quoted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            b'\'' => f.write_str(r"'\''"),
            b'\\' => f.write_str(r"'\\'"),
            b'\n' => f.write_str(r"'\n'"),
            b'\r' => f.write_str(r"'\r'"),
            b'\t' => f.write_str(r"'\t'"),
            0x07 => f.write_str(r"'\a'"),
            0x08 => f.write_str(r"'\b'"),
            0x0b => f.write_str(r"'\v'"),
            0x0c => f.write_str(r"'\f'"),
            low @ (0..=0x1f | 0x7f) => write!(f, "'\\x{low:02x}'"),
            high @ (0x80..=0xa0 | 0xad) => write!(f, "'\\u{high:04x}'"),
            other => write!(f, "'{}'", char::from(other)),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Text,
    Escape,
    Hex(u8),
    Minus,
    Zero,
    Digits,
    Point,
    Fraction,
    Exponent,
    ExponentSign,
    ExponentDigits,
    Literal { word: &'static str, at: usize },
    AfterValue,
}

/// Where inside an array or object the scanner is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    Key,
    Member,
    Array,
}

/// Looks for the end of one value.
#[derive(Debug)]
pub(crate) struct Scanner {
    state: State,
    inside: Vec<Inside>,
    started: bool,
}

impl Scanner {
    /// Before a value.
    pub(crate) fn new() -> Self {
        Self { state: State::Value, inside: Vec::new(), started: false }
    }

    /// Whether a byte that is not space has come.
    pub(crate) fn has_started(&self) -> bool {
        self.started
    }

    /// Whether the bytes so far are a whole value if nothing more comes, as a number is.
    pub(crate) fn is_whole(&self) -> bool {
        self.inside.is_empty()
            && matches!(self.state, State::Zero | State::Digits | State::Fraction | State::ExponentDigits)
    }

    /// Takes the next byte.
    ///
    /// # Errors
    /// The byte cannot be there. The scanner is of no further use.
    pub(crate) fn step(&mut self, byte: u8) -> Result<Step, SyntaxError> {
        let is_space = matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        self.started |= !is_space;
        match self.state {
            State::Value | State::ValueOrEnd | State::Key | State::KeyOrEnd | State::AfterValue if is_space => {
                Ok(Step::More)
            }
            State::ValueOrEnd if byte == b']' => Ok(self.close()),
            State::Value | State::ValueOrEnd => self.begin(byte),
            State::KeyOrEnd if byte == b'}' => Ok(self.close()),
            State::Key | State::KeyOrEnd if byte == b'"' => Ok(self.go(State::Text)),
            State::Key | State::KeyOrEnd => Err(misplaced(byte, "looking for beginning of object key string")),
            State::Text | State::Escape | State::Hex(_) => self.text(byte),
            State::Literal { word, at } => self.literal(byte, word, at),
            State::AfterValue => self.after(byte),
            _ => self.number(byte),
        }
    }

    fn go(&mut self, state: State) -> Step {
        self.state = state;
        Step::More
    }

    fn begin(&mut self, byte: u8) -> Result<Step, SyntaxError> {
        match byte {
            b'{' => self.open(byte, Inside::Key, State::KeyOrEnd),
            b'[' => self.open(byte, Inside::Array, State::ValueOrEnd),
            b'"' => Ok(self.go(State::Text)),
            b'-' => Ok(self.go(State::Minus)),
            b'0' => Ok(self.go(State::Zero)),
            b'1'..=b'9' => Ok(self.go(State::Digits)),
            b't' => Ok(self.go(State::Literal { word: "true", at: 1 })),
            b'f' => Ok(self.go(State::Literal { word: "false", at: 1 })),
            b'n' => Ok(self.go(State::Literal { word: "null", at: 1 })),
            _ => Err(misplaced(byte, "looking for beginning of value")),
        }
    }

    fn open(&mut self, byte: u8, inside: Inside, state: State) -> Result<Step, SyntaxError> {
        if self.inside.len() >= DEPTH_MAX {
            return Err(SyntaxError { byte, context: Context::Depth });
        }
        self.inside.push(inside);
        Ok(self.go(state))
    }

    fn close(&mut self) -> Step {
        self.inside.pop();
        self.ended()
    }

    /// A value has ended with the byte that was taken.
    fn ended(&mut self) -> Step {
        self.state = State::AfterValue;
        if self.inside.is_empty() { Step::Ended } else { Step::More }
    }

    fn after(&mut self, byte: u8) -> Result<Step, SyntaxError> {
        let Some(inside) = self.inside.last_mut() else { return Ok(Step::EndedBefore) };
        match (*inside, byte) {
            (Inside::Key, b':') => {
                *inside = Inside::Member;
                Ok(self.go(State::Value))
            }
            (Inside::Member, b',') => {
                *inside = Inside::Key;
                Ok(self.go(State::Key))
            }
            (Inside::Array, b',') => Ok(self.go(State::Value)),
            (Inside::Member, b'}') | (Inside::Array, b']') => Ok(self.close()),
            (Inside::Key, _) => Err(misplaced(byte, "after object key")),
            (Inside::Member, _) => Err(misplaced(byte, "after object key:value pair")),
            (Inside::Array, _) => Err(misplaced(byte, "after array element")),
        }
    }

    fn text(&mut self, byte: u8) -> Result<Step, SyntaxError> {
        match (self.state, byte) {
            (State::Escape, b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"') => Ok(self.go(State::Text)),
            (State::Escape, b'u') => Ok(self.go(State::Hex(0))),
            (State::Escape, _) => Err(misplaced(byte, "in string escape code")),
            (State::Hex(3), _) if byte.is_ascii_hexdigit() => Ok(self.go(State::Text)),
            (State::Hex(at), _) if byte.is_ascii_hexdigit() => Ok(self.go(State::Hex(at + 1))),
            (State::Hex(_), _) => Err(misplaced(byte, r"in \u hexadecimal character escape")),
            (_, b'"') => Ok(self.ended()),
            (_, b'\\') => Ok(self.go(State::Escape)),
            (_, 0..=0x1f) => Err(misplaced(byte, "in string literal")),
            _ => Ok(Step::More),
        }
    }

    fn literal(&mut self, byte: u8, word: &'static str, at: usize) -> Result<Step, SyntaxError> {
        let expected = word.as_bytes()[at];
        if byte != expected {
            return Err(SyntaxError { byte, context: Context::Literal { word, expected } });
        }
        if at + 1 == word.len() { Ok(self.ended()) } else { Ok(self.go(State::Literal { word, at: at + 1 })) }
    }

    fn number(&mut self, byte: u8) -> Result<Step, SyntaxError> {
        match (self.state, byte) {
            (State::Minus, b'0') => Ok(self.go(State::Zero)),
            (State::Minus, b'1'..=b'9') => Ok(self.go(State::Digits)),
            (State::Minus, _) => Err(misplaced(byte, "in numeric literal")),
            (State::Digits | State::Fraction | State::ExponentDigits, b'0'..=b'9') => Ok(Step::More),
            (State::Zero | State::Digits, b'.') => Ok(self.go(State::Point)),
            (State::Zero | State::Digits | State::Fraction, b'e' | b'E') => Ok(self.go(State::Exponent)),
            (State::Point, b'0'..=b'9') => Ok(self.go(State::Fraction)),
            (State::Point, _) => Err(misplaced(byte, "after decimal point in numeric literal")),
            (State::Exponent, b'+' | b'-') => Ok(self.go(State::ExponentSign)),
            (State::Exponent | State::ExponentSign, b'0'..=b'9') => Ok(self.go(State::ExponentDigits)),
            (State::Exponent | State::ExponentSign, _) => Err(misplaced(byte, "in exponent of numeric literal")),
            _ if self.inside.is_empty() => Ok(Step::EndedBefore),
            _ => {
                self.state = State::AfterValue;
                self.step(byte)
            }
        }
    }
}

fn misplaced(byte: u8, place: &'static str) -> SyntaxError {
    SyntaxError { byte, context: Context::Place(place) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scans `text`; the length of its first value, or what is wrong with it.
    fn scan(text: &[u8]) -> Result<Option<usize>, String> {
        let mut scanner = Scanner::new();
        for (at, byte) in text.iter().enumerate() {
            match scanner.step(*byte).map_err(|error| error.to_string())? {
                Step::More => {}
                Step::Ended => return Ok(Some(at + 1)),
                Step::EndedBefore => return Ok(Some(at)),
            }
        }
        Ok(scanner.is_whole().then_some(text.len()))
    }

    #[test]
    fn values_end_where_they_end() {
        for (text, length) in
            [("{} x", 2), (" [1,{\"a\":[]}]]", 13), ("12 ", 2), ("-0.5e+3", 7), ("\"a\\\"b\\u00e9\"", 12), ("null,", 4)]
        {
            assert_eq!(scan(text.as_bytes()).unwrap(), Some(length), "{text}");
        }
        for text in ["", "  ", "{\"a\":", "[1,", "\"a", "tru", "1."] {
            assert_eq!(scan(text.as_bytes()).unwrap(), None, "{text}");
        }
    }

    #[test]
    fn errors_are_gos() {
        for (text, error) in [
            ("garbage", "invalid character 'g' looking for beginning of value"),
            ("{key", "invalid character 'k' looking for beginning of object key string"),
            ("{\"a\" 1", "invalid character '1' after object key"),
            ("{\"a\":1 2", "invalid character '2' after object key:value pair"),
            ("{\"a\":1,}", "invalid character '}' looking for beginning of object key string"),
            ("[1 2", "invalid character '2' after array element"),
            ("trx", "invalid character 'x' in literal true (expecting 'u')"),
            ("\"\\x", "invalid character 'x' in string escape code"),
            ("\"\\u00g", "invalid character 'g' in \\u hexadecimal character escape"),
            ("\"\n", "invalid character '\\n' in string literal"),
            ("-x", "invalid character 'x' in numeric literal"),
            ("1.x", "invalid character 'x' after decimal point in numeric literal"),
            ("1ex", "invalid character 'x' in exponent of numeric literal"),
            ("'", "invalid character '\\'' looking for beginning of value"),
        ] {
            assert_eq!(scan(text.as_bytes()).unwrap_err(), error, "{text}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        assert_eq!(scan(&[b'['; DEPTH_MAX]).unwrap(), None);
        assert_eq!(scan(&[b'['; DEPTH_MAX + 1]).unwrap_err(), "invalid character '[' exceeded max depth");
    }
}
