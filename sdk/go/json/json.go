// Package json reads JSON piece by piece, without reflection and without a tree of everything in memory.
//
//	reader := json.NewReader(text)
//	reader.Object(func(name string) {
//		switch name {
//		case "kind":
//			kind = reader.String()
//		default:
//			reader.Skip()
//		}
//	})
//	err := reader.End()
//
// Each function of the reader takes one value. After the first error they take nothing and give zero values, and End tells
// the error. Null is read as what is empty, as Kubernetes does. An object that is read (not one that is skipped) may not have
// two members of one name, because readers differ in which one counts.
package json

import (
	"strconv"
	"unicode/utf8"
)

// Most arrays and objects in one another; deeper ones are an error. Real objects have a few dozen.
const depthMax = 512

// Kind is what kind of value comes next.
type Kind uint8

const (
	// Invalid: none, or not JSON.
	Invalid Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

// Reader reads one JSON text.
type Reader struct {
	text  []byte
	at    int
	depth int
	err   error
}

// A syntax error tells what was expected, and never what is there.
type syntaxError string

func (e syntaxError) Error() string { return "malformed JSON: " + string(e) }

// NewReader begins to read text.
func NewReader(text []byte) *Reader {
	reader := &Reader{text: text}
	if !utf8.Valid(text) {
		reader.fail("it is not UTF-8")
	}
	return reader
}

// End tells the first error; text after the value is one.
func (r *Reader) End() error {
	if r.space(); r.err == nil && r.at < len(r.text) {
		r.fail("there is something after its end")
	}
	return r.err
}

// Fail makes reason the reader's error, for a value that is JSON but not what is wanted. The first error stays.
func (r *Reader) Fail(reason error) {
	if r.err == nil {
		r.err = reason
	}
}

// Kind tells what comes next, and takes nothing.
func (r *Reader) Kind() Kind {
	switch c := r.peek(); {
	case c == 'n':
		return Null
	case c == 't' || c == 'f':
		return Bool
	case c == '-' || isDigit(c):
		return Number
	case c == '"':
		return String
	case c == '[':
		return Array
	case c == '{':
		return Object
	}
	return Invalid
}

// Object takes an object. It calls member for each of its members, which must take the member's value.
func (r *Reader) Object(member func(name string)) {
	if r.null() {
		return
	}
	var seen names
	r.list('{', '}', "an object was expected", func() {
		name := r.string()
		if r.expect(':', "a colon was expected"); r.err != nil {
			return
		}
		if !seen.add(name) {
			r.fail("an object has two members of one name")
			return
		}
		member(name)
	})
}

// Array takes an array. It calls element for each of its elements, which must take it.
func (r *Reader) Array(element func()) {
	if !r.null() {
		r.list('[', ']', "an array was expected", element)
	}
}

// String takes a string.
func (r *Reader) String() string {
	if r.null() {
		return ""
	}
	return r.string()
}

// Bool takes true or false.
func (r *Reader) Bool() bool {
	switch {
	case r.null() || r.word("false"):
		return false
	case r.word("true"):
		return true
	}
	r.fail("true or false was expected")
	return false
}

// Int takes a number without fraction and exponent, of 64 bits.
func (r *Reader) Int() int64 {
	if r.null() {
		return 0
	}
	start := r.at
	r.number()
	if r.err != nil {
		return 0
	}
	value, err := strconv.ParseInt(string(r.text[start:r.at]), 10, 64)
	if err != nil {
		r.fail("a whole number was expected")
		return 0
	}
	return value
}

// Skip takes a value of any kind.
func (r *Reader) Skip() {
	switch r.Kind() {
	case Object:
		r.list('{', '}', "", func() {
			r.skipString()
			r.expect(':', "a colon was expected")
			r.Skip()
		})
	case Array:
		r.list('[', ']', "", r.Skip)
	case String:
		r.skipString()
	case Number:
		r.number()
	default:
		if !r.null() {
			r.Bool()
		}
	}
}

func (r *Reader) list(open, close byte, expected string, element func()) {
	if r.expect(open, expected); r.err != nil {
		return
	}
	if r.depth++; r.depth > depthMax {
		r.fail("it is nested too deeply")
		return
	}
	for first := true; r.err == nil; first = false {
		if r.peek() == close {
			if !first {
				break
			}
			r.at++
			r.depth--
			return
		}
		element()
		if r.peek() == close {
			r.at++
			r.depth--
			return
		}
		r.expect(',', "a comma was expected")
	}
	r.fail("there is a comma before an end")
}

func (r *Reader) number() {
	start := r.at
	for r.at < len(r.text) && isNumeric(r.text[r.at]) {
		r.at++
	}
	if !isNumber(r.text[start:r.at]) {
		r.fail("there is a malformed number")
	}
}

func (r *Reader) null() bool { return r.word("null") }

func (r *Reader) word(word string) bool {
	if r.space(); r.err != nil {
		return false
	}
	end := r.at + len(word)
	if end > len(r.text) || string(r.text[r.at:end]) != word {
		return false
	}
	r.at = end
	return true
}

func (r *Reader) expect(c byte, expected string) {
	if r.peek() != c {
		r.fail(expected)
	} else {
		r.at++
	}
}

// The first byte of what comes next; zero at the end and after an error.
func (r *Reader) peek() byte {
	if r.space(); r.err != nil || r.at == len(r.text) {
		return 0
	}
	return r.text[r.at]
}

func (r *Reader) space() {
	for r.at < len(r.text) {
		switch r.text[r.at] {
		case ' ', '\t', '\r', '\n':
			r.at++
		default:
			return
		}
	}
}

func (r *Reader) fail(reason string) { r.Fail(syntaxError(reason)) }

// Names that an object had so far.
type names struct {
	few  []string
	many map[string]struct{}
}

const fewMax = 16

func (n *names) add(name string) bool {
	if n.many == nil {
		for _, other := range n.few {
			if other == name {
				return false
			}
		}
		if n.few = append(n.few, name); len(n.few) > fewMax {
			n.many = make(map[string]struct{}, 2*fewMax)
			for _, other := range n.few {
				n.many[other] = struct{}{}
			}
		}
		return true
	}
	before := len(n.many)
	n.many[name] = struct{}{}
	return len(n.many) > before
}
