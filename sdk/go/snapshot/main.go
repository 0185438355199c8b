// Snapshot starts a plugin once, when it is built, so that it need not start for every review.
//
// `snapshot MODULE OUTPUT` takes the core module that the Go compiler writes, runs its `_initialize`, which sets up Go's
// runtime and runs the init functions of all packages, and writes the module with its memory and its globals as they are
// then. A review of a small plugin takes a third of the time.
//
// The start sees no arguments, no environment, no files and a clock that stands still, as a plugin always does. It may not
// call the host: settings and reads are for the reviews.
package main

import (
	"context"
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: snapshot MODULE OUTPUT")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintf(os.Stderr, "snapshot: %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

func run(input, output string) error {
	text, err := os.ReadFile(input)
	if err != nil {
		return err
	}
	started, err := snapshot(context.Background(), text)
	if err != nil {
		return err
	}
	return os.WriteFile(output, started, 0o644)
}

func snapshot(ctx context.Context, text []byte) ([]byte, error) {
	module, err := parse(text)
	if err != nil {
		return nil, err
	}
	state, err := start(ctx, module.withGlobalsExported(), len(module.globals))
	if err != nil {
		return nil, err
	}
	return module.withState(state)
}
