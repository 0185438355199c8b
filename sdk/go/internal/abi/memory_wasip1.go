// Package abi lays out the contract's values in linear memory, as the component model's canonical ABI has them.
//
// Structs of byte, 32-bit and 64-bit fields lie in Go for WebAssembly as the records do there. Pointers do not: they have
// 32 bits there and 64 in Go, so they stand as numbers, which the collector does not see.
package abi

import "unsafe"

// What the host had allocated and nobody has taken yet. Only this keeps it from the collector.
var lent [][]uint64

// The host allocates the arguments of the call to come, or the results of the one under way.
//
//go:wasmexport cabi_realloc
func allocate(old unsafe.Pointer, oldSize, _, size uint32) unsafe.Pointer {
	// Words, because no record of the contract asks for more alignment.
	memory := make([]uint64, (max(size, 1)+7)/8)
	lent = append(lent, memory)
	at := unsafe.Pointer(&memory[0])
	copy(unsafe.Slice((*byte)(at), size), unsafe.Slice((*byte)(old), min(oldSize, size)))
	return at
}

// Release gives up what the host had allocated; what Go's pointers point at stays.
func Release() { lent = nil }

// Span is a string, or a list of elements that have no pointers.
type Span struct{ at, length uint32 }

// Bytes are those of the span; empty ones are not nil.
func (s Span) Bytes() []byte {
	if s.length == 0 {
		return []byte{}
	}
	return List[byte](s)
}

// String is the text of the span. The host has checked that it is UTF-8.
func (s Span) String() string {
	if s.length == 0 {
		return ""
	}
	return unsafe.String((*byte)(pointer(s.at)), s.length)
}

// List is the span as a list of other elements.
func List[T any](s Span) []T {
	if s.length == 0 {
		return nil
	}
	return unsafe.Slice((*T)(pointer(s.at)), s.length)
}

// OfString is where a text lies. Who calls keeps it alive.
func OfString(text string) Span {
	return Span{address(unsafe.Pointer(unsafe.StringData(text))), uint32(len(text))}
}

// Of is where a list lies. Who calls keeps it alive.
func Of[T any](list []T) Span {
	return Span{address(unsafe.Pointer(unsafe.SliceData(list))), uint32(len(list))}
}

// OfStrings lays out a list of texts. Who calls keeps it, and them, alive.
func OfStrings(texts []string) []Span {
	spans := make([]Span, len(texts))
	for i, text := range texts {
		spans[i] = OfString(text)
	}
	return spans
}

func address(at unsafe.Pointer) uint32 { return uint32(uintptr(at)) }

func pointer(at uint32) unsafe.Pointer { return unsafe.Add(unsafe.Pointer(nil), at) }
