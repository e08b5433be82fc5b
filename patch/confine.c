/* What a decoder may do: compute, take memory, read from and write to its one socket, end. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "patch/sandbox.h"

#ifdef __linux__
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* The numbers of system calls mean something for one architecture only. Of 64 bits, low word first. */
#if defined __x86_64__
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined __AARCH64EL__
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined __riscv && __riscv_xlen == 64
#define ARCHITECTURE AUDIT_ARCH_RISCV64
#endif
#endif

#ifdef ARCHITECTURE

enum rule {
    ALLOW,
    NO_CODE, /* allowed unless memory is to become executable: the third argument */
    REFUSE,  /* EACCES: libraries try it and go on without */
};

static const struct {
    unsigned call;
    enum rule rule;
} RULES[] = {
    { SYS_read, ALLOW },
    { SYS_write, ALLOW },
    { SYS_mmap, NO_CODE },
    { SYS_mprotect, NO_CODE },
    { SYS_munmap, ALLOW },
    { SYS_mremap, ALLOW },
    { SYS_madvise, ALLOW },
    { SYS_brk, ALLOW },
    { SYS_futex, ALLOW },
    { SYS_clock_gettime, ALLOW },
    { SYS_exit_group, ALLOW },
    { SYS_rt_sigreturn, ALLOW },
    /* glibc counts processors when memory runs out, to try another arena; libjpeg-turbo reads
     * /proc/cpuinfo on ARM. */
    { SYS_sched_getaffinity, ALLOW },
    { SYS_openat, REFUSE },
#ifdef SYS_open
    { SYS_open, REFUSE },
#endif
    /* The sanitizers' allocators spin and ask who they are, and look for their stack before a longjmp. */
    { SYS_sigaltstack, ALLOW },
    { SYS_sched_yield, ALLOW },
    { SYS_gettid, ALLOW },
    { SYS_getpid, ALLOW },
};

#define LOAD(field)   BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ANSWER(value) BPF_STMT(BPF_RET | BPF_K, value)
#define SKIP_UNLESS(value, count)                                                                            \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, count) /* the accumulator equals value */
#define SKIP_UNLESS_BIT(bit, count) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bit, 0, count)

/* The longest rule takes five instructions, what stands before and after them five. */
enum { MAX_FILTER = 5 * (int)VIT_COUNT(RULES) + 5 };

static unsigned short build_filter(struct sock_filter *f)
{
    struct sock_filter *start = f;

    *f++ = (struct sock_filter)LOAD(arch);
    *f++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
    *f++ = (struct sock_filter)ANSWER(SECCOMP_RET_KILL_PROCESS);
    *f++ = (struct sock_filter)LOAD(nr);
    for (size_t i = 0; i < VIT_COUNT(RULES); i++) {
        if (RULES[i].rule == NO_CODE) {
            *f++ = (struct sock_filter)SKIP_UNLESS(RULES[i].call, 4);
            *f++ = (struct sock_filter)LOAD(args[2]);
            *f++ = (struct sock_filter)SKIP_UNLESS_BIT(PROT_EXEC, 1);
            *f++ = (struct sock_filter)ANSWER(SECCOMP_RET_KILL_PROCESS);
        } else {
            *f++ = (struct sock_filter)SKIP_UNLESS(RULES[i].call, 1);
        }
        *f++ = (struct sock_filter)ANSWER(
            RULES[i].rule == REFUSE ? SECCOMP_RET_ERRNO | (EACCES & SECCOMP_RET_DATA) : SECCOMP_RET_ALLOW);
    }
    *f++ = (struct sock_filter)ANSWER(SECCOMP_RET_KILL_PROCESS);
    return (unsigned short)(f - start);
}

static int install_filter(void)
{
    struct sock_filter filter[MAX_FILTER];
    const struct sock_fprog program = { build_filter(filter), filter };

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return errno;
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) return errno;
    return 0;
}

/* Bytes of addresses this process has, and of them what it may write to and shares with nobody. */
static bool count_memory(size_t *addresses, size_t *data)
{
    const int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char text[128];
    ssize_t got;

    if (fd < 0) return false;
    got = read(fd, text, sizeof text - 1);
    close(fd);
    if (got <= 0) return false;
    text[got] = '\0';
    if (sscanf(text, "%zu %*u %*u %*u %*u %zu", addresses, data) != 2) return false;
    *addresses *= page;
    *data *= page;
    return true;
}

static bool limit(int what, size_t bytes)
{
    struct rlimit l;

    if (getrlimit(what, &l)) return false;
    if (bytes < l.rlim_cur) l.rlim_cur = bytes;
    l.rlim_max = l.rlim_cur;
    return setrlimit(what, &l) == 0;
}

/* Addresses alone would not do: allocators keep some that they have not written to. */
int patch_confine(size_t memory)
{
    size_t addresses, data;

    if (!count_memory(&addresses, &data)) return ENOSYS;
    if (!limit(RLIMIT_AS, addresses + memory) || !limit(RLIMIT_DATA, data + memory) || !limit(RLIMIT_CORE, 0))
        return errno;
    return install_filter();
}

void patch_confine_files(int fd)
{
    enum { MOST = 65536 }; /* where the system cannot close a range: more are rarely allowed */
    const long limit = sysconf(_SC_OPEN_MAX);
    const int last = limit > 0 && limit < MOST ? (int)limit : MOST;

    if (fd != 0) (void)dup2(fd, 0);
#ifdef SYS_close_range
    if (!syscall(SYS_close_range, 1u, ~0u, 0u)) return;
#endif
    for (int i = 1; i < last; i++) close(i);
}

#else

int patch_confine(size_t memory)
{
    (void)memory;
    return ENOSYS;
}

void patch_confine_files(int fd)
{
    (void)fd;
}

#endif
