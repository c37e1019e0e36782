# The short way in. The work is in CMakeLists.txt and tools/.

BUILD ?= build
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)

# Two builds in one folder would trip over each other: the second waits.
ALONE = mkdir -p $(BUILD) && flock $(BUILD)
CONFIGURE = $(ALONE) cmake -S . -B $(BUILD) -G Ninja -DBULKHEAD_DEV=ON
COMPILE = $(ALONE) cmake --build $(BUILD) -j $(JOBS)
# Timing tests get a second try: other programs may have had the machine.
# A test takes two places, one that mostly waits takes one (tests/CMakeLists.txt): a test more than there are processors,
# or twice as many that wait.
CTEST = ctest --output-on-failure --repeat until-pass:2 --no-tests=error -j $(shell expr $(JOBS) \* 2 + 2)

.DEFAULT_GOAL := help
.PHONY: help setup build demo test test-slow bench bench-peers lint sanitize sanitize-thread languages install clean with-tests

help: ## this text
	@echo 'make TARGET, where TARGET is one of'
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  \1\t\2/p' Makefile | expand -t 20

setup: ## install what building and testing need (Debian), check Rust
	@tools/setup.sh build

build: setup ## the library and the command, into build/
	@$(CONFIGURE) >/dev/null
	@$(COMPILE)

# The build with all test programs and guests.
with-tests: setup
	@guest_tools=$$(tools/guest-tools.sh) && \
		$(CONFIGURE) -DBULKHEAD_GUEST_TOOLS="$$guest_tools" >/dev/null
	@$(COMPILE) -t all guests tests

demo: with-tests ## build, then show guests that behave and guests that are stopped
	@BULKHEAD=$(BUILD)/bin/bulkhead GUESTS=$(BUILD)/guests tools/demo.sh
	@BULKHEAD=$(BUILD)/bin/bulkhead GUESTS=$(BUILD)/guests UPSTREAM=$(BUILD)/tests/serve_upstream tools/demo-gateway.sh

test: with-tests ## the quick tests
	@cd $(BUILD) && $(CTEST) -LE 'slow|languages'

test-slow: with-tests ## the tests that take long
	@cd $(BUILD) && $(CTEST) -L slow

languages: ## guests built by the toolchains of other languages, and their tests
	@tools/setup.sh languages
	@$(MAKE) --no-print-directory with-tests
	@node=$$(tools/node.sh) && PATH="$$node:$$PATH" guests/languages/build.sh $(BUILD)/guests/languages
	@cd $(BUILD) && $(CTEST) -L languages

bench: ## the benchmarks, into build/bench/*.jsonl
	@tools/setup.sh bench
	@$(MAKE) --no-print-directory with-tests
	@$(COMPILE) -t benchmarks
	@tools/bench.sh $(BUILD)

bench-peers: ## what benchmarks run beside, kept per user: the wasmtime command, raw-wasmtime, smg-wasm (25 minutes, once)
	@tools/bench-peers.sh >/dev/null

lint: ## formatting, static analysis, the include rule, exports, scripts
	@tools/setup.sh lint
	@$(MAKE) --no-print-directory build
	@tools/lint.sh $(BUILD)

sanitize: ## the quick tests under AddressSanitizer and UndefinedBehaviorSanitizer, in build-asan/
	@tools/sanitize.sh address,undefined build-asan

sanitize-thread: ## the quick tests under ThreadSanitizer, in build-tsan/
	@tools/sanitize.sh thread build-tsan

install: ## into $(DESTDIR)$(PREFIX); build first
	@test -e $(BUILD)/lib/libbulkhead.a || $(MAKE) --no-print-directory build
	@cmake --install $(BUILD) --prefix $(PREFIX)

clean: ## remove what was built here; the engine and guest tools stay in the per-user cache
	@rm -rf $(BUILD) build-asan build-tsan
