# What a person types. `make help` lists the targets.

SWIFT ?= swift
CC = cc
CLANG ?= clang
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
DESTDIR ?=

# Where this file is, so that `make -f elsewhere/Makefile demo` works in any directory; ./ as a rule.
ROOT := $(dir $(lastword $(MAKEFILE_LIST)))

# The library. The manifest has no linker flags, so that other packages can depend on it; they are here:
# no other name than those of the map is visible, none is missing, and once loaded the object stays
# (its threads and handlers could not survive an unload). The linker runs in the package's directory.
RELEASE := $(ROOT).build/release
LIBRARY := $(RELEASE)/libkaio.so
# The state that several threads share is guarded by locks; the compiler's own checks of it would be calls.
COMPILE = -enforce-exclusivity=unchecked
LINK = -soname=libkaio.so.1 --version-script=Sources/Kaio/exports.map -z defs -z nodelete --gc-sections -s
SOURCES := $(ROOT)Package.swift $(shell find $(ROOT)Sources $(ROOT)include -type f -not -name '.*')

.DEFAULT_GOAL := library
.DELETE_ON_ERROR:

library: $(LIBRARY) ## Builds .build/release/libkaio.so (this is plain `make`)

$(LIBRARY): $(SOURCES) $(ROOT)Makefile
	@$(ROOT)Tools/setup build
	$(SWIFT) build --package-path $(or $(ROOT),.) -c release --product kaio $(COMPILE:%=-Xswiftc %) $(LINK:%=-Xlinker %)
	@ln -sf libkaio.so $(RELEASE)/libkaio.so.1
	@touch $@

# The same objects as one, for programs that are linked statically. Only the names of the map are visible in it: of the
# Swift runtime's own, which it contains, a Swift program has others.
ARCHIVE := $(RELEASE)/libkaio.a

archive: $(ARCHIVE) ## Builds .build/release/libkaio.a, for static programs

$(ARCHIVE): $(LIBRARY)
	sed -n '/global:/,/local:/ s/\<[a-z0-9_*]*;/\n&\n/gp' $(ROOT)Sources/Kaio/exports.map | \
		sed -n 's/^\([a-z0-9_*]*\);$$/\1/p' >$(@D)/kaio.names
	ld -r -o $(@D)/kaio.o @$(RELEASE)/kaio.product/Objects.LinkFileList
	objcopy --wildcard --keep-global-symbols=$(@D)/kaio.names --strip-unneeded -R '.swift*' -R .linker-options $(@D)/kaio.o
	rm -f $@ && ar rcsD $@ $(@D)/kaio.o

# The command needs the C library alone, not a Swift installation. It has a build directory of its own, as other flags
# in the same one would build everything anew.
COMMAND := $(ROOT).build/command/release/kaio-command
COMMAND_LINK = --gc-sections -s

command: $(COMMAND) ## Builds the `kaio` command, .build/command/release/kaio-command

$(COMMAND): $(ROOT)Package.swift $(shell find $(ROOT)Sources/kaio-command -type f) $(ROOT)Makefile
	@$(ROOT)Tools/setup build
	$(SWIFT) build --package-path $(or $(ROOT),.) --scratch-path $(ROOT).build/command -c release \
		--product kaio-command --static-swift-stdlib $(COMMAND_LINK:%=-Xlinker %)
	@touch $@

# Shells read them, so a line that says who runs them is out of place.
COMPLETIONS := $(foreach shell,bash zsh fish,$(ROOT).build/completions/kaio.$(shell))

$(COMPLETIONS): $(ROOT).build/completions/kaio.%: $(COMMAND)
	@mkdir -p $(@D)
	$(COMMAND) --generate-completion-script $* | sed '1 { /^#!/ d }' >$@

all: library archive command man $(COMPLETIONS) ## Builds all that is installed

test: set-up-test all ## Runs all tests; ends with "N passed, N failed"
	@$(ROOT)Tests/run

conformance: set-up-test library ## Runs the C programs on kaio and on glibc; writes docs/conformance.md
	@$(ROOT)Tests/run --compare

demo: set-up-demo library ## Shows fio on glibc's AIO and on kaio, on a file in the current directory
	@$(ROOT)Benchmarks/demo

bench: set-up-bench library ## Measures kaio beside glibc, libaio and io_uring (15 minutes); writes Benchmarks/results
	@$(ROOT)Benchmarks/bench

bench-quick: set-up-bench library ## The same for what has a target only (2 minutes); writes Benchmarks/results/quick
	@$(ROOT)Benchmarks/bench --quick

# The texts are in docs/; what the headers say of functions is taken from there.
PAGES := $(shell find $(ROOT)docs -name '*.md' -o -name '*.css') $(wildcard $(ROOT)include/*.h) $(ROOT)Tools/manual

man: $(ROOT).build/man/kaio.7 ## Makes the man pages, .build/man/NAME.SECTION

docs: $(ROOT).build/html/index.html ## Makes the manual as HTML, .build/html/index.html

$(ROOT).build/man/kaio.7 $(ROOT).build/html/index.html &: $(PAGES)
	@$(ROOT)Tools/setup man
	$(ROOT)Tools/manual man $(ROOT).build/man
	$(ROOT)Tools/manual html $(ROOT).build/html

lint: set-up-lint ## Checks the style of Swift, the scripts, and C with two compilers
	@$(ROOT)Tools/lint

install: all ## Installs below PREFIX (/usr/local); LIBDIR is PREFIX/lib, DESTDIR goes in front of both
	@PREFIX="$(PREFIX)" LIBDIR="$(LIBDIR)" DESTDIR="$(DESTDIR)" $(ROOT)Tools/install

uninstall: ## Removes what install has put there; with the same PREFIX and DESTDIR
	@PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" $(ROOT)Tools/install --uninstall

deb: set-up-deb all ## Builds the Debian packages libkaio1, libkaio-dev and kaio, .build/deb/*.deb
	@$(ROOT)Tools/deb

clean: ## Removes all that was built
	rm -rf $(ROOT).build $(ROOT).build-tsan

help: ## Lists the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(ROOT)Makefile | expand -t 16

set-up-%:
	@$(ROOT)Tools/setup $*

.PHONY: library archive command all test conformance demo bench bench-quick man docs lint install uninstall deb clean help
