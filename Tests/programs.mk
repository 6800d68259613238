# Compiles C programs for Tests/run, from the root of the package:
#   make -f Tests/programs.mk LIBRARY=path/libkaio.so .build/tests/<group>/<name>.plain    the C library only
#                                                     .build/tests/<group>/<name>.linked   with -lkaio
#                                                     .build/tests/<group>/<name>.static   -static with libkaio.a
# A target's compiler messages go to <target>.log. Results are moved into place, and no
# target is removed before its successor is there, since two runs may overlap.

CC = cc
CFLAGS = -std=gnu11 -O2 -g -Wall -Wextra -Werror -pthread
build = .build/tests
# Extra flags that a program asks for in its head.
key = $(shell sed -n 's|^// $(1): *||p; /^[^/]/q' $(patsubst $(build)/%.o,Tests/Conformance/%.c,$<))
links = $(call key,links)
flags = $(call key,flags)
make_target = mkdir -p $(@D) && if $(1) -o $@.$$$$ >$@.log 2>&1; then mv $@.$$$$ $@ && rm -f $@.log; else rm -f $@ $@.$$$$; false; fi

.DELETE_ON_ERROR:
.SECONDARY:

$(build)/%.o: Tests/Conformance/%.c $(wildcard Tests/Conformance/*.h include/*.h) Tests/programs.mk
	@rm -f $(@:.o=.plain) $(@:.o=.linked) # else those of an older source would be run
	$(call make_target,$(CC) $(CFLAGS) $(flags) -Iinclude -c $<)

$(build)/%.plain: $(build)/%.o
	$(call make_target,$(CC) -pthread $< $(links))

$(build)/%.linked: $(build)/%.o
	$(call make_target,$(CC) -pthread $< -L"$$(dirname "$(LIBRARY)")" -Wl$(comma)--no-as-needed -lkaio $(links))

# A warning of the linker's is an error: the archive must be good for a static program without one.
$(build)/%.static: $(build)/%.o $(LIBRARY:.so=.a)
	$(call make_target,$(CC) -pthread -static -Wl$(comma)--fatal-warnings $< "$(LIBRARY:.so=.a)" $(links))

# The soak is one program of several files.
$(build)/soak/%.o: Tests/Soak/%.c $(wildcard Tests/Soak/*.h Tests/Conformance/*.h include/*.h) Tests/programs.mk
	$(call make_target,$(CC) $(CFLAGS) -Iinclude -c $<)

soak = $(patsubst Tests/Soak/%.c,$(build)/soak/%.o,$(wildcard Tests/Soak/*.c))

$(build)/soak/soak.plain: $(soak)
	$(call make_target,$(CC) -pthread $(soak))

$(build)/soak/soak.linked: $(soak)
	$(call make_target,$(CC) -pthread $(soak) -L"$$(dirname "$(LIBRARY)")" -Wl$(comma)--no-as-needed -lkaio)

$(build)/soak/soak.static: $(soak) $(LIBRARY:.so=.a)
	$(call make_target,$(CC) -pthread -static -Wl$(comma)--fatal-warnings $(soak) "$(LIBRARY:.so=.a)")

$(build)/exit.so: Tests/parts/exit.c
	$(call make_target,$(CC) $(CFLAGS) -shared -fPIC $<)

comma := ,
