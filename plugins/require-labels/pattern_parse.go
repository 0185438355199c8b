package main

import "strings"

const (
	errPatternASCII   mistake = "it has characters that no label value can have"
	errPatternEnd     mistake = "it ends too early"
	errPatternGroup   mistake = "a parenthesis has no partner"
	errPatternDeep    mistake = "its groups are nested too deeply"
	errPatternRepeat  mistake = "there is nothing to repeat, or a number of repetitions is wrong or above 100"
	errPatternClass   mistake = "a class is empty or has its ends in the wrong order"
	errPatternEscape  mistake = "there is an escape that is not known"
	errPatternSpecial mistake = `"^" may stand at its beginning and "$" at its end; elsewhere they need a backslash`
)

// Most repetitions, where there is no limit.
const unlimited = -1

type parser struct {
	rest  string
	depth int
}

// The pattern always describes the whole value, so that anchors at its ends change nothing.
func parsePattern(text string) (*pattern, error) {
	text = strings.TrimPrefix(text, "^")
	if strings.HasSuffix(text, "$") && !strings.HasSuffix(text, `\$`) {
		text = text[:len(text)-1]
	}
	for i := 0; i < len(text); i++ {
		if text[i] < ' ' || text[i] > '~' {
			return nil, errPatternASCII
		}
	}
	parser := parser{rest: text}
	pattern, err := parser.pattern()
	if err == nil && parser.rest != "" {
		err = errPatternGroup
	}
	return pattern, err
}

func (p *parser) pattern() (*pattern, error) {
	if p.depth++; p.depth > groupDepthMax {
		return nil, errPatternDeep
	}
	defer func() { p.depth-- }()
	whole := new(pattern)
	for {
		var pieces []piece
		for p.rest != "" && p.rest[0] != '|' && p.rest[0] != ')' {
			piece, err := p.piece()
			if err != nil {
				return nil, err
			}
			pieces = append(pieces, piece)
		}
		whole.alternatives = append(whole.alternatives, pieces)
		if !p.take("|") {
			return whole, nil
		}
	}
}

func (p *parser) piece() (piece, error) {
	piece := piece{least: 1, most: 1}
	var err error
	switch c := p.next(); c {
	case '(':
		p.take("?:")
		if piece.group, err = p.pattern(); err == nil && !p.take(")") {
			err = errPatternGroup
		}
	case '[':
		piece.class, err = p.class()
	case '.':
		piece.class.add(' ', '~')
	case '\\':
		piece.class, err = p.escape()
	case '*', '+', '?', '{':
		err = errPatternRepeat
	case '^', '$':
		err = errPatternSpecial
	default:
		piece.class.add(c, c)
	}
	if err == nil {
		err = p.repetition(&piece)
	}
	return piece, err
}

func (p *parser) repetition(piece *piece) error {
	switch {
	case p.take("*"):
		piece.least, piece.most = 0, unlimited
	case p.take("+"):
		piece.most = unlimited
	case p.take("?"):
		piece.least = 0
	case p.take("{"):
		if piece.least = p.number(); piece.least < 0 {
			return errPatternRepeat
		}
		piece.most = piece.least
		if p.take(",") {
			piece.most = unlimited
			if p.rest != "" && p.rest[0] != '}' {
				if piece.most = p.number(); piece.most < piece.least {
					return errPatternRepeat
				}
			}
		}
		if !p.take("}") {
			return errPatternRepeat
		}
	}
	if p.rest != "" && strings.IndexByte("*+?{", p.rest[0]) >= 0 {
		return errPatternRepeat
	}
	return nil
}

// A number up to [repeatMax], or a negative one if there is none.
func (p *parser) number() int {
	value, digits := 0, 0
	for p.rest != "" && '0' <= p.rest[0] && p.rest[0] <= '9' && value <= repeatMax {
		value = 10*value + int(p.next()-'0')
		digits++
	}
	if digits == 0 || value > repeatMax {
		return -1
	}
	return value
}

// The class whose bracket was taken. A bracket that is its first character stands for itself.
func (p *parser) class() (class, error) {
	var whole class
	negated := p.take("^")
	for first := true; first || !p.take("]"); first = false {
		if p.rest == "" {
			return whole, errPatternEnd
		}
		low := p.next()
		if low == '\\' {
			escaped, err := p.escape()
			if err != nil {
				return whole, err
			}
			whole.unite(escaped)
			continue
		}
		high := low
		if len(p.rest) >= 2 && p.rest[0] == '-' && p.rest[1] != ']' {
			p.next()
			high = p.next()
		}
		if high < low || high == '\\' {
			return whole, errPatternClass
		}
		whole.add(low, high)
	}
	if negated {
		whole.negate()
	}
	return whole, nil
}

// What stands after a backslash: the letter of a class, or any character that is no letter and no digit.
func (p *parser) escape() (class, error) {
	var whole class
	if p.rest == "" {
		return whole, errPatternEnd
	}
	switch c := p.next(); {
	case c == 'd':
		whole.add('0', '9')
	case c == 'w':
		whole.add('0', '9')
		whole.add('A', 'Z')
		whole.add('a', 'z')
		whole.add('_', '_')
	case '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z':
		return whole, errPatternEscape
	default:
		whole.add(c, c)
	}
	return whole, nil
}

func (p *parser) next() byte {
	c := p.rest[0]
	p.rest = p.rest[1:]
	return c
}

func (p *parser) take(text string) (taken bool) {
	p.rest, taken = strings.CutPrefix(p.rest, text)
	return taken
}
