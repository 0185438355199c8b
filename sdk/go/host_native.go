//go:build !wasip1

package plugin

import (
	"bytes"
	"os"
	"slices"
)

const listMax = 1000

var (
	testSettings string
	testEntries  []Entry
)

// SetSettings gives the plugin settings, for native tests of policies.
func SetSettings(settings string) { testSettings = settings }

// SetEntries gives the plugin a store to read, for native tests of policies.
func SetEntries(entries ...Entry) {
	testEntries = slices.Clone(entries)
	slices.SortFunc(testEntries, func(a, b Entry) int { return bytes.Compare(a.Key, b.Key) })
}

func hostLog(level Level, message string) {
	names := [...]string{"debug", "info", "warning", "error"}
	os.Stderr.WriteString(names[level] + ": " + message + "\n")
}

func hostSettings() string { return testSettings }

func hostGet(key []byte) (*Entry, error) {
	for _, entry := range testEntries {
		if bytes.Equal(entry.Key, key) {
			return &entry, nil
		}
	}
	return nil, nil
}

func hostList(prefix, start []byte, limit uint32) (Listing, error) {
	var listing Listing
	for _, entry := range testEntries {
		if !bytes.HasPrefix(entry.Key, prefix) || bytes.Compare(entry.Key, start) < 0 {
			continue
		}
		if len(listing.Entries) == int(min(max(limit, 1), listMax)) {
			listing.More = true
			break
		}
		listing.Entries = append(listing.Entries, entry)
	}
	return listing, nil
}
