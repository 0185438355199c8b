package main

import (
	"encoding/binary"
	"errors"
)

// A reader takes a section apart. After the first error it gives zeros.
type reader struct {
	rest []byte
	err  error
}

var errMalformed = errors.New("it is malformed")

func (r *reader) fail() {
	r.rest, r.err = nil, errMalformed
}

func (r *reader) byte() byte {
	bytes := r.bytes(1)
	if len(bytes) == 0 {
		return 0
	}
	return bytes[0]
}

func (r *reader) bytes(length uint64) []byte {
	if length > uint64(len(r.rest)) {
		r.fail()
		return nil
	}
	bytes := r.rest[:length]
	r.rest = r.rest[length:]
	return bytes
}

// A number without a sign, of at most 32 bits. Numbers of things are bounded by what is left to read.
func (r *reader) number() uint64 {
	value, length := binary.Uvarint(r.rest)
	if length <= 0 || value > 1<<32-1 {
		r.fail()
		return 0
	}
	r.rest = r.rest[length:]
	return value
}

// The instructions of a constant expression, its end included.
func (r *reader) constant() []byte {
	whole := r.rest
	for r.err == nil {
		switch r.byte() {
		case 0x0b:
			return whole[:len(whole)-len(r.rest)]
		case 0x41, 0x42, 0x23, 0xd2: // i32.const, i64.const, global.get, ref.func
			for r.byte() >= 0x80 {
			}
		case 0x43:
			r.bytes(4)
		case 0x44:
			r.bytes(8)
		case 0xd0:
			r.byte()
		default:
			r.fail()
		}
	}
	return nil
}

func appendNumber(to []byte, value uint64) []byte { return binary.AppendUvarint(to, value) }

func appendSigned(to []byte, value int64) []byte {
	for {
		low := byte(value & 0x7f)
		value >>= 7
		if value == 0 && low&0x40 == 0 || value == -1 && low&0x40 != 0 {
			return append(to, low)
		}
		to = append(to, low|0x80)
	}
}

func appendFixed(to []byte, value uint64, length int) []byte {
	return append(to, binary.LittleEndian.AppendUint64(nil, value)[:length]...)
}
