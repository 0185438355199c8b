package abi

import "unsafe"

// Option is a text or bytes that may be absent.
type Option struct {
	some uint8
	span Span
}

// Bytes are nil when absent, and only then.
func (o *Option) Bytes() []byte {
	if o.some == 0 {
		return nil
	}
	return o.span.Bytes()
}

// String is empty when absent.
func (o *Option) String() string {
	if o.some == 0 {
		return ""
	}
	return o.span.String()
}

// OptionInt64 is a number that may be absent.
type OptionInt64 struct {
	some  uint8
	value int64
}

// Int64 is nil when absent.
func (o *OptionInt64) Int64() *int64 {
	if o.some == 0 {
		return nil
	}
	value := o.value
	return &value
}

// Request is the record of that name, with its caller.
type Request struct {
	Operation     uint8
	Key           Span
	RangeEnd      Option
	Value         Option
	ValueWithheld uint8
	Lease         OptionInt64
	InTxn         uint8
	CommonName    Option
	User          Option
	URIs          Span
	Mode          uint8
}

// Description is the record of that name.
type Description struct {
	Name       Span
	Version    Span
	Prefixes   Span
	Operations uint8
}

// Validated is an error text, if Failed.
type Validated struct {
	Failed uint8
	Reason Span
}

// Verdict is the record of that name. First is the code of a denial or a new value, Second the message of a denial.
type Verdict struct {
	Decision uint8
	First    Span
	Second   Span
	Warnings Span
	Notes    Span
}

// Entry is the record of that name.
type Entry struct {
	Key            Span
	Value          Option
	CreateRevision int64
	ModRevision    int64
	Version        int64
	Lease          int64
}

// Got is what `get` gives.
type Got struct {
	Failed uint8
	_      [7]byte
	// Some tells that there is an entry, or why it failed.
	Some  uint8
	_     [7]byte
	Entry Entry
}

// Listed is what `list` gives. Entries is a list of [Entry].
type Listed struct {
	Failed  uint8
	Entries Span
	More    uint8
}

// Reason is why it failed; it lies where the entries would.
func (l *Listed) Reason() uint8 { return uint8(l.Entries.at) }

// The sizes that the canonical ABI gives these records; a difference does not compile.
var (
	_ = [96]byte([unsafe.Sizeof(Request{})]byte{})
	_ = [28]byte([unsafe.Sizeof(Description{})]byte{})
	_ = [12]byte([unsafe.Sizeof(Validated{})]byte{})
	_ = [36]byte([unsafe.Sizeof(Verdict{})]byte{})
	_ = [56]byte([unsafe.Sizeof(Entry{})]byte{})
	_ = [72]byte([unsafe.Sizeof(Got{})]byte{})
	_ = [16]byte([unsafe.Sizeof(Listed{})]byte{})
)
