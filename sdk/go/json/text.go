package json

import (
	"unicode/utf16"
	"unicode/utf8"
)

// Takes a string with its escapes resolved.
func (r *Reader) string() string {
	start, escaped := r.skipString()
	if r.err != nil {
		return ""
	}
	text := r.text[start : r.at-1]
	if !escaped {
		return string(text)
	}
	resolved := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		if text[i] != '\\' {
			resolved = append(resolved, text[i])
			i++
			continue
		}
		if text[i+1] != 'u' {
			resolved = append(resolved, escapes[text[i+1]])
			i += 2
			continue
		}
		character, length := unicodeEscape(text[i:])
		resolved = utf8.AppendRune(resolved, character)
		i += length
	}
	return string(resolved)
}

// Takes a string, and tells where its text begins and whether it has escapes. They are checked here.
func (r *Reader) skipString() (start int, escaped bool) {
	if r.expect('"', "a string was expected"); r.err != nil {
		return 0, false
	}
	start = r.at
	for r.at < len(r.text) {
		c := r.text[r.at]
		r.at++
		switch {
		case c == '"':
			return start, escaped
		case c < ' ':
			r.fail("there is a control character in a string")
			return 0, false
		case c == '\\':
			escaped = true
			if !r.escape() {
				r.fail("there is a malformed escape in a string")
				return 0, false
			}
		}
	}
	r.fail("a string does not end")
	return 0, false
}

// What the letter after a backslash stands for.
var escapes = [256]byte{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

func (r *Reader) escape() bool {
	if r.at == len(r.text) {
		return false
	}
	c := r.text[r.at]
	r.at++
	if c != 'u' {
		return escapes[c] != 0
	}
	if len(r.text)-r.at < 4 {
		return false
	}
	_, valid := hex(r.text[r.at : r.at+4])
	r.at += 4
	return valid
}

// The character that a checked escape \uXXXX begins, and how many bytes it takes. Half a pair gives U+FFFD.
func unicodeEscape(text []byte) (rune, int) {
	first, _ := hex(text[2:6])
	if !utf16.IsSurrogate(first) {
		return first, 6
	}
	if len(text) >= 12 && text[6] == '\\' && text[7] == 'u' {
		second, _ := hex(text[8:12])
		if character := utf16.DecodeRune(first, second); character != utf8.RuneError {
			return character, 12
		}
	}
	return utf8.RuneError, 6
}

func hex(digits []byte) (value rune, valid bool) {
	for _, c := range digits {
		value <<= 4
		switch {
		case isDigit(c):
			value |= rune(c - '0')
		case 'a' <= c && c <= 'f':
			value |= rune(c - 'a' + 10)
		case 'A' <= c && c <= 'F':
			value |= rune(c - 'A' + 10)
		default:
			return 0, false
		}
	}
	return value, true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isNumeric(c byte) bool {
	return isDigit(c) || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}

// -? (0 | [1-9][0-9]*) (\.[0-9]+)? ([eE][+-]?[0-9]+)?
func isNumber(text []byte) bool {
	if len(text) > 0 && text[0] == '-' {
		text = text[1:]
	}
	rest := digits(text)
	if len(rest) == len(text) || text[0] == '0' && len(text)-len(rest) > 1 {
		return false
	}
	if len(rest) > 0 && rest[0] == '.' {
		fraction := rest[1:]
		if rest = digits(fraction); len(rest) == len(fraction) {
			return false
		}
	}
	if len(rest) > 0 && (rest[0] == 'e' || rest[0] == 'E') {
		exponent := rest[1:]
		if len(exponent) > 0 && (exponent[0] == '+' || exponent[0] == '-') {
			exponent = exponent[1:]
		}
		if rest = digits(exponent); len(rest) == len(exponent) {
			return false
		}
	}
	return len(rest) == 0
}

// What comes after the digits at the beginning.
func digits(text []byte) []byte {
	for len(text) > 0 && isDigit(text[0]) {
		text = text[1:]
	}
	return text
}
