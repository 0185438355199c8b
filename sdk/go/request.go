package plugin

// Operation is what a write does to its key or keys.
type Operation uint8

const (
	// Put writes one key.
	Put Operation = iota
	// Delete deletes one key or a range of keys.
	Delete
)

// Mode is what becomes of a plugin's verdicts.
type Mode uint8

const (
	// Enforce: they hold.
	Enforce Mode = iota
	// Warn: a denial becomes a warning, and a new value is not taken.
	Warn
	// Observe: they are only counted and logged.
	Observe
)

// Caller is who wrote. What is not known is empty.
type Caller struct {
	// CommonName of the subject of a verified client certificate.
	CommonName string
	// User as which the request was permitted, where users and roles are on.
	User string
	// URIs among the subject alternative names of a verified client certificate.
	URIs []string
}

// Request is one write to review.
type Request struct {
	Operation Operation
	// Key, or for a delete of a range its first key.
	Key []byte
	// RangeEnd is the first key after a range that is deleted, or one zero byte for a range without end; else nil.
	RangeEnd []byte
	// Value that is put, as earlier plugins left it; empty but not nil when nothing is put. Nil for a delete, for a put that
	// keeps the value there is, and when withheld.
	Value []byte
	// ValueWithheld tells that a value is put that this plugin may not see, because it lies under a sealed prefix.
	ValueWithheld bool
	// Lease that is put on the key, 0 for none. Nil for a delete and for a put that keeps the lease there is.
	Lease *int64
	// InTxn tells that the write is part of a transaction.
	InTxn  bool
	Caller Caller
	Mode   Mode
}

// Previous is the key of a request as the store has it before the write: see [Get].
func (r *Request) Previous() (*Entry, error) { return Get(r.Key) }

// PutRequest is a plain put by an unknown caller, for tests of policies.
func PutRequest(key, value string) *Request {
	return &Request{Operation: Put, Key: []byte(key), Value: []byte(value), Lease: new(int64)}
}

// DeleteRequest is a delete of one key by an unknown caller, for tests of policies.
func DeleteRequest(key string) *Request {
	return &Request{Operation: Delete, Key: []byte(key)}
}
