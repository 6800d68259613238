# What a person types. `make help` lists the targets.

SWIFT ?= swift
CC = cc
CLANG ?= clang
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
DESTDIR ?=

# Where this file is, so that `make -f elsewhere/Makefile demo` works in any directory; ./ as a rule.
ROOT := $(dir $(lastword $(MAKEFILE_LIST)))

# The library: one object, from which the shared object and the archive are made. The compiler is called here, as the
# package manager makes an object of each file, and unwind tables for some of them only (CK_UNWIND_TABLES); `-g` is for
# these. No other name than those of the map is visible, none is missing, and once loaded the library stays (its threads
# and handlers could not survive an unload).
RELEASE := $(ROOT).build/release
LIBRARY := $(RELEASE)/libkaio.so
OBJECT := $(RELEASE)/Kaio.o
# The state that several threads share is guarded by locks; the compiler's own checks of it would be calls.
# No path of this tree is in what is made, nor a hash of the compiler's options. (Not by objcopy afterwards: it drops
# what says which pages become read-only after relocation.)
ANYWHERE = -file-prefix-map $(abspath $(or $(ROOT),.))=. -Xfrontend -disable-incremental-llvm-codegen
COMPILE = $(ANYWHERE) -module-name Kaio -parse-as-library -wmo -O -g -swift-version 6 -enable-experimental-feature Embedded \
	-enforce-exclusivity=unchecked -Xcc -fPIC -module-cache-path $(RELEASE)/modules \
	$(foreach module,include Sources/CKernel,-Xcc -fmodule-map-file=$(ROOT)$(module)/module.modulemap)
EXPORTS := $(ROOT)Sources/Kaio/exports.map
LINK = -soname=libkaio.so.1 --version-script=$(EXPORTS) -z defs -z nodelete --gc-sections -s --build-id=none
# The C library 2.31 and later will do, whichever is here.
OLDER := $(abspath $(ROOT).build/older-libc)
SOURCES := $(sort $(shell find $(ROOT)Sources/Kaio -name '[!.]*.swift'))

.DEFAULT_GOAL := library
.DELETE_ON_ERROR:

library: $(LIBRARY) ## Builds .build/release/libkaio.so (this is plain `make`)

# So that the parts of the compiler that are written in Swift go through their sets in one order: two builds are the same bytes.
$(OBJECT): export SWIFT_DETERMINISTIC_HASHING = 1

$(OBJECT): $(SOURCES) $(shell find $(ROOT)Sources/CKernel $(ROOT)include -type f -not -name '.*') $(ROOT)Makefile
	@$(ROOT)Tools/setup build
	@mkdir -p $(@D)
	$(SWIFT)c $(COMPILE) -c $(SOURCES) -o $@

$(OLDER)/flags: $(ROOT)Tools/older-libc
	@$(ROOT)Tools/setup build
	$(ROOT)Tools/older-libc $(@D) $(CC)

$(LIBRARY): $(OBJECT) $(EXPORTS) $(OLDER)/flags
	$(SWIFT)c -emit-library -enable-experimental-feature Embedded $(LINK:%=-Xlinker %) $(OBJECT) \
		$$(sed 's/^/-Xlinker /' $(OLDER)/flags) -o $@
	@ln -sf libkaio.so $(RELEASE)/libkaio.so.1

# The same object, for programs that are linked statically. Only the names of the map are visible in it: of the
# Swift runtime's own, which it contains, a Swift program has others. The C library's freopen is not weak: a static program
# has that one.
ARCHIVE := $(RELEASE)/libkaio.a

archive: $(ARCHIVE) ## Builds .build/release/libkaio.a, for static programs

define make_archive
	sed -n '/global:/,/local:/ s/\<[a-z0-9_*]*;/\n&\n/gp' $(EXPORTS) | \
		sed -n '/^freopen/! s/^\([a-z0-9_*]*\);$$/\1/p' >$(@D)/kaio.names
	$(1)objcopy --wildcard --keep-global-symbols=$(@D)/kaio.names --strip-unneeded -R '.swift*' -R .linker-options \
		$(@D)/Kaio.o $(@D)/kaio.o
	rm -f $@ && $(1)ar rcsD $@ $(@D)/kaio.o
endef

$(ARCHIVE): $(OBJECT) $(EXPORTS)
	$(call make_archive)

# For arm64 (aarch64), with Debian's cross tools. The toolchain has Embedded Swift's library for this processor without an
# operating system, which is all that the library needs.
AARCH64 := $(ROOT).build/aarch64
CROSS = aarch64-linux-gnu-
CROSS_COMPILE = -target aarch64-none-none-elf -Xcc -isystem -Xcc /usr/aarch64-linux-gnu/include -Xcc -I$(AARCH64)/include \
	-Xcc -D__linux__ -Xcc -D__gnu_linux__ -Xcc -D__unix__ -Xcc -fasynchronous-unwind-tables

aarch64: set-up-aarch64 $(AARCH64)/libkaio.so $(AARCH64)/kaio ## Builds library and command for aarch64 with Debian's cross tools, in .build/aarch64

AARCH64_OLDER := $(abspath $(AARCH64)/older-libc)

$(AARCH64_OLDER)/flags: $(ROOT)Tools/older-libc
	$(ROOT)Tools/older-libc $(@D) $(CROSS)gcc

$(AARCH64)/libkaio.so: $(SOURCES) $(EXPORTS) $(AARCH64_OLDER)/flags $(ROOT)Makefile
	@mkdir -p $(@D)/include
	$(SWIFT)c $(CROSS_COMPILE) $(COMPILE:$(RELEASE)/modules=$(@D)/modules) -c $(SOURCES) -o $(@D)/Kaio.o
	$(CROSS)gcc -shared -o $@ $(@D)/Kaio.o $(LINK:%=-Xlinker %) $$(sed 's/^/-Xlinker /' $(AARCH64_OLDER)/flags)
	@ln -sf libkaio.so $(@D)/libkaio.so.1

$(AARCH64)/libkaio.a: $(AARCH64)/libkaio.so
	$(call make_archive,$(CROSS))

# The command needs the C library alone, not a Swift installation. It has a build directory of its own, as other flags
# in the same one would build everything anew.
COMMAND := $(ROOT).build/command/release/kaio-command
COMMAND_COMPILE = -L$(OLDER) -I$(dir $(STAND_IN)) -Xfrontend -function-sections $(ANYWHERE)
COMMAND_LINK = --gc-sections --no-export-dynamic -s --build-id=none --wrap=__libc_start_main $(OLDER)/start.o \
	$(patsubst %,--wrap=swift_task_%,alloc dealloc switch) $(STAND_IN)

# Half the size: what the argument parser needs of Foundation and of Swift's concurrency is a few lines, and found before theirs.
STAND_IN := $(abspath $(ROOT).build/stand-in/FoundationEssentials.o)

$(STAND_IN): $(ROOT)Sources/FoundationEssentials/FoundationEssentials.swift $(ROOT)Makefile
	@$(ROOT)Tools/setup build
	@mkdir -p $(@D)
	$(SWIFT)c $(ANYWHERE) -O -parse-as-library -wmo -swift-version 6 -module-name FoundationEssentials \
		-emit-module -emit-module-path $(@:.o=.swiftmodule) -c $< -o $@

command: $(COMMAND) ## Builds the `kaio` command, .build/command/release/kaio-command

$(COMMAND): export SWIFT_DETERMINISTIC_HASHING = 1

$(COMMAND): $(ROOT)Package.swift $(shell find $(addprefix $(ROOT),Sources/kaio-command Sources/CKernel include) -type f) $(OLDER)/flags $(STAND_IN) $(ROOT)Makefile
	KAIO_COMMAND=1 $(SWIFT) build --package-path $(or $(ROOT),.) --scratch-path $(ROOT).build/command -c release \
		--product kaio-command --static-swift-stdlib $(COMMAND_COMPILE:%=-Xswiftc %) \
		$(COMMAND_LINK:%=-Xlinker %) $$(sed 's/^/-Xlinker /' $(OLDER)/flags)

# The same for aarch64, by Debian's compiler, which has the whole library for it. The package manager takes part here only by
# having the argument parser's sources checked out.
AARCH64_MODULES := $(abspath $(AARCH64)/command)
PARSER := $(ROOT).build/command/checkouts/swift-argument-parser/Sources
AARCH64_COMMAND_COMPILE = -O -parse-as-library -swift-version 6 -I $(AARCH64_MODULES) -function-sections \
	$(filter-out -Xfrontend,$(ANYWHERE)) $(foreach module,include Sources/CKernel,-Xcc -fmodule-map-file=$(ROOT)$(module)/module.modulemap)
AARCH64_COMMAND_LINK = $(filter-out %.o,$(COMMAND_LINK)) $(AARCH64_OLDER)/start.o
AARCH64_SWIFT := $(AARCH64)/swift

$(AARCH64_SWIFT)/compile: $(ROOT)Tools/aarch64-swift
	$(ROOT)Tools/aarch64-swift $(@D) $(CROSS)gcc

# aarch64_module NAME,DIRECTORY: an object of all sources there.
define aarch64_module
	find $(2) -name '*.swift' -print0 | LC_ALL=C sort -z | xargs -0 $(AARCH64_SWIFT)/compile $(AARCH64_COMMAND_COMPILE) \
		-suppress-warnings -module-name $(1) -emit-module-path $(AARCH64_MODULES)/$(1).swiftmodule -o $(AARCH64_MODULES)/$(1).o
endef

$(AARCH64)/kaio: export SWIFT_DETERMINISTIC_HASHING = 1

$(AARCH64)/kaio: $(COMMAND) $(AARCH64_SWIFT)/compile $(AARCH64_OLDER)/flags $(ROOT)Makefile
	@mkdir -p $(AARCH64_MODULES)
	$(call aarch64_module,FoundationEssentials,$(ROOT)Sources/FoundationEssentials)
	$(call aarch64_module,ArgumentParserToolInfo,$(PARSER)/ArgumentParserToolInfo)
	$(call aarch64_module,ArgumentParser,$(PARSER)/ArgumentParser)
	$(call aarch64_module,kaio_command,$(ROOT)Sources/kaio-command)
	$(CROSS)gcc -pie -fuse-ld=lld -B $(dir $(realpath $(shell command -v $(SWIFT)))) -o $@ -L$(AARCH64_OLDER) \
		$(AARCH64_SWIFT)/library/aarch64/swiftrt.o $(AARCH64_MODULES)/*.o -L$(AARCH64_SWIFT)/library -Wl,--start-group \
		$(patsubst %,-l%,swiftCore swift_StringProcessing swift_RegexParser swiftGlibc) -Wl,--end-group -l:libstdc++.a -lgcc_s $(AARCH64_COMMAND_LINK:%=-Xlinker %) \
		$$(sed 's/^/-Xlinker /' $(AARCH64_OLDER)/flags) -lm

# Shells read them, so a line that says who runs them is out of place.
COMPLETIONS := $(foreach shell,bash zsh fish,$(ROOT).build/completions/kaio.$(shell))

$(COMPLETIONS): $(ROOT).build/completions/kaio.%: $(COMMAND)
	@mkdir -p $(@D)
	$(COMMAND) --generate-completion-script $* | sed '1 { /^#!/ d }' >$@

all: library archive command man $(COMPLETIONS) ## Builds all that is installed

test: set-up-test all fuzzers ## Runs all tests; ends with "N passed, N failed"
	@$(ROOT)Tests/run

# As long, and with the choices of as many seeds, as you like; MODE: preloaded, linked or static.
SECONDS = 60
MODE = preloaded

soak: library $(if $(filter static,$(MODE)),archive) ## Everything at the same time, verified, for SECONDS=60 (MODE=, SEED=, ACTORS=)
	@$(ROOT)Tests/Soak/run $(MODE) --seconds $(SECONDS) $(SEED:%=--seed %) $(if $(ACTORS),--actors "$(ACTORS)")

crash-group-sync: library ## Kills a writer 300 times, with its device: what was complete must be there (KILLS=300)
	@KILLS=$${KILLS:-300} $(ROOT)Tests/run preloaded group_sync_loses_nothing

crash-bufio: library ## Kills a program that writes through bufio 300 times: what was safe must be there (KILLS=300)
	@KILLS=$${KILLS:-300} $(ROOT)Tests/run preloaded bufio_survives_kills

crash-mirror: library ## Kills a program that writes to a mirror 300 times, also in a write of the log: what was complete must be there (KILLS=300)
	@KILLS=$${KILLS:-300} $(ROOT)Tests/run preloaded mirror_survives_kills
	@$(ROOT)Tests/run command mirror_survives_killed_commands

fuzz: set-up-build ## Has the fuzzers of Tests/fuzz run side by side, each for SECONDS= (60)
	@$(ROOT)Tests/fuzz/run --seconds $(SECONDS)

fuzzers:
	@$(ROOT)Tests/fuzz/run --build

conformance: set-up-test library ## Runs the C programs on kaio and on glibc; writes docs/conformance.md
	@$(ROOT)Tests/run --compare

faults: library ## Fails each system call of the library in turn, and shortens each limit (4 minutes)
	@$(ROOT)Tests/faults

demo: set-up-demo library ## Shows fio on glibc's AIO and on kaio, on a file in the current directory
	@$(ROOT)Benchmarks/demo

bench: set-up-bench library ## Measures kaio beside glibc, libaio and io_uring (15 minutes); writes Benchmarks/results
	@$(ROOT)Benchmarks/bench

bench-quick: set-up-bench library ## The same for what has a target only (2 minutes); writes Benchmarks/results/quick
	@$(ROOT)Benchmarks/bench --quick

# The texts are in docs/; what the headers say of functions is taken from there.
PAGES := $(shell find $(ROOT)docs -name '*.md' -o -name '*.css' -o -name '*.js') $(wildcard $(ROOT)include/*.h) $(ROOT)Tools/manual

man: $(ROOT).build/man/kaio.7 ## Makes the man pages, .build/man/NAME.SECTION

docs: $(ROOT).build/html/index.html ## Makes the manual as HTML, .build/html/index.html

$(ROOT).build/man/kaio.7 $(ROOT).build/html/index.html &: $(PAGES)
	@$(ROOT)Tools/setup man
	$(ROOT)Tools/manual man $(ROOT).build/man
	$(ROOT)Tools/manual html $(ROOT).build/html

docs-look: set-up-look ## Looks at the HTML pages in headless Chromium: widths, errors, the search; PICTURES=FOLDER keeps pictures
	@$(ROOT)Tests/look $(PICTURES)

models: set-up-models ## Checks models of the protocols with spin, each also with a fault in it that must be found (5 minutes)
	@$(ROOT)Tests/models/run

lint: set-up-lint ## Checks the style of Swift, the scripts, C with two compilers, spelling, line lengths, terms, and what folders use
	@$(ROOT)Tools/lint

install: all ## Installs below PREFIX (/usr/local); LIBDIR is PREFIX/lib, DESTDIR goes in front of both
	@PREFIX="$(PREFIX)" LIBDIR="$(LIBDIR)" DESTDIR="$(DESTDIR)" $(ROOT)Tools/install

uninstall: ## Removes what install has put there; with the same PREFIX and DESTDIR
	@PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" $(ROOT)Tools/install --uninstall

kernels: set-up-kernels library command ## Boots Debian's kernels in qemu and runs the C programs there (hours); writes docs/kernels.md
	@$(ROOT)Tests/kernels all; status=$$?; $(ROOT)Tests/kernels --write && exit $$status

ARCH := $(shell dpkg --print-architecture 2>/dev/null)
FOREIGN := $(filter arm64,$(filter-out $(shell dpkg --print-architecture 2>/dev/null),$(ARCH)))

deb: set-up-deb $(if $(FOREIGN),set-up-aarch64 $(AARCH64)/libkaio.a $(AARCH64)/kaio man $(COMPLETIONS),all) ## Builds the Debian packages libkaio1, libkaio-dev and kaio, .build/deb/*.deb (ARCH=arm64: with cross tools)
	@$(ROOT)Tools/deb --for "$(ARCH)"

release: set-up-deb set-up-release ## Makes the tarball, the Debian packages, checksums and SBOM of the latest commit, .build/dist
	@$(ROOT)Tools/release

release-check: set-up-deb set-up-release ## Makes it twice, in two directories, and compares all files (10 minutes)
	@$(ROOT)Tools/release --check

clean: ## Removes all that was built
	rm -rf $(ROOT).build $(ROOT).build-tsan

help: ## Lists the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(ROOT)Makefile | expand -t 16

set-up-%:
	@$(ROOT)Tools/setup $*

.PHONY: library archive command all test soak crash-group-sync crash-bufio crash-mirror fuzz fuzzers conformance faults models demo bench bench-quick man docs docs-look lint install uninstall deb release release-check clean help kernels aarch64
