/* The program's end of a decoder: getting one from the keeper, and waiting for what it says. */
#include "patch/sandbox_cell.h"

#ifdef __linux__

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* Whether a decoder hangs is looked at so often. */
enum { TICK_MILLISECONDS = 50 };

/* ---- the keeper ---- */

/* The answer, and the file descriptor that came with it or -1. */
static bool receive(int control, struct patch_keeper_answer *a, int *fd)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } extra;
    struct iovec part = { a, sizeof *a };
    struct msghdr m = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = extra.bytes, .msg_controllen = sizeof extra.bytes
    };
    const struct cmsghdr *c;
    ssize_t got;

    *fd = -1;
    do got = recvmsg(control, &m, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof *a) return false;
    c = CMSG_FIRSTHDR(&m);
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) memcpy(fd, CMSG_DATA(c), sizeof *fd);
    if (m.msg_flags & MSG_CTRUNC) a->error = EMFILE; /* it came, and had no number left */
    return true;
}

static bool ask_keeper(struct patch_sandbox *s, int cell, struct patch_keeper_answer *a, int *fd)
{
    bool done;

    pthread_mutex_lock(&s->asking);
    done = send(s->control, &cell, sizeof cell, MSG_NOSIGNAL) == (ssize_t)sizeof cell &&
           receive(s->control, a, fd);
    pthread_mutex_unlock(&s->asking);
    return done;
}

/* ---- a decoder ---- */

static double seconds_of(clockid_t clock)
{
    struct timespec t = { 0 };

    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Whether it waits for something, instead of for its turn on a processor or for a stop to be over. */
static bool sleeps(pid_t pid)
{
    char path[64], text[512], *end;
    ssize_t got;
    int fd;

    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    if (got <= 0) return true;
    text[got] = '\0';
    end = strrchr(text, ')'); /* of the program's name */
    return !end || end[1] != ' ' || end[2] == 'S';
}

/* What a decoder has had of its time since it was looked at last. A processor's time, so that a busy machine
 * or one that was suspended fails no picture; and the time on the clock where it waits, since there is
 * nothing it might wait for. */
static double spent(const struct patch_cell *c, double *computed, double *clock)
{
    const double now_computed = seconds_of(c->clock), now = seconds_of(CLOCK_MONOTONIC);
    const double busy = now_computed - *computed, most = 1e-3 * TICK_MILLISECONDS;
    const double passed = now - *clock < most ? now - *clock : most;

    *computed = now_computed;
    *clock = now;
    return sleeps(c->pid) && passed > busy ? passed : busy;
}

enum patch_ending patch_cell_wait(const struct patch_cell *c, void *message, size_t size)
{
    double computed = seconds_of(c->clock), clock = seconds_of(CLOCK_MONOTONIC), sum = 0;
    ssize_t got;

    while ((got = recv(c->fd, message, size, 0)) < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) return PATCH_DIED;
        sum += spent(c, &computed, &clock);
        if (sum > c->sandbox->seconds) return PATCH_LATE;
    }
    return got == (ssize_t)size ? PATCH_ANSWERED : PATCH_DIED;
}

enum vit_status patch_cell_renew(struct patch_cell *c, int *died, struct vit_error *err)
{
    const struct timeval tick = { 0, 1000 * TICK_MILLISECONDS };
    struct patch_sandbox *s = c->sandbox;
    struct patch_keeper_answer a = { 0 };
    int error = 0;

    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
    if (!ask_keeper(s, (int)(c - s->cell), &a, &c->fd))
        return vit_fail(err, VIT_ERR_IO, "the process that keeps the decoders has ended");
    if (died) *died = a.died;
    if (c->fd < 0)
        return vit_fail(err, VIT_ERR_NOMEM, "the system refused a process to decode in: %s",
                        strerror(a.error));
    c->pid = a.pid;
    if (clock_getcpuclockid(a.pid, &c->clock) ||
        setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof tick) ||
        patch_cell_wait(c, &error, sizeof error) != PATCH_ANSWERED)
        error = EPIPE;
    if (!error) return VIT_OK;
    close(c->fd);
    c->fd = -1;
    return vit_fail(err, VIT_ERR_UNSUPPORTED, "a process cannot be confined here: %s", strerror(error));
}

#endif
