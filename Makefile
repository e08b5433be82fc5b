# vit - Vision Transformer image classifier.   make help   lists the targets.
#
# A packager sets CC CFLAGS LDFLAGS PREFIX DESTDIR; a developer sets MODE (release, debug, asan, tsan,
# cover). BLAS=0 builds without OpenBLAS, JPEG=0 without libjpeg-turbo. Objects live in build/$(MODE),
# so modes never mix; every object depends on the flags it was built with.

MAKEFLAGS += -r
.SUFFIXES:
.DELETE_ON_ERROR:

MODE   ?= release
CC     ?= cc
ifeq ($(origin CC),default)
CC     := cc
endif
PREFIX ?= /usr/local
VERSION := $(shell sed -n 's/^.define VIT_VERSION "\(.*\)"/\1/p' vit/base.h)
SONAME  := libvit.so.$(firstword $(subst ., ,$(VERSION)))
B       := build/$(MODE)

# ---- packages: present or not, asked of pkg-config once ----
PKG    := $(shell command -v pkg-config 2>/dev/null)
has     = $(shell test -n "$(PKG)" && pkg-config --exists $(1) && echo 1)
BLAS   ?= $(if $(call has,openblas),1,0)
JPEG   ?= $(if $(call has,libjpeg),1,0)
PKGS   := jansson libzip $(if $(filter 1,$(BLAS)),openblas) $(if $(filter 1,$(JPEG)),libjpeg)
PKG_CFLAGS := $(shell test -n "$(PKG)" && pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS   := $(shell test -n "$(PKG)" && pkg-config --libs $(PKGS) 2>/dev/null)
STB    ?= /usr/include/stb

# ---- flags ----
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wpointer-arith -Wwrite-strings
opt.release := -O3 -DNDEBUG -g1
opt.debug   := -O0 -g3
opt.asan    := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
opt.tsan    := -O1 -g -fsanitize=thread
opt.cover   := -O0 -g --coverage
FLAGS := -std=c11 -D_GNU_SOURCE -I. -isystem $(STB) $(PKG_CFLAGS) $(WARN) -fPIC -fvisibility=default \
         -fno-math-errno -fno-trapping-math -ffp-contract=off -fopenmp \
         -DVIT_BLAS=$(BLAS) -DVIT_JPEG=$(JPEG) $(opt.$(MODE)) $(CFLAGS)
LIBS  := $(PKG_LIBS) -lm -lpthread

# Only kernels/<overlay>.c gets instruction flags; nothing in those files runs before the CPU is checked.
ifneq ($(filter x86_64 amd64,$(shell uname -m)),)
isa.avx2   := -mavx2 -mfma -ffp-contract=fast
isa.avx512 := -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx2 -mfma -mprefer-vector-width=512 -ffp-contract=fast
endif

LIB_SRC  := $(wildcard vit/*.c kernels/*.c patch/*.c weights/*.c)
TOOL_SRC := $(wildcard tools/*.c)
LIB_OBJ  := $(LIB_SRC:%.c=$B/%.o)
TOOL_OBJ := $(TOOL_SRC:%.c=$B/%.o)
TEST_SRC := $(wildcard tests/*/test_*.c)
TESTS    := $(TEST_SRC:%.c=$B/%)
SUPPORT_OBJ := $(patsubst %.c,$B/%.o,$(wildcard tests/support/*.c))

.PHONY: all deps run test asan tsan check-golden check-kernels lint format cover bench install uninstall clean help FORCE
all: bin/vit libvit.a libvit.so

# ---- building ----
$B/%.o: %.c $B/flags
	@mkdir -p $(@D)
	$(CC) $(FLAGS) $(isa.$(notdir $*)) -MMD -MP -c $< -o $@

$B/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(FLAGS)' | cmp -s - $@ || echo '$(CC) $(FLAGS)' > $@

$B/libvit.a: $(LIB_OBJ)
	@rm -f $@
	ar rcs $@ $^

$B/vit: $(TOOL_OBJ) $B/libvit.a
	$(CC) $(FLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$B/libvit.so.$(VERSION): $(LIB_OBJ) vit/libvit.map
	$(CC) $(FLAGS) $(LDFLAGS) -shared -Wl,-soname,$(SONAME) -Wl,--version-script,vit/libvit.map -o $@ $(LIB_OBJ) $(LIBS)

bin/vit: $B/vit
	@mkdir -p bin
	cp $< $@

libvit.a: $B/libvit.a
	cp $< $@

libvit.so: $B/libvit.so.$(VERSION)
	cp $< libvit.so.$(VERSION)
	ln -sf libvit.so.$(VERSION) $(SONAME)
	ln -sf $(SONAME) libvit.so

$B/tests/%: $B/tests/%.o $(SUPPORT_OBJ) $B/libvit.a
	$(CC) $(FLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS)

-include $(shell find $B -name '*.d' 2>/dev/null)
