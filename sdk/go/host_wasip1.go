package plugin

import (
	"unsafe"

	"strongroom/plugin/internal/abi"
)

// What the host answers with. Not on a stack, which moves when the host calls back for memory.
var (
	gotSettings abi.Span
	got         abi.Got
	listed      abi.Listed
)

//go:wasmimport strongroom:admission/host@0.1.0 log
func importLog(level uint32, message string)

//go:wasmimport strongroom:admission/host@0.1.0 settings
func importSettings(answer unsafe.Pointer)

//go:wasmimport strongroom:admission/host@0.1.0 get
func importGet(key unsafe.Pointer, length uint32, answer unsafe.Pointer)

//go:wasmimport strongroom:admission/host@0.1.0 list
func importList(prefix unsafe.Pointer, prefixLength uint32, start unsafe.Pointer, startLength, limit uint32, answer unsafe.Pointer)

func hostLog(level Level, message string) { importLog(uint32(level), message) }

func hostSettings() string {
	importSettings(unsafe.Pointer(&gotSettings))
	defer abi.Release()
	return gotSettings.String()
}

func hostGet(key []byte) (*Entry, error) {
	importGet(unsafe.Pointer(unsafe.SliceData(key)), uint32(len(key)), unsafe.Pointer(&got))
	defer abi.Release()
	if got.Failed != 0 {
		return nil, readError(got.Some)
	}
	if got.Some == 0 {
		return nil, nil
	}
	entry := lift(&got.Entry)
	return &entry, nil
}

func hostList(prefix, start []byte, limit uint32) (Listing, error) {
	importList(unsafe.Pointer(unsafe.SliceData(prefix)), uint32(len(prefix)),
		unsafe.Pointer(unsafe.SliceData(start)), uint32(len(start)), limit, unsafe.Pointer(&listed))
	defer abi.Release()
	if listed.Failed != 0 {
		return Listing{}, readError(listed.Reason())
	}
	raw := abi.List[abi.Entry](listed.Entries)
	listing := Listing{Entries: make([]Entry, len(raw)), More: listed.More != 0}
	for i := range raw {
		listing.Entries[i] = lift(&raw[i])
	}
	return listing, nil
}

func lift(raw *abi.Entry) Entry {
	return Entry{
		Key:            raw.Key.Bytes(),
		Value:          raw.Value.Bytes(),
		CreateRevision: raw.CreateRevision,
		ModRevision:    raw.ModRevision,
		Version:        raw.Version,
		Lease:          raw.Lease,
	}
}

func readError(reason uint8) error {
	if reason == 0 {
		return ErrNotGranted
	}
	return ErrTooMuch
}
