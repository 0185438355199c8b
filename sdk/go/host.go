package plugin

// Level is how much a line of the log matters.
type Level uint8

const (
	Debug Level = iota
	Info
	Warning
	Error
)

// Entry is a key as the store has it.
type Entry struct {
	Key []byte
	// Value is nil when withheld: it lies under a sealed prefix, and the plugin may not see such values.
	Value []byte
	// CreateRevision is the revision in which the key was created.
	CreateRevision int64
	// ModRevision is the revision in which it was last put.
	ModRevision int64
	// Version is how often it was put since it was created.
	Version int64
	// Lease that it is attached to, 0 for none.
	Lease int64
}

// Listing is keys in their order.
type Listing struct {
	Entries []Entry
	// More tells that there are more than were asked for.
	More bool
}

// Why nothing was read.
var (
	// ErrNotGranted: the administrator did not let this plugin read there.
	ErrNotGranted error = mistake("this plugin was not granted to read there")
	// ErrTooMuch: this call has read as much as one call may, 4 MiB or 100 times.
	ErrTooMuch error = mistake("this call has read as much as one call may")
)

// Log adds a line to this plugin's log, which administrators read (`strongroom plugin logs`). What is longer than 1 KiB is
// cut off, and after sixteen lines a call adds no more. What is logged during the review of a sealed value is dropped.
//
// In native tests the line goes to standard error.
func Log(level Level, message string) { hostLog(level, message) }

// Settings are what the administrator gave, as text in a form that the plugin chooses; empty for none. In native tests they
// are those of [SetSettings].
func Settings() string { return hostSettings() }

// Get reads a key; it gives nil if there is none. In native tests the store is that of [SetEntries].
//
// All reads during the reviews of one client request are of one revision.
func Get(key []byte) (*Entry, error) { return hostGet(key) }

// List reads keys that begin with prefix, from start on (empty: from the first), at most limit, which counts as 1 to 1,000.
// To go on, start at the last key with a zero byte after it.
func List(prefix, start []byte, limit uint32) (Listing, error) { return hostList(prefix, start, limit) }
