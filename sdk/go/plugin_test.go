//go:build !wasip1

package plugin

import (
	"reflect"
	"testing"
)

func TestVerdicts(t *testing.T) {
	if !(Verdict{}).IsAllowed() || !Allow().WithNote("n").IsAllowed() {
		t.Error("allow does not allow")
	}
	denied := Deny("code", "message")
	if code, message := denied.Denial(); denied.IsAllowed() || code != "code" || message != "message" {
		t.Errorf("%+v", denied)
	}
	first, second := denied.WithWarning("a"), denied.WithWarning("b").WithNote("c")
	if !reflect.DeepEqual(first.Warnings(), []string{"a"}) || !reflect.DeepEqual(second.Warnings(), []string{"b"}) {
		t.Errorf("%+v %+v", first, second)
	}
	if mutated := Mutate([]byte("v")); mutated.IsAllowed() || string(mutated.NewValue()) != "v" {
		t.Errorf("%+v", mutated)
	}
}

func TestAPolicyWithoutSettingsRefusesThem(t *testing.T) {
	defer func() { registered = nil }()
	Register(Policy{Name: "p", Version: "1", Review: func(*Request) Verdict { return Allow() }})
	if registered.ValidateSettings("") != nil || registered.ValidateSettings("x") == nil {
		t.Error("settings that nobody reads were taken")
	}
}

func TestReadsOfTheTestStore(t *testing.T) {
	defer SetEntries()
	SetEntries(Entry{Key: []byte("/b/2")}, Entry{Key: []byte("/b/1"), Value: []byte("one")}, Entry{Key: []byte("/a")})
	entry, err := PutRequest("/b/1", "new").Previous()
	if err != nil || string(entry.Value) != "one" {
		t.Errorf("%+v, %v", entry, err)
	}
	if entry, err := DeleteRequest("/c").Previous(); entry != nil || err != nil {
		t.Errorf("%+v, %v", entry, err)
	}
	listing, err := List([]byte("/b/"), nil, 1)
	if err != nil || len(listing.Entries) != 1 || string(listing.Entries[0].Key) != "/b/1" || !listing.More {
		t.Errorf("%+v, %v", listing, err)
	}
	listing, _ = List([]byte("/b/"), []byte("/b/1\x00"), 5)
	if len(listing.Entries) != 1 || string(listing.Entries[0].Key) != "/b/2" || listing.More {
		t.Errorf("%+v", listing)
	}
}
