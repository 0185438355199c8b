// Package plugin writes an admission plugin for Strongroom in Go: one value, one function.
//
// A plugin looks at a write before it enters the store and allows it, denies it, or changes it. It is compiled to a
// WebAssembly component that can reach nothing: no files, no network, and a clock that stands still. It has [Settings], a
// [Log] that administrators read, and what it may [Get] and [List] of the store. Every call runs in a fresh instance, so a
// variable does not outlive the review, unless the administrator has instances reused. A panic counts as a failed review, which denies the write unless the administrator
// chose otherwise.
//
// The package is not the contract (that is sdk/wit/admission.wit); it only spells it in Go. A complete plugin:
//
//	package main
//
//	import (
//		"bytes"
//
//		"strongroom/plugin"
//	)
//
//	func init() {
//		plugin.Register(plugin.Policy{
//			Name:       "no-latest-tag",
//			Version:    "0.1.0",
//			Prefixes:   []string{"/registry/pods/"},
//			Operations: plugin.Puts,
//			Review:     review,
//		})
//	}
//
//	func review(request *plugin.Request) plugin.Verdict {
//		if bytes.Contains(request.Value, []byte(":latest")) {
//			return plugin.Deny("latest-tag", "name the version of the image instead of :latest")
//		}
//		return plugin.Allow()
//	}
//
//	func main() {}
//
// Init functions run when the plugin is built, if it is built as the SDK's README says: they cannot ask the host. Package
// fmt, and what uses it, makes a component larger by a third; the packages kubernetes and json do without.
package plugin

// Operations is a set of operations.
type Operations uint8

// A plugin that wants deletes is also shown each put that attaches or keeps a lease: when the lease ends its keys are
// deleted, and no plugin is asked then.
const (
	Puts    Operations = 1
	Deletes Operations = 2
)

// Policy is what a plugin is and does.
type Policy struct {
	// Name has lowercase letters, digits and hyphens, beginning with a letter; at most 64 bytes.
	Name string
	// Version is printable ASCII, at most 64 bytes.
	Version string
	// Prefixes of the keys whose writes are reviewed. The administrator may choose others at installation.
	Prefixes []string
	// Operations that are reviewed.
	Operations Operations
	// Review judges one write. A transaction is reviewed write by write; see [Request.InTxn].
	Review func(*Request) Verdict
	// ValidateSettings tells whether the plugin can work with these settings, and if not, why. A plugin without it has none.
	ValidateSettings func(settings string) error
}

var registered *Policy

// Register makes policy the plugin that this program is. Call it once, in an init function: main is not run.
func Register(policy Policy) {
	switch {
	case registered != nil:
		panic("plugin.Register was called twice")
	case policy.Review == nil:
		panic("the policy has no Review")
	}
	if policy.ValidateSettings == nil {
		policy.ValidateSettings = refuseSettings
	}
	registered = &policy
}

type mistake string

func (m mistake) Error() string { return string(m) }

func refuseSettings(settings string) error {
	if settings == "" {
		return nil
	}
	return mistake("this plugin has no settings")
}
