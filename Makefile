# ortto: Ortto's people, accounts, audiences, tags and activities as tables in SQLite.
#
#   make setup   once: installs what is missing, fetches cJSON's source into .build/cjson
#   make         builds ortto.so (ortto.dylib on macOS)
#   make help    lists everything else

# ---- yours to set ----------------------------------------------------------------
CFLAGS  ?= -O2 -g
PREFIX  ?= /usr/local
CJSON   ?= .build/cjson
WERROR  ?=
LIBDIR   = $(PREFIX)/lib/sqlite3

# ---- what follows from them ------------------------------------------------------
UNAME := $(shell uname -s)
ifeq ($(UNAME),Darwin)
SO       = ortto.dylib
SHARED   = -dynamiclib
EXPORTED = nm -gU $(1) | awk '{ sub(/^_/, "", $$NF); print $$NF }'
LOCALIZE = true
else
SO       = ortto.so
SHARED   = -shared -Wl,-z,relro,-z,now $(if $(SANITIZE),,-Wl,-z,defs)
EXPORTED = nm -D --defined-only $(1) | awk '{ print $$NF }'
LOCALIZE = objcopy --localize-hidden
endif

# Everything is built in B; make sanitize runs this file again with B=.build/asan.
B         = .build
EXT       = $(SO)
SANITIZE  =
CURL_LIBS := $(or $(shell pkg-config --libs libcurl 2>/dev/null),$(shell curl-config --libs 2>/dev/null),-lcurl)
OWN_CPP  := -I$(CJSON) $(shell pkg-config --cflags libcurl sqlite3 2>/dev/null)
OWN_C     = -std=c11 -Wall -Wextra -Wpedantic -fPIC -fvisibility=hidden -pthread $(WERROR) $(SANITIZE)
COMPILE   = $(CC) $(OWN_CPP) $(CPPFLAGS) $(OWN_C) $(CFLAGS) -MMD -MP -c
LINK      = $(CC) -pthread $(SANITIZE) $(CFLAGS) $(LDFLAGS)

PARTS     = ortto_vtab ortto_client
EXT_OBJ   = $(PARTS:%=$(B)/ext/%.o)
CORE_OBJ  = $(PARTS:%=$(B)/core/%.o)
SANDBOX   = $(B)/ortto_sandbox
TEST_SRC  = $(wildcard test/c/test_*.c)
TEST_BIN  = $(TEST_SRC:test/c/%.c=$(B)/%)
SANDBOX_OBJ = $(patsubst %.c,$(B)/%.o,$(wildcard test/sandbox/*.c))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all help setup setup-ci static install uninstall demo test check bench sanitize asan ubsan \
        valgrind lint lint-cppcheck lint-shell bare clean distclean

all: $(EXT)

# cJSON is linked in with hidden symbols: a host that has a cJSON of its own keeps it, and
# nothing but the entry point may be seen from outside.
$(EXT): $(EXT_OBJ) $(B)/cJSON.o
	@mkdir -p $(@D)
	$(LINK) $(SHARED) -o $@.new $^ $(CURL_LIBS) -lm $(LDLIBS)
	@seen=$$($(call EXPORTED,$@.new) | grep -v '^__odr_asan' | tr '\n' ' '); \
	 [ "$$seen" = "sqlite3_ortto_init " ] || \
	 { echo "$@ must export sqlite3_ortto_init alone, but exports: $$seen" >&2; rm -f $@.new; exit 1; }
	@mv $@.new $@

# For programs that compile the extension in: one object, one visible symbol.
static: $(B)/libortto.a
$(B)/libortto.a: $(CORE_OBJ) $(B)/cJSON.o
	$(CC) -r -nostdlib -o $(B)/libortto.o $^
	$(LOCALIZE) $(B)/libortto.o
	rm -f $@ && $(AR) rcs $@ $(B)/libortto.o

# The C tests take from this what they need; one that includes a source file takes nothing of it.
$(B)/libparts.a: $(CORE_OBJ) $(B)/cJSON.o
	rm -f $@ && $(AR) rcs $@ $^

$(B)/ext/%.o: %.c | $(CJSON)/cJSON.c
	@mkdir -p $(@D)
	$(COMPILE) -o $@ $<
$(B)/core/%.o: %.c | $(CJSON)/cJSON.c
	@mkdir -p $(@D)
	$(COMPILE) -DSQLITE_CORE -o $@ $<
$(B)/test/%.o: test/%.c | $(CJSON)/cJSON.c
	@mkdir -p $(@D)
	$(COMPILE) -DSQLITE_CORE -I. -Itest -Itest/c -Itest/sandbox -o $@ $<
$(B)/cJSON.o: $(CJSON)/cJSON.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(OWN_C) -w -DENABLE_LOCALES $(CFLAGS) -c -o $@ $<

$(CJSON)/cJSON.c:
	@echo "cJSON's source is not in $(CJSON): run 'make setup', or give CJSON=DIR" >&2; exit 1

$(SANDBOX): $(SANDBOX_OBJ)
	$(LINK) -o $@ $^ -lmicrohttpd -lz -lm $(LDLIBS)
$(B)/test_%: $(B)/test/c/test_%.o $(B)/libparts.a
	$(LINK) -o $@ $^ -lcmocka -lsqlite3 $(CURL_LIBS) -lm $(LDLIBS)

-include $(wildcard $(B)/ext/*.d $(B)/core/*.d $(B)/test/*/*.d)

# ---- installing ------------------------------------------------------------------
install: $(EXT)
	mkdir -p $(DESTDIR)$(LIBDIR)
	cp $(EXT) $(DESTDIR)$(LIBDIR)/$(SO).new
	chmod 644 $(DESTDIR)$(LIBDIR)/$(SO).new
	mv $(DESTDIR)$(LIBDIR)/$(SO).new $(DESTDIR)$(LIBDIR)/$(SO)
	@echo "load it with: .load $(LIBDIR)/ortto"
uninstall:
	rm -f $(DESTDIR)$(LIBDIR)/$(SO)

setup:
	@CJSON='$(CJSON)' test/setup.sh
setup-ci:
	@CJSON='$(CJSON)' test/setup.sh ci

# ---- trying it -------------------------------------------------------------------
# What setup installs is looked for when a Makefile is read, hence the second make.
demo: setup
	@$(MAKE) -s $(EXT) $(SANDBOX)
	@test/demo.sh
test: setup
	@$(MAKE) -s check
check: $(EXT) $(SANDBOX) $(TEST_BIN)
	@B='$(B)' EXT='$(EXT)' CC='$(CC)' CJSON='$(CJSON)' test/run.sh
bench: setup
	@$(MAKE) -s $(EXT) $(SANDBOX)
	@test/bench/bench.sh

# ---- looking for bugs ------------------------------------------------------------
# The shell is not built with sanitizers, so their library must be loaded ahead of it.
sanitize asan ubsan: setup
	@$(MAKE) -s B=.build/asan EXT=.build/asan/$(SO) \
	  SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer' \
	  CFLAGS='-O1 -g' TIMEOUT='$(or $(TIMEOUT),300)' SKIP='build.test.sh' \
	  PRELOAD="$$($(CC) -print-file-name=libasan.so)" check

# Not all tests, since each takes some twenty times as long.
VALGRIND_TESTS ?= ^sql/
valgrind: setup-ci
	@$(MAKE) -s TIMEOUT='$(or $(TIMEOUT),300)' ONLY='$(or $(ONLY),$(VALGRIND_TESTS))' \
	  VALGRIND='valgrind -q --error-exitcode=86 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite' check

LINT_C  = $(wildcard *.c test/*/*.c)
LINT_SH = $(wildcard .ci/run test/*.sh test/*/*.sh examples/*.sh)
lint: setup-ci
	@$(MAKE) -s -k lint-cppcheck lint-shell $(LINT_C:%=%.lint)
# Whether a variable is set the analyzer and the compilers know better than cppcheck.
lint-cppcheck:
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
	  --suppress=missingIncludeSystem --suppress=uninitvar --suppress=legacyUninitvar --error-exitcode=1 $(LINT_C)
lint-shell:
	shellcheck -x -S warning $(LINT_SH)
# The analyzer cannot know that a failing assertion ends a test.
test/c/test_%.c.lint: TIDY = --checks=-clang-analyzer-*,-bugprone-suspicious-include
test/%.c.lint: LINT_CPP = -DSQLITE_CORE
%.c.lint: %.c
	clang-tidy --quiet $(TIDY) --warnings-as-errors='*' $< -- $(OWN_CPP) -I. $(LINT_CPP) $(CPPFLAGS) -std=c11

bare:
	test/bare.sh

# ---- cleaning --------------------------------------------------------------------
clean:
	rm -rf $(SO) $(filter-out .build/cjson,$(wildcard .build/*))
distclean:
	rm -rf $(SO) .build

help:
	@echo 'make              build $(SO)'
	@echo 'make setup        install what is missing (apt-get), fetch cJSON into .build/cjson'
	@echo 'make demo         a tour against a sandbox server, or read-only against Ortto itself'
	@echo '                  if ORTTO_API_KEY is set'
	@echo 'make test         all tests (ONLY=pattern SKIP=pattern UPDATE=1 JOBS=2 TIMEOUT=seconds)'
	@echo 'make static       .build/libortto.a, to compile into a program: sqlite3_ortto_init'
	@echo 'make install      copy $(SO) to $(LIBDIR) (DESTDIR and PREFIX are honoured)'
	@echo 'make uninstall    remove it again'
	@echo 'make bench        measurements'
	@echo 'make sanitize     the tests under AddressSanitizer and UBSan'
	@echo 'make valgrind     some of the tests under valgrind (VALGRIND_TESTS=pattern)'
	@echo 'make lint         clang-tidy, cppcheck, shellcheck'
	@echo 'make bare         demo and test on a bare Debian in a folder (root, debootstrap)'
	@echo 'make clean        remove what was built; make distclean: what setup fetched too'
	@echo 'Variables: CC CFLAGS CPPFLAGS LDFLAGS LDLIBS PREFIX DESTDIR LIBDIR CJSON WERROR=-Werror'
