//! JSON, read piece by piece and never held as a tree.

use std::borrow::Cow;

use super::Unreadable;

const NOT_TEXT: Unreadable = Unreadable("malformed JSON: it is not UTF-8");
const NOT_JSON: Unreadable = Unreadable("malformed JSON");
const CUT_OFF: Unreadable = Unreadable("malformed JSON: it is cut off");
const BAD_STRING: Unreadable = Unreadable("malformed JSON: a string is malformed");
const BAD_NUMBER: Unreadable = Unreadable("malformed JSON: a number is malformed");
const TOO_DEEP: Unreadable = Unreadable("the JSON is nested too deeply");
const OTHER_TYPE: Unreadable = Unreadable("a field of the JSON is of another type");

/// Arrays and objects within one another. The API server's own reader goes no deeper; here each costs a byte.
pub(super) const DEPTH_MAX: usize = 10_000;

/// What takes the value of a member of an object, and is given its name.
pub(super) type Member<'m, 'a> = &'m mut dyn FnMut(&mut Reader<'a>, Cow<'a, str>) -> Result<(), Unreadable>;

/// A place in a text. Each of the functions takes one value; null reads as what is empty.
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a [u8]) -> Result<Self, Unreadable> {
        Ok(Self { text: std::str::from_utf8(text).map_err(|_| NOT_TEXT)?, at: 0 })
    }

    /// Nothing may come any more.
    pub(super) fn end(mut self) -> Result<(), Unreadable> {
        if self.peek().is_none() { Ok(()) } else { Err(NOT_JSON) }
    }

    /// Takes an object; `member` must take the value of each.
    pub(super) fn object(&mut self, member: Member<'_, 'a>) -> Result<(), Unreadable> {
        if self.opens(b'{', b'}')? {
            loop {
                let name = self.name()?;
                member(self, name)?;
                if !self.goes_on(b'}')? {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Takes an array; `item` must take each of its values.
    pub(super) fn array(
        &mut self,
        item: &mut dyn FnMut(&mut Self) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        if self.opens(b'[', b']')? {
            loop {
                item(self)?;
                if !self.goes_on(b']')? {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Takes a string, its escapes resolved. Half a surrogate pair becomes U+FFFD.
    pub(super) fn string(&mut self) -> Result<Cow<'a, str>, Unreadable> {
        match self.peek() {
            Some(b'"') => {
                let (raw, is_escaped) = self.raw_string()?;
                Ok(if is_escaped { unescaped(raw).into() } else { raw.into() })
            }
            _ if self.null() => Ok(Cow::Borrowed("")),
            _ => Err(OTHER_TYPE),
        }
    }

    /// Takes true or false.
    pub(super) fn flag(&mut self) -> Result<bool, Unreadable> {
        let truth = self.word("true");
        if truth || self.word("false") || self.null() { Ok(truth) } else { Err(OTHER_TYPE) }
    }

    /// Takes a number without fraction and exponent, of 64 bits.
    pub(super) fn integer(&mut self) -> Result<i64, Unreadable> {
        match self.peek() {
            Some(b'-' | b'0'..=b'9') => {
                let start = self.at;
                self.skip_number()?;
                self.text.get(start..self.at).and_then(|number| number.parse().ok()).ok_or(OTHER_TYPE)
            }
            _ if self.null() => Ok(0),
            _ => Err(OTHER_TYPE),
        }
    }

    /// Takes null if it comes next.
    pub(super) fn null(&mut self) -> bool {
        self.word("null")
    }

    /// Takes a value of any type. A loop, because a recursion would go as deep as the text wants.
    pub(super) fn skip(&mut self) -> Result<(), Unreadable> {
        let mut closers = Vec::new();
        loop {
            match self.peek() {
                Some(open @ (b'{' | b'[')) => {
                    let closer = if open == b'{' { b'}' } else { b']' };
                    if closers.len() == DEPTH_MAX {
                        return Err(TOO_DEEP);
                    }
                    if self.opens(open, closer)? {
                        closers.push(closer);
                        self.skip_name(closer)?;
                        continue;
                    }
                }
                _ => self.skip_scalar()?,
            }
            loop {
                let Some(closer) = closers.last().copied() else { return Ok(()) };
                if self.goes_on(closer)? {
                    self.skip_name(closer)?;
                    break;
                }
                closers.pop();
            }
        }
    }

    fn skip_scalar(&mut self) -> Result<(), Unreadable> {
        match self.peek() {
            Some(b'"') => self.raw_string().map(|_| ()),
            Some(b'-' | b'0'..=b'9') => self.skip_number(),
            None => Err(CUT_OFF),
            _ if self.null() || self.word("true") || self.word("false") => Ok(()),
            _ => Err(NOT_JSON),
        }
    }

    fn skip_name(&mut self, closer: u8) -> Result<(), Unreadable> {
        if closer == b']' {
            return Ok(());
        }
        self.peek();
        self.raw_string()?;
        self.expect(b':')
    }

    fn skip_number(&mut self) -> Result<(), Unreadable> {
        self.take(b'-');
        if !self.take(b'0') {
            self.skip_digits()?;
        }
        if self.take(b'.') {
            self.skip_digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            self.skip_digits()?;
        }
        Ok(())
    }

    fn skip_digits(&mut self) -> Result<(), Unreadable> {
        let start = self.at;
        while self.next_byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err(BAD_NUMBER) }
    }

    /// Takes the beginning of an object or array, and its end if nothing is in it or null is in its place. Whether
    /// something is.
    fn opens(&mut self, open: u8, close: u8) -> Result<bool, Unreadable> {
        if self.peek() != Some(open) {
            return if self.null() { Ok(false) } else { Err(OTHER_TYPE) };
        }
        self.take(open);
        self.peek();
        Ok(!self.take(close))
    }

    /// Takes what comes after a value in an object or array. Whether another follows.
    fn goes_on(&mut self, close: u8) -> Result<bool, Unreadable> {
        self.peek();
        if self.take(close) { Ok(false) } else { self.expect(b',').map(|()| true) }
    }

    fn name(&mut self) -> Result<Cow<'a, str>, Unreadable> {
        if self.peek() != Some(b'"') {
            return Err(NOT_JSON);
        }
        let name = self.string()?;
        self.expect(b':')?;
        Ok(name)
    }

    /// Takes a string. What is between its quotes, and whether there are escapes, which are well-formed.
    fn raw_string(&mut self) -> Result<(&'a str, bool), Unreadable> {
        if !self.take(b'"') {
            return Err(NOT_JSON);
        }
        let (start, mut is_escaped) = (self.at, false);
        while let Some(byte) = self.next_byte() {
            self.at += 1;
            match byte {
                b'"' => return Ok((self.text.get(start..self.at - 1).ok_or(BAD_STRING)?, is_escaped)),
                b'\\' => {
                    is_escaped = true;
                    self.skip_escape()?;
                }
                ..b' ' => return Err(BAD_STRING),
                _ => {}
            }
        }
        Err(CUT_OFF)
    }

    /// Takes what comes after a backslash.
    fn skip_escape(&mut self) -> Result<(), Unreadable> {
        let letter = self.next_byte().ok_or(CUT_OFF)?;
        self.at += 1;
        if letter != b'u' {
            return escape(letter).map(|_| ()).ok_or(BAD_STRING);
        }
        let (_, rest) = self.text.get(self.at..).and_then(unit).ok_or(BAD_STRING)?;
        self.at = self.text.len() - rest.len();
        Ok(())
    }

    fn word(&mut self, word: &str) -> bool {
        self.peek();
        let is_next = self.text.as_bytes().get(self.at..).is_some_and(|rest| rest.starts_with(word.as_bytes()));
        self.at += if is_next { word.len() } else { 0 };
        is_next
    }

    fn expect(&mut self, byte: u8) -> Result<(), Unreadable> {
        match self.peek() {
            Some(_) if self.take(byte) => Ok(()),
            Some(_) => Err(NOT_JSON),
            None => Err(CUT_OFF),
        }
    }

    /// Takes this byte if it comes next, without space before it.
    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.next_byte() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// What comes next after space, which it takes.
    fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.next_byte() {
            self.at += 1;
        }
        self.next_byte()
    }

    #[inline]
    fn next_byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

/// What the letter after a backslash stands for.
fn escape(letter: u8) -> Option<char> {
    Some(match letter {
        b'"' | b'\\' | b'/' => char::from(letter),
        b'b' => '\x08',
        b'f' => '\x0c',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        _ => return None,
    })
}

fn unescaped(raw: &str) -> String {
    let mut plain = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let mut letters = after.chars();
        let letter = letters.next().and_then(|letter| u8::try_from(letter).ok()).unwrap_or_default();
        rest = letters.as_str();
        match escape(letter) {
            Some(letter) => plain.push(letter),
            None => plain.push(unicode_escape(&mut rest)),
        }
    }
    plain.push_str(rest);
    plain
}

/// The character that begins with the four digits that come next; a pair has an escape more.
fn unicode_escape(rest: &mut &str) -> char {
    let Some((first, after)) = unit(rest) else { return char::REPLACEMENT_CHARACTER };
    *rest = after;
    if let 0xd800..=0xdbff = first
        && let Some((second @ 0xdc00..=0xdfff, after)) = after.strip_prefix("\\u").and_then(unit)
    {
        *rest = after;
        return char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))
            .unwrap_or(char::REPLACEMENT_CHARACTER);
    }
    char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn unit(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    let unit = digits.chars().try_fold(0, |unit, digit| Some(unit << 4 | digit.to_digit(16)?))?;
    Some((unit, rest))
}
