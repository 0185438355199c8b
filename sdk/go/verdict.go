package plugin

type decision uint8

const (
	allow decision = iota
	deny
	mutate
)

// Verdict is what becomes of a write. Its zero value allows it.
type Verdict struct {
	decision      decision
	code, message string
	value         []byte
	warnings      []string
	notes         []string
}

// Allow lets the write pass.
func Allow() Verdict { return Verdict{} }

// Deny refuses the write. The code is for programs: lowercase letters, digits and hyphens, at most 64 bytes. The message is
// for people: one line, cut off after 1 KiB. Neither may quote the value.
func Deny(code, message string) Verdict {
	return Verdict{decision: deny, code: code, message: message}
}

// Mutate lets the write pass with this value in the place of its own. The administrator must have granted that.
func Mutate(value []byte) Verdict {
	return Verdict{decision: mutate, value: value}
}

// WithWarning is the same verdict with a line for whoever wrote: at most sixteen of 256 bytes each. It may not quote the value.
func (v Verdict) WithWarning(line string) Verdict {
	v.warnings = append(v.warnings[:len(v.warnings):len(v.warnings)], line)
	return v
}

// WithNote is the same verdict with a line for the record: at most sixteen of 256 bytes each. It may not quote the value.
func (v Verdict) WithNote(line string) Verdict {
	v.notes = append(v.notes[:len(v.notes):len(v.notes)], line)
	return v
}

// IsAllowed tells whether the write passes as it is.
func (v Verdict) IsAllowed() bool { return v.decision == allow }

// Denial is the code and the message with which the write is refused; both are empty if it is not.
func (v Verdict) Denial() (code, message string) { return v.code, v.message }

// NewValue is what is put in the place of the value, or nil.
func (v Verdict) NewValue() []byte { return v.value }

// Warnings are the lines for whoever wrote.
func (v Verdict) Warnings() []string { return v.warnings }

// Notes are the lines for the record.
func (v Verdict) Notes() []string { return v.notes }
