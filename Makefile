# What contributors run. Every target first installs what it misses: see .ci/install.sh.
#
# Always the whole workspace: cargo resolves other features for a single package, and RocksDB would be compiled again. A release, which is
# compiled for `bench` alone, is of the two packages that it takes.

.DEFAULT_GOAL := help
.PHONY: help run test built conformance clients fuzz guests faults bench verify played tormented read fix audit plugins

# Documentation that does not build is a defect, and so is a warning.
export RUSTDOCFLAGS := -D warnings

DEBUG := $(or $(CARGO_TARGET_DIR),target)/debug
RELEASE := $(or $(CARGO_TARGET_DIR),target)/release

GUESTS := $(wildcard plugins/*/Cargo.toml) sdk/rust/Cargo.toml

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

run: built ## Start one member on this machine (make run ARGS="--dir /tmp/dev --client-port 0")
	@exec "$(DEBUG)/strongroom" dev $(ARGS)

built: plugins
	cargo build --workspace

test: built ## Run all tests
	@.ci/install.sh etcd
	cargo test --workspace
	@set -e; for guest in $(GUESTS); do cargo test --manifest-path $$guest; done

conformance: built ## Play every conformance case, and generated calls, on Strongroom and on a real etcd (make conformance ARGS="kv/range --verbose")
	@.ci/install.sh etcd
	tests/conformance/reference/build.sh
	@"$(DEBUG)/conformance" $(ARGS)

clients: built ## Drive the server with real clients in five languages (make clients ARGS="--only go --server strongroom")
	@.ci/install.sh etcd clients
	tests/conformance/reference/build.sh
	@"$(DEBUG)/clients" $(ARGS)

SECONDS ?= 20

fuzz: built ## Send malformed and hostile input to every door for a while (make fuzz SECONDS=600)
	@"$(DEBUG)/fuzz" --seconds $(SECONDS) $(ARGS)

guests: built ## Build the plugins in Go, JavaScript, Python and C, and try them and their SDKs
	@.ci/install.sh guests
	@STRONGROOM=$(abspath $(DEBUG))/strongroom COMPONENTIZE=$(abspath $(DEBUG))/componentize plugins/foreign.sh

FAULTS_SECONDS = $(if $(HOURS),$(shell expr $(HOURS) \* 3600),300)

faults: built ## Random faults under traffic, every promise checked (make faults HOURS=2; ARGS="--prove" for the deliberate bugs, ARGS=--shared-disk without root)
	@"$(DEBUG)/faults" --seconds $(FAULTS_SECONDS) $(ARGS)

bench: plugins ## A release and a real etcd under the same load, side by side, for an hour (make bench ARGS=--quick; ARGS="--only put1000")
	@.ci/install.sh etcd bench
	tests/conformance/reference/build.sh
	cargo build --release --package server --package bench
	@"$(RELEASE)/bench" $(ARGS)

verify: plugins ## Everything a change must pass: format, lints, tests, documentation, dependencies
	cargo fmt --all --check
	@set -e; for guest in $(GUESTS); do cargo fmt --manifest-path $$guest --check; done
	cargo build --workspace # before it is linted: RocksDB takes one processor for long, and this all of the others
	cargo clippy --workspace --all-targets -- -D warnings
	$(MAKE) test
	@.ci/install.sh etcd clients guests # not side by side: one package manager waits for nobody
	$(MAKE) -o built tormented # by itself: its members count in seconds, and on busy processors do little but elect each other
	$(MAKE) -j 3 --output-sync=line -o built played read guests

# What mostly waits, for servers and for clients, and beside it what mostly compiles.
played:
	STRONGROOM_SEED=1 $(MAKE) -o built conformance
	$(MAKE) -o built clients
	$(MAKE) -o built fuzz
	$(MAKE) -o built fuzz SECONDS=2 ARGS=--floods

tormented:
	$(MAKE) -o built faults ARGS=--shared-disk

read:
	nice -n 19 cargo doc --workspace --no-deps --document-private-items
	nice -n 19 .ci/install.sh deny
	cargo deny --all-features check licenses bans sources

fix: plugins ## Format, and apply what clippy can mend by itself
	cargo fmt --all
	@set -e; for guest in $(GUESTS); do cargo fmt --manifest-path $$guest; done
	cargo clippy --workspace --all-targets --fix --allow-dirty --allow-staged

audit: ## Check dependencies against the advisory database (needs the network)
	@.ci/install.sh deny
	cargo deny check advisories

plugins:
	@.ci/install.sh build wasm
	plugins/build.sh
