# ortto: Ortto's people, accounts, audiences, tags and activities as tables in SQLite.
#
#   make setup   once: installs what is missing
#   make         builds ortto.so (ortto.dylib on macOS)
#   make help    lists everything else
#
# Without make: cc -shared -fPIC -o ortto.so ortto_*.c src/*.c src/*/*.c -lcurl -lcjson -lm

# ---- yours to set ----------------------------------------------------------------
CFLAGS  ?= -O2 -g
PREFIX  ?= /usr/local
CJSON   ?=
WERROR  ?=
PKG_CONFIG ?= pkg-config
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
# On i386 every file has the same helpers in a group; of two such groups a linker keeps one, and a hidden one is lost.
UNGROUP  = $(shell $(CC) -Wl,--help 2>/dev/null | sed -n 's/.*--force-group-allocation.*/-Wl,--force-group-allocation/p' | head -n 1)
endif

# cJSON is the system's, unless CJSON=DIR names a folder with a cJSON.c and cJSON.h of one's own:
# that is compiled in with hidden symbols, so that a host's other cJSON is not in the way.
ifeq ($(CJSON),)
CJSON_CPP := $(shell $(PKG_CONFIG) --cflags libcjson 2>/dev/null)
CJSON_LIB := $(or $(shell $(PKG_CONFIG) --libs libcjson 2>/dev/null),-lcjson)
else
CJSON_CPP  = -DORTTO_CJSON -I$(CJSON)
CJSON_OBJ  = $(B)/cJSON.o
endif

# Everything is built in B; make sanitize runs this file again with B=.build/asan.
B         = .build
EXT       = $(SO)
SANITIZE  =
LIBS     := $(or $(shell $(PKG_CONFIG) --libs libcurl 2>/dev/null),$(shell curl-config --libs 2>/dev/null),-lcurl)
LIBS     += $(CJSON_LIB) -lm
OWN_CPP  := $(CJSON_CPP) $(or $(shell $(PKG_CONFIG) --cflags libcurl 2>/dev/null),$(shell curl-config --cflags 2>/dev/null)) \
            $(shell $(PKG_CONFIG) --cflags sqlite3 2>/dev/null)
TEST_CPP  = -DSQLITE_CORE -I. -Itest/c -Itest/sandbox
OWN_C     = -std=c11 -Wall -Wextra -Wpedantic -fPIC -fvisibility=hidden -pthread $(WERROR) $(SANITIZE)
# A room's functions are static or in its header.
ROOM_C    = -Wmissing-prototypes -Wnested-externs
COMPILE   = $(CC) $(OWN_CPP) $(CPPFLAGS) $(OWN_C) $(CFLAGS) -MMD -MP -c
LINK      = $(CC) -pthread $(SANITIZE) $(CFLAGS) $(LDFLAGS)

SRC       = $(wildcard ortto_*.c src/*.c src/*/*.c)
EXT_OBJ   = $(SRC:%.c=$(B)/ext/%.o) $(CJSON_OBJ)
CORE_OBJ  = $(SRC:%.c=$(B)/core/%.o) $(CJSON_OBJ)
BOX_SRC   = $(wildcard test/sandbox/*.c)
BOX_OBJ   = $(BOX_SRC:%.c=$(B)/%.o)
SANDBOX   = $(B)/ortto_sandbox
TEST_SRC  = $(wildcard test/c/test_*.c)
TEST_BIN  = $(addprefix $(B)/,$(basename $(notdir $(TEST_SRC))))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all help setup setup-ci setup-hosts static amalgamation dist dist-windows smoke test-windows check-macos \
        sandbox install uninstall demo test check bench sanitize asan ubsan \
        valgrind oom tsan fuzz fuzz-run lint lint-cppcheck lint-shell lint-width lint-rooms bare matrix foreign clean \
        distclean \
        need-box need-cmocka need-shell need-asan need-tsan need-fuzz need-valgrind need-lint FORCE

all: $(EXT)

# Nothing but the entry point may be seen from outside.
$(EXT): $(EXT_OBJ)
	@mkdir -p $(@D)
	$(LINK) $(SHARED) -o $@.new $^ $(LIBS) $(LDLIBS)
	@seen=$$($(call EXPORTED,$@.new) | grep -v '^__odr_asan' | tr '\n' ' '); \
	 [ "$$seen" = "sqlite3_ortto_init " ] || \
	 { echo "$@ must export sqlite3_ortto_init alone, but exports: $$seen" >&2; rm -f $@.new; exit 1; }
	@mv $@.new $@

# For programs that compile the extension in: one object, one visible symbol.
static: $(B)/libortto.a
$(B)/libortto.a: $(CORE_OBJ)
	$(CC) -r -nostdlib $(UNGROUP) -o $(B)/libortto.o $^
	$(LOCALIZE) $(B)/libortto.o
	rm -f $@ && $(AR) rcs $@ $(B)/libortto.o

# Everything but libcurl in one file. cJSON's is the copy of CJSON=DIR, else Debian's source package is fetched.
amalgamation: $(B)/ortto.c
	@echo $(B)/ortto.c
CJSON_SRC = $(or $(CJSON),$(firstword $(wildcard .build/cjson/cjson-*)))
$(B)/ortto.c: $(SRC) $(wildcard *.h src/*.h src/*/*.h) src/rooms src/amalgamation.sh $(B)/how
	@[ -n '$(CJSON_SRC)' ] || test/debian_source.sh cjson .build/cjson
	CC='$(CC)' CPPFLAGS='$(OWN_CPP) $(CPPFLAGS)' src/amalgamation.sh "$$(ls -d $(or $(CJSON),.build/cjson/cjson-*) | head -n 1)" $@

# What can be taken along: archives of the sources and of the extension, for Debian, Python and Node; and whether each
# of them works where it was installed.
dist: $(EXT) $(B)/ortto.c
	@CC='$(CC)' CPPFLAGS='$(CPPFLAGS)' LDFLAGS='$(LDFLAGS)' src/dist/dist.sh $(B)/dist $(EXT) $(B)/ortto.c
smoke: dist $(SANDBOX)
	@$(TELL) test/smoke.sh $(B)/dist
# What other systems have: Windows by mingw-w64, tried under wine.
dist-windows: amalgamation
	CC='$(CC)' CPPFLAGS='$(OWN_CPP) $(CPPFLAGS)' WERROR='$(WERROR)' src/dist/windows.sh $(B)/ortto.c "$$(ls -d $(or $(CJSON),.build/cjson/cjson-*) | head -n 1)"
test-windows: dist-windows need-shell sandbox
	test/windows.sh
check-macos: amalgamation
	@CC='$(CC)' CPPFLAGS='$(OWN_CPP) $(CPPFLAGS)' test/macos.sh "$$(ls -d $(or $(CJSON),.build/cjson/cjson-*) | head -n 1)"

# The C tests take from this what they need; one that includes a source file takes nothing of it.
$(B)/libparts.a: $(CORE_OBJ)
	rm -f $@ && $(AR) rcs $@ $^

$(B)/ext/%.o: %.c $(B)/how
	@mkdir -p $(@D)
	$(COMPILE) $(ROOM_C) -o $@ $<
$(B)/core/%.o: %.c $(B)/how
	@mkdir -p $(@D)
	$(COMPILE) $(ROOM_C) -DSQLITE_CORE -o $@ $<
$(B)/test/%.o: test/%.c $(B)/how
	@mkdir -p $(@D)
	$(COMPILE) $(TEST_CPP) -o $@ $<
$(B)/cJSON.o: $(B)/how $(wildcard $(CJSON)/cJSON.[ch])
	$(CC) $(CPPFLAGS) $(OWN_C) -w -DENABLE_LOCALES $(CFLAGS) -c -o $@ $(CJSON)/cJSON.c

# The sandbox speaks for itself: it uses nothing of the extension, not even its libraries.
sandbox: need-box $(SANDBOX)
	@echo $(SANDBOX)
$(SANDBOX): $(BOX_OBJ)
	$(LINK) -o $@ $^ -lmicrohttpd -lz -lm $(LDLIBS)
$(B)/test_%: $(B)/test/c/test_%.o $(B)/libparts.a
	$(LINK) -o $@ $^ -lcmocka -lsqlite3 -lz $(LIBS) $(LDLIBS)

-include $(EXT_OBJ:.o=.d) $(CORE_OBJ:.o=.d) $(BOX_OBJ:.o=.d) $(TEST_SRC:%.c=$(B)/%.d)

# ---- what is missing --------------------------------------------------------------
# $(call need,NAME=PACKAGE=LIBRARY...,setup): stops with what is not there and how to get it.
# Only setup installs.
define need
@names= packages= libraries=; \
 for it in $(1); do \
   name=$${it%%=*}; it=$${it#*=}; \
   case $$name in \
     *.h) echo "#include <$$name>" | $(CC) $(OWN_CPP) $(CPPFLAGS) -E -x c - >/dev/null 2>&1 && continue;; \
     *) command -v $$name >/dev/null && continue;; \
   esac; \
   names="$$names $$name"; packages="$$packages $${it%%=*}"; libraries="$$libraries $${it#*=}"; \
 done; \
 [ -z "$$names" ] || { printf '%s\n' "missing:$$names" \
   "'make $(2)' installs it; on Debian and Ubuntu that is: apt-get install$$packages" \
   "elsewhere install:$$libraries" >&2; exit 1; }
endef
ifeq ($(CJSON),)
NEED_CJSON = cjson/cJSON.h=libcjson-dev=cJSON
else
CHECK_CJSON = @[ -f '$(CJSON)/cJSON.c' ] && [ -f '$(CJSON)/cJSON.h' ] || \
 { echo "missing: cJSON.c or cJSON.h in CJSON=$(CJSON); without CJSON the system's is taken ('make setup')" >&2; exit 1; }
endif

# What the compiler finds, and with which words: with others, all is built anew.
$(B)/how: FORCE
	$(CHECK_CJSON)
	$(call need,$(firstword $(CC))=gcc=gcc sqlite3ext.h=libsqlite3-dev=SQLite curl/curl.h=libcurl4-openssl-dev=libcurl $(NEED_CJSON),setup)
	@mkdir -p $(B); how='$(subst ','\'',$(CC) $(OWN_CPP) $(CPPFLAGS))'; \
	 [ "$$how" = "$$(cat $@ 2>/dev/null)" ] || printf '%s\n' "$$how" >$@
FORCE:

need-box:
	$(call need,microhttpd.h=libmicrohttpd-dev=libmicrohttpd zlib.h=zlib1g-dev=zlib,setup)
need-cmocka:
	$(call need,cmocka.h=libcmocka-dev=cmocka,setup)
need-shell:
	$(call need,sqlite3=sqlite3=sqlite3 curl=curl=curl jq=jq=jq,setup)
need-asan:
	@[ -e "$$($(CC) -print-file-name=libasan.so)" ] || \
	 { echo "missing: libasan, which is a part of gcc: 'make setup' installs it" >&2; exit 1; }
need-tsan:
	@[ -e "$$($(CC) -print-file-name=libtsan.so)" ] || \
	 { echo "missing: libtsan, which is a part of gcc: 'make setup' installs it" >&2; exit 1; }
need-fuzz:
	$(call need,clang=clang=clang,setup-ci)
need-valgrind:
	$(call need,valgrind=valgrind=valgrind,setup-ci)
need-lint:
	$(call need,clang-tidy=clang-tidy=clang-tidy cppcheck=cppcheck=cppcheck shellcheck=shellcheck=shellcheck,setup-ci)
$(BOX_OBJ): | need-box
$(TEST_SRC:%.c=$(B)/%.o): | need-cmocka

# ---- installing ------------------------------------------------------------------
install: $(EXT)
	mkdir -p $(DESTDIR)$(LIBDIR)
	cp $(EXT) $(DESTDIR)$(LIBDIR)/$(SO).new
	chmod 644 $(DESTDIR)$(LIBDIR)/$(SO).new
	mv $(DESTDIR)$(LIBDIR)/$(SO).new $(DESTDIR)$(LIBDIR)/$(SO)
	@echo "load it with: .load $(LIBDIR)/ortto"
uninstall:
	rm -f $(DESTDIR)$(LIBDIR)/$(SO)

# Only these install anything; demo and test call setup.
setup:
	@CJSON='$(CJSON)' test/setup.sh
setup-ci:
	@CJSON='$(CJSON)' test/setup.sh ci
setup-hosts:
	@CJSON='$(CJSON)' test/setup.sh hosts

# ---- trying it -------------------------------------------------------------------
# CJSON_FLAGS is what a program takes that is compiled in one go.
TELL = B='$(B)' EXT='$(EXT)' CC='$(CC)' CJSON='$(CJSON)' CJSON_FLAGS='$(CJSON_CPP) $(CJSON:%=%/cJSON.c) $(CJSON_LIB)'

# What setup installs is looked for when a Makefile is read, hence the second make.
demo: setup
	@$(MAKE) -s $(EXT) $(SANDBOX)
	@test/demo.sh
test: setup
	@$(MAKE) -s check
check: need-shell need-box need-cmocka $(EXT) $(SANDBOX) $(TEST_BIN)
	@$(TELL) test/run.sh
bench: need-shell need-box $(EXT) $(SANDBOX)
	@$(TELL) test/bench/bench.sh; rc=$$?; $(TELL) test/bench/bench_joins.sh && exit $$rc

# ---- looking for bugs ------------------------------------------------------------
# The shell is not built with sanitizers, so their library must be loaded ahead of it. Left out: what builds its own.
sanitize asan ubsan: need-asan
	@$(MAKE) -s B=.build/asan EXT=.build/asan/$(SO) \
	  SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer' \
	  CFLAGS='-O1 -g' TIMEOUT='$(or $(TIMEOUT),300)' SKIP='$(or $(SKIP),^(build|amalgamation)\.test\.sh$$)' \
	  PRELOAD="$$($(CC) -print-file-name=libasan.so)" check

# Not all tests, since each takes some twenty times as long.
VALGRIND_TESTS ?= ^sql/
valgrind: need-valgrind
	@$(MAKE) -s TIMEOUT='$(or $(TIMEOUT),300)' ONLY='$(or $(ONLY),$(VALGRIND_TESTS))' \
	  VALGRIND='valgrind -q --error-exitcode=86 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite' check

# Every allocation fails once, in each kind of statement; make check tries some at random. In parts, side by side:
# in some kinds most of the time goes by waiting.
OOM_PARTS ?= 1 2 3 4 5 6 7 8
oom: need-shell need-box need-cmocka $(EXT) $(SANDBOX) $(TEST_BIN)
	@$(MAKE) -s -k -j$(words $(OOM_PARTS)) $(OOM_PARTS:%=oom-part-%)
oom-part-%:
	@$(TELL) ONLY='^test_(oom$(if $(filter 1,$*),|memory))$$' OOM='$(or $(OOM),all)' \
	  OOM_PART=$*/$(words $(OOM_PARTS)) TIMEOUT='$(or $(TIMEOUT),36000)' test/run.sh

# The tests in which threads meet. The shell's own library is not watched, nor is SQLite's.
TSAN_TESTS ?= ^test_(threads|sync_locks|interrupt|sync|transactions)$$
tsan: need-tsan
	@$(MAKE) -s B=.build/tsan EXT=.build/tsan/$(SO) SANITIZE='-fsanitize=thread -fno-omit-frame-pointer' \
	  CFLAGS='-O1 -g' TIMEOUT='$(or $(TIMEOUT),600)' ONLY='$(or $(ONLY),$(TSAN_TESTS))' check

# Answers, definitions, settings, records, values and SQL that nobody would write, by clang's libFuzzer. The room
# http is test/fuzz/network.c there, the clock its own.
FUZZ_SRC = $(wildcard test/fuzz/fuzz_*.c)
FUZZ_BIN = $(FUZZ_SRC:test/fuzz/%.c=$(B)/%)
fuzz: need-fuzz need-shell need-box
	@$(MAKE) -s B=.build/fuzz CC=clang CFLAGS='-O1 -g' \
	  SANITIZE='-fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all' fuzz-run
fuzz-run: $(FUZZ_BIN) $(SANDBOX)
	@B='$(B)' SANDBOX='$(SANDBOX)' test/fuzz/run.sh
$(B)/fuzz_%: $(B)/test/fuzz/fuzz_%.o $(B)/test/fuzz/network.o $(filter-out %/http.o,$(CORE_OBJ))
	$(LINK) -fsanitize=fuzzer -Wl,--wrap=now_us -o $@ $^ -lsqlite3 $(LIBS) $(LDLIBS)

LINT_C  = $(wildcard *.c src/*.c src/*/*.c test/*.c test/*/*.c)
LINT_H  = $(wildcard *.h src/*.h src/*/*.h test/*.h test/*/*.h)
LINT_SH = $(wildcard .ci/run src/*.sh src/*/*.sh test/*.sh test/*/*.sh examples/*.sh)
lint: need-lint need-box need-cmocka $(B)/how
	@$(MAKE) -s -k lint-cppcheck lint-shell lint-width lint-rooms $(LINT_C:%=%.lint)
# Whether a variable is set the analyzer and the compilers know better than cppcheck.
lint-cppcheck:
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
	  --suppress=missingIncludeSystem --suppress=uninitvar --suppress=legacyUninitvar --error-exitcode=1 $(LINT_C)
lint-shell:
	shellcheck -x -S warning $(LINT_SH)
# Columns, not bytes: what continues a character in UTF-8 is none.
lint-width:
	@LC_ALL=C awk '{ gsub(/[\200-\277]/, "") } length > 110 { print FILENAME ":" FNR ": " length " columns"; n++ } END { exit n > 0 }' $(LINT_C) $(LINT_H)
lint-rooms:
	@test/lint.sh
# The analyzer cannot know that a failing assertion ends a test.
test/c/%.c.lint: TIDY = --checks=-clang-analyzer-*,-bugprone-suspicious-include,-readability-inconsistent-declaration-parameter-name
test/%.c.lint: LINT_CPP = $(TEST_CPP)
%.c.lint: %.c
	clang-tidy --quiet $(TIDY) --warnings-as-errors='*' $< -- $(OWN_CPP) $(LINT_CPP) $(CPPFLAGS) -std=c11

# SQLITES: oldest middle newest debug, or versions of better-sqlite3; RELEASES: 12 13; ARCHES: i386 s390x.
matrix:
	test/matrix.sh $(SQLITES)
bare:
	test/bare.sh $(RELEASES)
foreign: need-box
	@$(MAKE) -s $(SANDBOX)
	test/foreign.sh $(ARCHES)

# ---- cleaning --------------------------------------------------------------------
clean distclean:
	rm -rf $(SO) .build

help:
	@echo 'make              build $(SO)'
	@echo 'make setup        install what is missing (apt-get); setup-ci: for valgrind and lint too'
	@echo '                  setup-hosts: the programs that examples/hosts.md is about'
	@echo 'make demo         a tour against a sandbox server, or read-only against Ortto itself'
	@echo '                  if ORTTO_API_KEY is set'
	@echo 'make test         all tests (ONLY=pattern SKIP=pattern UPDATE=1 JOBS=2 TIMEOUT=seconds)'
	@echo 'make amalgamation $(B)/ortto.c: all of it but libcurl in one file, for programs that compile SQLite in'
	@echo 'make dist         $(B)/dist: archives, a Debian package, a wheel, an npm archive, SHA256SUMS'
	@echo 'make smoke        installs each of them into an empty folder, reads and writes with it'
	@echo 'make dist-windows .build/dist/ortto-VERSION-windows-x64.zip (mingw-w64)'
	@echo 'make test-windows the SQL and shell tests with it, under wine'
	@echo 'make check-macos  does a compiler for macOS take it (zig, from npm)'
	@echo 'make sandbox      build the server that stands in for Ortto, and say where it is'
	@echo 'make static       .build/libortto.a, to compile into a program: sqlite3_ortto_init'
	@echo 'make install      copy $(SO) to $(LIBDIR) (DESTDIR and PREFIX are honoured)'
	@echo 'make uninstall    remove it again'
	@echo 'make bench        measurements'
	@echo 'make sanitize     the tests under AddressSanitizer and UBSan'
	@echo 'make valgrind     some of the tests under valgrind (VALGRIND_TESTS=pattern)'
	@echo 'make lint         clang-tidy, cppcheck, shellcheck, width of lines, which room uses which'
	@echo 'make oom          each allocation fails once, in each kind of statement (OOM=count OOM_KIND=word)'
	@echo 'make tsan         threads under ThreadSanitizer (TSAN_TESTS=pattern)'
	@echo 'make fuzz         the fuzz targets of test/fuzz (FUZZ_TIME=seconds for each, ONLY=pattern)'
	@echo 'make matrix       the tests against other SQLites (npm, apt-get source):'
	@echo '                  SQLITES="oldest middle newest debug"'
	@echo 'make bare         demo and test on a bare Debian in a folder (root, debootstrap): RELEASES="12 13"'
	@echo 'make foreign      the tests under qemu (cross compilers): ARCHES="i386 s390x"'
	@echo 'make clean        remove what was built'
	@echo 'Only setup, demo and test install anything; the others say what is missing.'
	@echo 'Variables: CC CFLAGS CPPFLAGS LDFLAGS LDLIBS PREFIX DESTDIR LIBDIR PKG_CONFIG WERROR=-Werror,'
	@echo '  CJSON=DIR (compile DIR/cJSON.c in, in place of the cJSON that the system has)'
