# vit - Vision Transformer image classifier.   make help   lists the targets.
#
# A packager sets CC AR PKG_CONFIG CPPFLAGS CFLAGS LDFLAGS PREFIX LIBDIR DESTDIR; a developer sets MODE (release, debug,
# asan, tsan, cover). BLAS=0 builds without OpenBLAS, JPEG=0 without libjpeg-turbo, SAMPLES=0 installs no pictures.
# Objects live in build/$(MODE), so modes never mix; every object depends on the flags it was built with, so make install
# wants the variables of the build. DEPS=no leaves the packages of this machine alone, V=1 shows whole commands.

MAKEFLAGS += -r
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all

MODE   ?= release
CC     ?= cc
ifeq ($(origin CC),default)
CC     := cc
endif
AR     ?= ar
PKG_CONFIG ?= pkg-config
# What is built for, which is not always where it is built: x86_64-linux-gnu.
TARGET := $(shell $(CC) -dumpmachine 2>/dev/null)
X86_64 := $(filter x86_64-% amd64-%,$(TARGET))
ARM64  := $(filter aarch64-% arm64-%,$(TARGET))
PREFIX ?= /usr/local
VERSION := $(shell sed -n 's/^.define VIT_VERSION "\(.*\)"/\1/p' vit/base.h)
# What programs are linked with. Until 1.0 structs may grow from one minor version to the next.
ABI     := $(if $(filter 0.%,$(VERSION)),$(basename $(VERSION)),$(firstword $(subst ., ,$(VERSION))))
SONAME  := libvit.so.$(ABI)
B       := build/$(MODE)

# ---- packages: present or not, asked of pkg-config once ----
has     = $(shell $(PKG_CONFIG) --exists $(1) 2>/dev/null && echo 1)
BLAS   ?= $(if $(call has,openblas),1,0)
JPEG   ?= $(if $(call has,libjpeg),1,0)
SAMPLES ?= 1
$(foreach v,BLAS JPEG SAMPLES,$(if $(filter x0 x1,x$($v)),,$(error $v: expected 0 or 1, found "$($v)")))
PKGS   := jansson libzip $(if $(filter 1,$(BLAS)),openblas) $(if $(filter 1,$(JPEG)),libjpeg)
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null)
PKG_LIBS   := $(shell $(PKG_CONFIG) --libs $(PKGS) 2>/dev/null)
STB    ?= /usr/include/stb

# ---- flags ----
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wpointer-arith -Wwrite-strings
opt.release := -O3 -DNDEBUG -g1
opt.debug   := -O0 -g3
opt.asan    := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
opt.tsan    := -O1 -g -fsanitize=thread -D__SANITIZE_THREAD__=1 -Wno-pass-failed
opt.cover   := -O0 -g --coverage -DVIT_COVERAGE
opt.fuzz    := -O2 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
               -fno-sanitize-recover=all -Wno-pass-failed
ifeq ($(opt.$(MODE)),)
$(error MODE: expected one of $(sort $(patsubst opt.%,%,$(filter opt.%,$(.VARIABLES)))), found "$(MODE)")
endif
# The fuzzers run one thread.
OPENMP := $(if $(filter fuzz,$(MODE)),-fopenmp-simd -Wno-unused-parameter,-fopenmp)
FLAGS := -std=c11 -D_GNU_SOURCE -I. -isystem $(STB) $(PKG_CFLAGS) $(WARN) -fPIC -fvisibility=default \
         -fno-math-errno -fno-trapping-math -ffp-contract=off $(OPENMP) \
         -DVIT_BLAS=$(BLAS) -DVIT_JPEG=$(JPEG) $(opt.$(MODE))
# gcc 12 for this CPU crashes over a largest number that is sought in two loops.
FLAGS += $(if $(ARM64),-fno-builtin-fmax)
# The packager has the last word.
GIVEN := $(CPPFLAGS) $(CFLAGS)
# What the release is hardened with. Not kernels/: they read no input, and their inner loops stay as measured.
ifeq ($(MODE),release)
HARDEN := -fstack-protector-strong $(if $(findstring _FORTIFY_SOURCE,$(GIVEN)),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
ifneq ($(findstring linux,$(TARGET)),)
HARDEN_LD := -Wl,-z,relro,-z,now
endif
endif
LIBS  := $(PKG_LIBS) $(if $(filter fuzz,$(MODE)),-lgomp) -lm -lpthread

# V=1 shows whole commands.
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
quoted = '$(subst ','\'',$(1))'
say = $(if $(Q),@printf '%-4s %s\n' $(1) $@)

# Only kernels/<overlay>.c gets instruction flags; nothing in those files runs before the CPU is checked.
ifneq ($(X86_64),)
isa.avx2   := -mavx2 -mfma -ffp-contract=fast
isa.avx512 := -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx2 -mfma -mprefer-vector-width=512 -ffp-contract=fast
isa.int8   := $(isa.avx2)
isa.vnni   := $(isa.avx512) -mavx512vnni
isa.bf16   := $(isa.avx512) -mavx512bf16
# Younger than the rest: gcc 11, clang 12.
AVXVNNI := $(shell $(CC) -mavxvnni -xc -fsyntax-only /dev/null 2>/dev/null && echo 1)
isa.avxvnni := $(isa.avx2) $(if $(AVXVNNI),-mavxvnni)
# Inline assembly: the assembler has to know it.
AMX := $(shell echo 'void f(void) { __asm__("tilerelease"); }' | $(CC) -xc -c -o /dev/null - 2>/dev/null && echo 1)
isa.amxbf16 := $(isa.bf16)
isa.amxint8 := $(isa.vnni)
endif
ifneq ($(ARM64),)
# gcc would load left numbers earlier than there are registers for.
UNSCHEDULED := $(shell $(CC) -fno-schedule-insns -Werror -xc -fsyntax-only /dev/null 2>/dev/null && echo -fno-schedule-insns)
isa.vec := -ffp-contract=fast $(UNSCHEDULED)
endif

LIB_SRC  := $(sort $(wildcard vit/*.c kernels/*.c patch/*.c weights/*.c))
TOOL_SRC := $(sort $(wildcard tools/*.c))
LIB_OBJ  := $(LIB_SRC:%.c=$B/%.o)
TOOL_OBJ := $(TOOL_SRC:%.c=$B/%.o)

# The headers for programs.
API := vit/vit.h vit/train.h vit/probe.h vit/attention.h vit/stats.h vit/base.h

# The networks inside the binary, when their files are there.
BUILTIN := $(if $(and $(wildcard weights/builtin/pre.safetensors),$(wildcard weights/builtin/post.safetensors)),1,0)
FLAGS   += -DVIT_BUILTIN=$(BUILTIN)
$B/weights/embedded.o: $(wildcard weights/builtin/*.safetensors)
# The linker's plugin does not see what assembly defines.
own.weights/embedded = -fno-lto
TEST_SRC := $(wildcard tests/*/test_*.c)
TESTS    := $(TEST_SRC:%.c=$B/%)
SUPPORT_OBJ := $(patsubst %.c,$B/%.o,$(wildcard tests/support/*.c))

# T=block runs tests/*/test_block only, T=kernels all of a folder; scripts are in tests/cli.
chosen = $(if $(T),$(foreach t,$(1),$(if $(filter $(T) test_$(T) $(T).sh,$(notdir $t) $(notdir $(patsubst %/,%,$(dir $t)))),$t)),$(1))
RUN_TESTS   := $(call chosen,$(TESTS))
RUN_SCRIPTS := $(call chosen,$(wildcard tests/cli/*.sh))

# ---- targets for people: first the packages, then make once more, so that it sees them ----
FRONT := all run test check-golden check-preprocess check-kernels check-corpus check-faults \
         check-signals check-learning check-sweep check-report docs-norm fuzz lint analyze install
.PHONY: $(FRONT) $(FRONT:%=do-%) front deps check-arm64 asan tsan debug cover format uninstall clean help FORCE

DEPS := yes
$(FRONT): front ;
front: deps
	+@$(MAKE) --no-print-directory DEPS=no $(addprefix do-,$(or $(filter $(FRONT),$(MAKECMDGOALS)),all))

deps:
ifeq ($(DEPS),yes)
	@CC="$(CC)" PKG_CONFIG="$(PKG_CONFIG)" STB="$(STB)" BLAS="$(if $(filter command line environment,$(origin BLAS)),$(BLAS),1)" \
	 JPEG="$(if $(filter command line environment,$(origin JPEG)),$(JPEG),1)" \
	 tools/install-deps.sh $(if $(filter test check-% asan tsan debug cover fuzz,$(MAKECMDGOALS)),--test) \
	  $(if $(filter fuzz,$(MAKECMDGOALS)),--fuzz) $(if $(filter tsan,$(MAKECMDGOALS)),--tsan)
endif

# These modes are many times slower than the limit of one test program supposes.
SLOW_SECONDS = VIT_TEST_SECONDS=$${VIT_TEST_SECONDS:-1800}
asan debug: deps
	+@$(SLOW_SECONDS) $(MAKE) --no-print-directory DEPS=no MODE=$@ do-test

# With clang, whose OpenMP tells the thread sanitizer what its threads wait for (libarcher, which comes with it
# and loads itself): gcc's does not, and every parallel loop would be reported. So no OpenBLAS, which would
# bring gcc's along. What is not built for the sanitizer, OpenMP itself and the decoders, is not looked into.
TSAN_CC ?= clang
tsan: deps
	+@TSAN_OPTIONS="ignore_noninstrumented_modules=1:$$TSAN_OPTIONS" $(SLOW_SECONDS) \
	  $(MAKE) --no-print-directory DEPS=no MODE=$@ CC="$(TSAN_CC)" BLAS=0 do-test

# The tests with counters, from zero, then what of library and program they ran.
cover: deps
	@[ ! -d build/$@ ] || find build/$@ -name '*.gcda' -delete
	+@$(SLOW_SECONDS) $(MAKE) --no-print-directory DEPS=no MODE=$@ do-test
	@tools/cover.sh build/$@

do-all: bin/vit libvit.a libvit.so

# ---- building ----
$B/%.o: %.c $B/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(FLAGS) $(if $(filter kernels/%,$*),,$(HARDEN)) $(GIVEN) $(isa.$(notdir $*)) $(own.$*) -MMD -MP -c $< -o $@

# Who asks whether the compiler knows AVX-VNNI, and AMX.
own.kernels/select = -DVIT_AVXVNNI=$(or $(AVXVNNI),0) -DVIT_AMX=$(or $(AMX),0)
own.kernels/amxbf16 = $(own.kernels/select)
own.kernels/amxint8 = $(own.kernels/select)
own.tools/bench_limits = $(own.kernels/select)
own.tests/kernels/emulated_select = $(own.kernels/select)

# stb_image tells its version in a comment only.
own.patch/decode = -DVIT_STB_VERSION=$(or $(shell sed -n '1s/.* v\([0-9.]*\) .*/\1/p' $(firstword $(wildcard $(STB)/stb_image.h /usr/include/stb_image.h) /dev/null)),unknown)
# It adds 0 to a null pointer, and reads 0 bytes there, when the first piece of a PNG's pixels is empty.
own.patch/stb = -fno-sanitize=pointer-overflow,nonnull-attribute

# What vit --version says of the build, but for the folder it was built in: elsewhere the same bytes are made.
told := $(filter-out -ffile-prefix-map=% -fdebug-prefix-map=% -fmacro-prefix-map=%,$(opt.$(MODE)) $(HARDEN) $(GIVEN))
own.tools/cmd_version = -DVIT_BUILD_FLAGS=$(call quoted,"$(MODE): $(subst ",\",$(told)) BLAS=$(BLAS) JPEG=$(JPEG)")

all_flags = $(CC) $(FLAGS) $(HARDEN) $(GIVEN) $(HARDEN_LD) $(LDFLAGS) $(LIBS)
# Every object waits for it, so that a missing package is named first: pkg-config, where it does not know one, gives
# nothing of all of them.
$B/flags: FORCE
	@$(PKG_CONFIG) --exists --print-errors $(PKGS) || { echo 'vit: is built from $(strip $(PKGS)); make deps installs what is missing' >&2; exit 1; }
	@mkdir -p $(@D)
	@echo $(call quoted,$(all_flags)) | cmp -s - $@ || echo $(call quoted,$(all_flags)) > $@

$B/libvit.a: $(LIB_OBJ)
	@rm -f $@
	$(call say,AR)
	$(Q)$(AR) rcs $@ $^

$B/bin/vit: $(TOOL_OBJ) $B/libvit.a
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(FLAGS) $(GIVEN) $(if $(HARDEN_LD),-pie) $(HARDEN_LD) $(LDFLAGS) -o $@ $^ $(LIBS)

# Every function that a header for programs declares, and no other.
$B/libvit.map: Makefile $(API)
	@mkdir -p $(@D)
	@{ echo 'VIT_$(subst .,_,$(ABI)) {' && echo 'global:' && \
	  sed -n '/^static/d; s/^[a-z].*\(vit_[a-z0-9_]*\)(.*/    \1;/p' $(API) && echo 'local: *;' && echo '};'; } > $@

# What it lacks is an error here, and not for who links with it. Sanitizers are what the program brings.
NO_GAPS = $(if $(findstring -fsanitize,$(opt.$(MODE)) $(GIVEN) $(LDFLAGS)),,-Wl,-z,defs)
$B/libvit.so.$(VERSION): $(LIB_OBJ) $B/libvit.map
	$(call say,LD)
	$(Q)$(CC) $(FLAGS) $(GIVEN) $(HARDEN_LD) $(LDFLAGS) -shared $(NO_GAPS) -Wl,-soname,$(SONAME) -Wl,--version-script,$B/libvit.map -o $@ $(LIB_OBJ) $(LIBS)

# Removed first: what runs keeps the old one, which could not be written.
# Of the build that is asked for, also where another mode's is newer.
bin/vit: $B/bin/vit FORCE
	@mkdir -p bin
	@cmp -s $< $@ || { rm -f $@; echo cp $< $@; cp $< $@; }

libvit.a: $B/libvit.a
	cp $< $@

libvit.so: $B/libvit.so.$(VERSION)
	@rm -f libvit.so.$(VERSION)
	cp $< libvit.so.$(VERSION)
	ln -sf libvit.so.$(VERSION) $(SONAME)
	ln -sf $(SONAME) libvit.so

# An archive, so that a test links only the helpers it uses.
$B/tests/support.a: $(SUPPORT_OBJ)
	@rm -f $@
	$(call say,AR)
	$(Q)$(AR) rcs $@ $^

$B/tests/%: $B/tests/%.o $B/tests/support.a $B/libvit.a
	$(call say,LD)
	$(Q)$(CC) $(FLAGS) $(GIVEN) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) -lcmocka $(LIBS)

# These tests see more overlays: those for AVX-512, VNNI and AMX on emulated instructions, which every CPU has. The
# selection that knows them takes the place of the library's.
EMULATED := $(patsubst %.c,$B/%.o,$(wildcard tests/kernels/emulated_*.c))
$(patsubst %.c,$B/%,$(wildcard tests/kernels/test_overlays_*.c)) $B/tests/kernels/test_pack \
  $B/tests/vit/test_packed: $(EMULATED)
# To be right, not fast; and vectors that the CPU does not have are handed on in memory, which nobody else sees.
$(EMULATED): private FLAGS += -O1 -Wno-psabi

# Tests of the program's own parts see all of it but main.
$B/tools/parts.a: $(filter-out $B/tools/main.o,$(TOOL_OBJ))
	@rm -f $@
	$(call say,AR)
	$(Q)$(AR) rcs $@ $^

$B/tests/tools/%: $B/tests/tools/%.o $B/tests/support.a $B/tools/parts.a $B/libvit.a
	$(call say,LD)
	$(Q)$(CC) $(FLAGS) $(GIVEN) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS)

# Preloaded into the program by tests/tools/test_faults: no sanitizer, which the program brings.
$B/tests/tools/faults.so: tests/tools/faults.c $B/flags
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE $(WARN) -O1 -g -fPIC -shared $(GIVEN) -o $@ $< -ldl

-include $(shell find $B -name '*.d' 2>/dev/null)

# ---- running and testing ----
# VIT_EMULATOR: what runs programs for another CPU. Scripts and tests start the program by one name.
export VIT_EMULATOR
BIN := $B/bin/vit$(if $(VIT_EMULATOR),-emulated)
# Which build test programs and scripts are of, for those that start or preload a part of it.
OF_BUILD = VIT_BIN=$(BIN) VIT_B=$B VIT_MODE=$(MODE) CC="$(CC)"

do-run: do-all
	@tools/run-samples.sh bin/vit "$(MODEL)"

do-test: $(RUN_TESTS) $(BIN) $B/libvit.so.$(VERSION) $B/tests/tools/faults.so
	@$(OF_BUILD) tools/run-tests.sh $(RUN_TESTS) $(RUN_SCRIPTS)

# The test programs on another kind of CPU, emulated, without the scripts of tests/cli. Nothing is installed for it.
ARM64_PACKAGES := gcc-aarch64-linux-gnu qemu-user $(foreach p,jansson zip jpeg openblas-openmp cmocka,lib$p-dev:arm64)
check-arm64:
	@command -v aarch64-linux-gnu-gcc >/dev/null && command -v qemu-aarch64 >/dev/null || \
	  { echo "check-arm64 needs, on Debian after dpkg --add-architecture arm64: $(ARM64_PACKAGES)" >&2; exit 1; }
	+@PKG_CONFIG_LIBDIR=/usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig $(SLOW_SECONDS) \
	  $(MAKE) --no-print-directory DEPS=no B=build/arm64 CC=aarch64-linux-gnu-gcc AR=aarch64-linux-gnu-ar VIT_EMULATOR=qemu-aarch64 RUN_SCRIPTS= do-test
$B/bin/vit-emulated: $B/bin/vit
	$(Q)printf '#!/bin/sh\nexec $(VIT_EMULATOR) %s "$$@"\n' '$(abspath $<)' >$@ && chmod +x $@

# The suite once for every overlay this CPU can run, alone over the reference.
do-check-kernels: $(RUN_TESTS) $(BIN) $B/tests/tools/faults.so
	@$(OF_BUILD) tools/check-kernels.sh $(BIN) $(RUN_TESTS)

# Parity with other programs; the fixtures are folders as golden/README.md describes.
GOLDEN     ?= ../shared/golden
PREPROCESS ?= ../shared/preprocess
do-check-golden: $B/bin/vit $B/tests/tools/golden
	@$B/tests/tools/golden $B/bin/vit $(GOLDEN)/*/

do-check-preprocess: $B/bin/vit $B/tests/tools/pixels
	@$B/tests/tools/pixels $B/bin/vit $(PREPROCESS)

# Every file of a tree of hostile pictures, each in a child that is watched, always under sanitizers.
do-check-corpus:
	+@$(MAKE) --no-print-directory DEPS=no MODE=asan build/asan/tests/tools/corpus
	@build/asan/tests/tools/corpus "$(or $(CORPUS),$(error check-corpus needs CORPUS=FOLDER of pictures))"

# A disk that fails at every operation and memory at every allocation, where make test tries a part of them.
do-check-faults: $B/tests/tools/test_faults $B/tests/tools/test_memory $(BIN) $B/tests/tools/faults.so
	@VIT_FAULTS=all $(OF_BUILD) VIT_TEST_SECONDS=3600 tools/run-tests.sh $(filter %/test_faults %/test_memory,$^)

# N signals at random moments of a training run, which goes on each time and must end with the same bits.
N ?= 200
do-check-signals: $B/bin/vit $B/tests/tools/signals
	@$B/tests/tools/signals $B/bin/vit $(N)

# Coverage-guided fuzzing of every reader, FUZZ_SECONDS or FUZZ_RUNS executions each (both: the sooner); T=NAME: one,
# T="NAME NAME": some. What is found lies in build/fuzz/found; build/fuzz/corpus adds executions up over several runs.
FUZZ_RUNS    ?= 0
FUZZ_SECONDS ?= $(if $(filter 0,$(FUZZ_RUNS)),30,0)
FUZZ_CC      ?= clang
FUZZ_TARGETS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SHARED  := $B/tests/fuzz/fuzz.o $B/tests/fuzz/archive.o $B/tests/fuzz/models.o

# Few of them need the program's own parts, and not every part is built for the others.
FUZZ_OF_TOOLS := $(shell grep -l '"tools/' tests/fuzz/fuzz_*.c)
$(FUZZ_OF_TOOLS:%.c=$B/%): $B/tools/parts.a

$B/tests/fuzz/fuzz_%: $B/tests/fuzz/fuzz_%.o $(FUZZ_SHARED) $B/tests/support.a $B/libvit.a
	$(call say,LD)
	$(Q)$(CC) $(FLAGS) $(GIVEN) -fsanitize=fuzzer $(LDFLAGS) -o $@ -Wl,--start-group $^ -Wl,--end-group -lcmocka $(LIBS)

do-fuzz:
	+@$(MAKE) --no-print-directory DEPS=no MODE=fuzz CC="$(FUZZ_CC)" \
	  $(patsubst %,build/fuzz/tests/fuzz/fuzz_%,$(or $(T),$(FUZZ_TARGETS))) build/fuzz/tests/fuzz/seeds
	@tools/fuzz.sh build/fuzz $(FUZZ_SECONDS) $(FUZZ_RUNS) $(or $(T),$(FUZZ_TARGETS))

# Minutes of training: DATA is CIFAR-10 in any of its forms.
do-check-learning: $B/bin/vit
	@tools/check-learning.sh $B/bin/vit "$(or $(DATA),$(error check-learning needs DATA=FOLDER, CIFAR-10))"

do-check-sweep: $B/bin/vit
	@tools/check-sweep.sh $B/bin/vit "$(or $(DATA),$(error check-sweep needs DATA=FOLDER, CIFAR-10))"

# Slower than lint: minutes. The flags are those of the release, without what only code generation needs.
do-analyze:
	@CC="$(CC)" tools/analyze.sh -std=c11 -D_GNU_SOURCE -I. -isystem $(STB) $(PKG_CFLAGS) \
	  -DVIT_BLAS=$(BLAS) -DVIT_JPEG=$(JPEG) -DVIT_BUILTIN=$(BUILTIN)

# A browser opens a page of made-up runs.
do-check-report: $B/bin/vit
	@tools/check-report.sh $B/bin/vit

# The experiment's page, picture and tables in the documents, from the lines beside them.
do-docs-norm: $B/bin/vit
	@tools/docs-norm.sh $B/bin/vit

# Also what no other target of every day compiles.
SELDOM_OBJ := $(patsubst %.c,$B/%.o,$(wildcard tests/fuzz/*.c))
do-lint: $(LIB_OBJ) $(TOOL_OBJ) $B/libvit.so.$(VERSION) $(SELDOM_OBJ)
	@STB="$(STB)" tools/lint.sh $B $(HEADERS)

format:
	clang-format -i $(wildcard vit/*.[ch] kernels/*.[ch] patch/*.[ch] weights/*.[ch] tools/*.[ch] tests/*/*.[ch])

# ---- installing ----
# What a program may include, and what that includes.
HEADERS := $(API) kernels/kern.h kernels/team.h patch/patch.h patch/stem.h weights/weights.h
LIBDIR  ?= $(PREFIX)/lib

# Where each lies, in quotes: a folder may have a blank in its name.
in  = "$(DESTDIR)$(PREFIX)/$(1)"
lib = "$(DESTDIR)$(LIBDIR)/$(1)"
MAN  := $(call in,share/man/man1)
BASH := $(call in,share/bash-completion/completions)
ZSH  := $(call in,share/zsh/site-functions)
FISH := $(call in,share/fish/vendor_completions.d)
DOC  := $(call in,share/doc/vit)
PICTURES := $(if $(filter 1,$(SAMPLES)),$(call in,share/libvit/samples))

# Written where they belong, since root may install what others build, and for everybody to read whatever the mask of who
# installs. What programs are compiled and linked with: FILE.
linking = printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(patsubst $(PREFIX)/%,$${prefix}/%,$(LIBDIR))' \
	  'includedir=$${prefix}/include/libvit' '' \
	  'Name: vit' 'Description: Vision Transformer image classifier' 'Version: $(VERSION)' \
	  'Requires.private: $(strip $(PKGS))' 'Libs: -L"$${libdir}" -lvit' \
	  'Libs.private: -lm -lpthread -fopenmp' 'Cflags: -I"$${includedir}"' > $1 && chmod 644 $1
# What the program says of itself: WHAT, FILE. A program for another CPU cannot where there is no emulator: another of
# this version says the same.
HOST_VIT ?= $(BIN)
said = $(HOST_VIT) help --$1 > $2 && chmod 644 $2

do-install: do-all $(BIN)
	install -d $(call in,bin) $(call lib,pkgconfig) $(MAN) $(BASH) $(ZSH) $(FISH) $(DOC) $(PICTURES)
	install -m 755 $B/bin/vit $(call in,bin/vit)
	install -m 644 $B/libvit.a $(call lib,libvit.a)
	install -m 755 $B/libvit.so.$(VERSION) $(call lib,libvit.so.$(VERSION))
	ln -sf libvit.so.$(VERSION) $(call lib,$(SONAME))
	ln -sf $(SONAME) $(call lib,libvit.so)
	for h in $(HEADERS); do install -D -m 644 $$h $(call in,include/libvit)/$$h || exit 1; done
	install -m 644 LICENSE $(DOC)
	$(if $(PICTURES),install -m 644 samples/README.md samples/COPYING samples/labels.csv samples/*.jpg $(PICTURES))
	$(call linking,$(call lib,pkgconfig/vit.pc))
	$(call said,man,$(MAN)/vit.1)
	$(call said,bash,$(BASH)/vit)
	$(call said,zsh,$(ZSH)/_vit)
	$(call said,fish,$(FISH)/vit.fish)

uninstall:
	rm -f $(call in,bin/vit) $(call lib,libvit.a) $(call lib,libvit.so) $(call lib,$(SONAME)) \
	  $(call lib,libvit.so.$(VERSION)) $(call lib,pkgconfig/vit.pc)
	rm -rf $(call in,include/libvit) $(call in,share/libvit)
	rm -f $(DOC)/LICENSE $(MAN)/vit.1 $(BASH)/vit $(ZSH)/_vit $(FISH)/vit.fish

clean:
	rm -rf build bin libvit.a libvit.so libvit.so.*

help:
	@echo 'make                   bin/vit, libvit.a, libvit.so'
	@echo 'make run               classify the pictures in samples/; MODEL=FILE uses another model'
	@echo 'make test              all fast tests; T=NAME runs tests/*/test_NAME or the folder tests/NAME'
	@echo 'make asan|tsan|debug   the tests in that mode; tsan with clang and its OpenMP'
	@echo 'make cover             the tests with counters, then line coverage by file and folder'
	@echo 'make check-kernels     the tests once for every kernel overlay this CPU can run'
	@echo 'make check-arm64       the test programs on another kind of CPU, emulated; T=NAME'
	@echo 'make check-golden      logits and gradients against other programs; GOLDEN=FOLDER'
	@echo 'make check-preprocess  decoding and resizing against Pillow; PREPROCESS=FOLDER'
	@echo 'make check-corpus      every picture of a tree is decoded or refused, under sanitizers; CORPUS=FOLDER'
	@echo 'make check-faults      the disk fails at every operation, memory at every allocation of a verb'
	@echo 'make check-signals     N=200 signals at random moments of training: same bits every time'
	@echo 'make fuzz              fuzz every reader with clang, FUZZ_SECONDS=30 or FUZZ_RUNS=N each; T=NAME: one of them'
	@echo 'make check-learning    every placement learns 512 pictures by heart; DATA=FOLDER, minutes'
	@echo 'make check-sweep       a grid killed again and again ends with the numbers of one left alone; DATA=FOLDER'
	@echo 'make check-report      a page of vit report in a browser, where there is Chromium'
	@echo 'make docs-norm         the page, picture and tables of docs/norm anew; their commands are in the documents'
	@echo 'make lint              include directions, symbol prefixes, function length, format'
	@echo 'make analyze           gcc -fanalyzer on the parsers, clang-tidy, cppcheck; minutes'
	@echo 'make format            clang-format over the tree'
	@echo 'make install           to $$(DESTDIR)$$(PREFIX), with the variables of the build; make uninstall takes it away'
	@echo 'make deps              install missing packages, and nothing else'
	@echo 'make clean             remove everything built'
	@echo 'Variables: MODE=release|debug|asan|tsan|cover CC AR PKG_CONFIG CPPFLAGS CFLAGS LDFLAGS PREFIX LIBDIR DESTDIR BLAS=0 JPEG=0 SAMPLES=0 STB=FOLDER DEPS=no V=1'
	@echo 'For another CPU: VIT_EMULATOR=COMMAND runs what is built; without one make install takes its texts from HOST_VIT=PROGRAM'
