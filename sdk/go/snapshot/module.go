package main

import (
	"errors"
	"fmt"
	"strconv"
)

// Sections of a module that matter here, by their numbers in the WebAssembly specification.
const (
	memorySection    = 5
	globalSection    = 6
	exportSection    = 7
	startSection     = 8
	dataSection      = 11
	dataCountSection = 12
)

const (
	header   = "\x00asm\x01\x00\x00\x00"
	pageSize = 64 << 10
)

type section struct {
	id   byte
	body []byte
}

type global struct {
	valueType byte
	mutable   bool
	initial   []byte
}

type export struct {
	name  string
	kind  byte
	index uint64
}

type module struct {
	sections  []section
	globals   []global
	exports   []export
	memoryMax []byte
}

func parse(text []byte) (*module, error) {
	if len(text) < len(header) || string(text[:len(header)]) != header {
		return nil, errors.New("it is no core module")
	}
	m := new(module)
	for r := (&reader{rest: text[len(header):]}); len(r.rest) > 0; {
		id := r.byte()
		body := r.bytes(r.number())
		if r.err != nil {
			return nil, r.err
		}
		m.sections = append(m.sections, section{id, body})
		if err := m.parseSection(id, &reader{rest: body}); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *module) parseSection(id byte, r *reader) error {
	switch id {
	case memorySection:
		if r.number() != 1 {
			return errors.New("it has not one memory")
		}
		if limits := r.byte(); limits > 1 {
			return errors.New("its memory is shared or of 64 bits")
		}
		r.number()
		m.memoryMax = r.rest
	case globalSection:
		for n := r.number(); n > 0 && r.err == nil; n-- {
			m.globals = append(m.globals, global{r.byte(), r.byte() == 1, r.constant()})
		}
	case exportSection:
		for n := r.number(); n > 0 && r.err == nil; n-- {
			m.exports = append(m.exports, export{string(r.bytes(r.number())), r.byte(), r.number()})
		}
	case startSection:
		return errors.New("it has a start section; snapshot runs " + startFunction + " only")
	case dataSection:
		for n := r.number(); n > 0 && r.err == nil; n-- {
			if r.number() != 0 {
				return errors.New("it has data that it places itself")
			}
			r.constant()
			r.bytes(r.number())
		}
	}
	return r.err
}

func globalName(index int) string { return "snapshot-global-" + strconv.Itoa(index) }

// The module with its own globals exported, so that they can be read. It must import none.
func (m *module) withGlobalsExported() []byte {
	exports := m.exports
	for i := range m.globals {
		exports = append(exports, export{globalName(i), 3, uint64(i)})
	}
	return m.encode(map[byte][]byte{exportSection: encodeExports(exports)})
}

// The module as its start left it, without its start.
func (m *module) withState(left state) ([]byte, error) {
	var exports []export
	for _, export := range m.exports {
		if export.name != startFunction {
			exports = append(exports, export)
		}
	}
	globals := appendNumber(nil, uint64(len(m.globals)))
	for i, global := range m.globals {
		encoded, err := global.with(left.globals[i])
		if err != nil {
			return nil, err
		}
		globals = append(globals, encoded...)
	}
	limits := byte(0)
	if len(m.memoryMax) > 0 {
		limits = 1
	}
	memory := append(appendNumber([]byte{1, limits}, uint64(len(left.memory)/pageSize)), m.memoryMax...)
	return m.encode(map[byte][]byte{
		memorySection:    memory,
		globalSection:    globals,
		exportSection:    encodeExports(exports),
		dataSection:      encodeData(left.memory),
		dataCountSection: nil,
	}), nil
}

func (m *module) encode(replaced map[byte][]byte) []byte {
	text := []byte(header)
	for _, section := range m.sections {
		body := section.body
		if other, found := replaced[section.id]; found {
			if body = other; body == nil {
				continue
			}
		}
		text = append(appendNumber(append(text, section.id), uint64(len(body))), body...)
	}
	return text
}

func (g *global) with(value uint64) ([]byte, error) {
	if !g.mutable {
		return append([]byte{g.valueType, 0}, g.initial...), nil
	}
	encoded := []byte{g.valueType, 1}
	switch g.valueType {
	case 0x7f:
		encoded = appendSigned(append(encoded, 0x41), int64(int32(value)))
	case 0x7e:
		encoded = appendSigned(append(encoded, 0x42), int64(value))
	case 0x7d:
		encoded = appendFixed(append(encoded, 0x43), value, 4)
	case 0x7c:
		encoded = appendFixed(append(encoded, 0x44), value, 8)
	default:
		return nil, fmt.Errorf("it has a global of type %#x", g.valueType)
	}
	return append(encoded, 0x0b), nil
}

func encodeExports(exports []export) []byte {
	body := appendNumber(nil, uint64(len(exports)))
	for _, export := range exports {
		body = append(appendNumber(body, uint64(len(export.name))), export.name...)
		body = appendNumber(append(body, export.kind), export.index)
	}
	return body
}

// What begins a segment costs about this many bytes, so that shorter runs of zeros are not left out.
const zerosMin = 16

// Memory that is not zero, in segments.
func encodeData(memory []byte) []byte {
	var segments []byte
	count := uint64(0)
	for at := 0; at < len(memory); {
		if memory[at] == 0 {
			at++
			continue
		}
		end := at
		for next := at; next < len(memory) && next-end < zerosMin; next++ {
			if memory[next] != 0 {
				end = next + 1
			}
		}
		segments = append(appendSigned(append(segments, 0, 0x41), int64(int32(at))), 0x0b)
		segments = append(appendNumber(segments, uint64(end-at)), memory[at:end]...)
		count++
		at = end
	}
	return append(appendNumber(nil, count), segments...)
}
