package main

import "math/bits"

// A pattern is a regular expression for the whole value of a label, in the syntax that most share: literals, ".", classes
// like [a-z0-9] and [^-], \d, \w, groups, "|", and the repetitions *, +, ?, {2}, {2,} and {2,5}.
//
// Package regexp would do, but its tables cost each review as much time as all the rest of it.
type pattern struct {
	// Pieces of which each alternative is a sequence.
	alternatives [][]piece
}

// A piece is a class of characters or a group, so and so often.
type piece struct {
	class class
	group *pattern
	least int
	most  int
}

// A class is a set of ASCII characters.
type class [2]uint64

// A set of positions in a value, of which there are one more than it has bytes: bit n stands for before byte n.
type positions uint64

const (
	// Longest value of a label in Kubernetes. A longer one matches nothing.
	valueBytesMax = 63
	// Most repetitions that a pattern may ask for; more than a value has bytes.
	repeatMax = 100
	// Most groups in one another.
	groupDepthMax = 8
)

// Matches tells whether the pattern describes the whole value.
func (p *pattern) matches(value string) bool {
	if len(value) > valueBytesMax {
		return false
	}
	return p.step(value, 1)>>len(value)&1 == 1
}

// Where one is after the pattern, from all of these positions.
func (p *pattern) step(value string, from positions) positions {
	var reached positions
	for _, pieces := range p.alternatives {
		at := from
		for i := 0; i < len(pieces) && at != 0; i++ {
			at = pieces[i].step(value, at)
		}
		reached |= at
	}
	return reached
}

func (p *piece) step(value string, at positions) positions {
	for range p.least {
		at = p.once(value, at)
	}
	reached := at
	for n := p.least; n != p.most && at != 0; n++ {
		at = p.once(value, at) &^ reached
		reached |= at
	}
	return reached
}

func (p *piece) once(value string, from positions) positions {
	if p.group != nil {
		return p.group.step(value, from)
	}
	var reached positions
	for rest := uint64(from); rest != 0; rest &= rest - 1 {
		if at := bits.TrailingZeros64(rest); at < len(value) && p.class.has(value[at]) {
			reached |= 2 << at
		}
	}
	return reached
}

func (c *class) has(character byte) bool {
	return character < 128 && c[character/64]>>(character%64)&1 == 1
}

func (c *class) add(first, last byte) {
	for character := first; character <= last; character++ {
		c[character/64] |= 1 << (character % 64)
	}
}

func (c *class) unite(other class) {
	c[0] |= other[0]
	c[1] |= other[1]
}

func (c *class) negate() {
	c[0], c[1] = ^c[0], ^c[1]
}
