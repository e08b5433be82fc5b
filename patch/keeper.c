/* The processes of a sandbox: the keeper, which has no threads and forks, and the decoders. They do not
 * return to the program they were forked from, whose files they close and whose handlers they drop. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "patch/sandbox.h"

#ifdef __linux__
#include <sys/prctl.h>
#include <sys/syscall.h>

/* At once: what the program wants done at its end is not theirs to do. */
static _Noreturn void leave(void)
{
    for (;;) syscall(SYS_exit_group, 0);
}

/* ---- a decoder ---- */

/* Answer the question in the cell. Pixels that do not fit are a mistake of ours, not of the picture. */
static void answer(const struct patch_sandbox_plan *plan, unsigned char *cell)
{
    struct patch_exchange *x = (struct patch_exchange *)cell;
    const struct patch_space space = { cell + plan->cells.pixels_at, plan->cells.pixels_room };
    const struct patch_decode options = { .max_pixels = x->max_pixels,
                                          .max_pixels_name = *x->max_pixels_name ? x->max_pixels_name : NULL,
                                          .ignore_exif = x->ignore_exif };
    struct vit_error err = { 0 };
    struct patch_image image;
    size_t bytes;

    x->status = plan->decode(&image, cell + plan->cells.file_at, x->size, x->name, &options, &space, &err);
    memcpy(x->text, err.text, sizeof x->text);
    x->width = image.width;
    x->height = image.height;
    if (x->status) return;
    bytes = (size_t)3 * (size_t)image.width * (size_t)image.height;
    if (image.rgb != space.bytes && bytes <= space.size) memcpy(space.bytes, image.rgb, bytes);
    patch_image_free(&image);
}

/* Cells of others are none of its business. */
static unsigned char *keep_cell(const struct patch_cells *c, int cell)
{
    unsigned char *own = c->area + (size_t)cell * c->bytes, *after = own + c->bytes;
    const size_t before = (size_t)(own - c->area), behind = (size_t)(c->count - 1 - cell) * c->bytes;

    if (before) munmap(c->area, before);
    if (behind) munmap(after, behind);
    return own;
}

static _Noreturn void run_decoder(int fd, int cell, pid_t keeper, const struct patch_sandbox_plan *plan)
{
    unsigned char *own = keep_cell(&plan->cells, cell);
    char asked;
    int error;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != keeper) leave(); /* it died before it was watched */
    patch_confine_files(fd);
    error = patch_confine(plan->memory);
    if (write(0, &error, sizeof error) != sizeof error || error) leave();
    while (read(0, &asked, 1) == 1) {
        answer(plan, own);
        if (write(0, &asked, 1) != 1) break;
    }
    leave();
}

/* ---- the keeper ---- */

/* Kill a decoder that may be dead already, and bury it. How it ended, as waitpid says. */
static int end(pid_t pid)
{
    int how = 0;

    kill(pid, SIGKILL);
    while (waitpid(pid, &how, 0) < 0 && errno == EINTR) continue;
    return how;
}

/* The decoder of a cell ends, and a new one begins. Returns the program's end of its socket,
 * -1: error says why there is none. */
static int replace(pid_t *pid, int cell, const struct patch_sandbox_plan *plan, struct patch_keeper_answer *a)
{
    const pid_t keeper = getpid();
    int ends[2];

    *a = (struct patch_keeper_answer){ .died = *pid > 0 ? end(*pid) : 0 };
    *pid = 0;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)) {
        a->error = errno;
        return -1;
    }
    a->pid = *pid = fork();
    if (*pid == 0) run_decoder(ends[1], cell, keeper, plan);
    if (*pid < 0) a->error = errno;
    close(ends[1]);
    if (!a->error) return ends[0];
    close(ends[0]);
    return -1;
}

static bool reply(int control, const struct patch_keeper_answer *a, int fd)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } extra = { .bytes = { 0 } };
    struct iovec part = { (void *)a, sizeof *a };
    struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };

    if (fd >= 0) {
        m.msg_control = extra.bytes;
        m.msg_controllen = sizeof extra.bytes;
        extra.head = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
                                       .cmsg_type = SCM_RIGHTS,
                                       .cmsg_len = CMSG_LEN(sizeof fd) };
        memcpy(CMSG_DATA(&extra.head), &fd, sizeof fd);
    }
    return sendmsg(control, &m, 0) == (ssize_t)sizeof *a;
}

/* The program's handlers would run its code here. What a terminal sends to all of a group is for the program
 * to act on: when it ends, so does this. */
static void reset_signals(void)
{
    static const int IGNORED[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGPIPE };
    sigset_t all;

    for (int i = 1; i < NSIG; i++) signal(i, SIG_DFL);
    for (size_t i = 0; i < VIT_COUNT(IGNORED); i++) signal(IGNORED[i], SIG_IGN);
    sigfillset(&all);
    sigprocmask(SIG_UNBLOCK, &all, NULL);
}

_Noreturn void patch_keeper_run(int control, const struct patch_sandbox_plan *plan)
{
    pid_t *pid = calloc((size_t)plan->cells.count, sizeof *pid);
    struct patch_keeper_answer a;
    int cell, fd;
    bool said = pid != NULL;

    reset_signals();
    patch_confine_files(control);
    while (said && read(0, &cell, sizeof cell) == (ssize_t)sizeof cell) {
        fd = replace(&pid[cell], cell, plan, &a);
        said = reply(0, &a, fd);
        if (fd >= 0) close(fd);
    }
    for (int i = 0; pid && i < plan->cells.count; i++)
        if (pid[i] > 0) end(pid[i]);
    leave();
}

#else

_Noreturn void patch_keeper_run(int control, const struct patch_sandbox_plan *plan)
{
    (void)control, (void)plan;
    for (;;) raise(SIGKILL);
}

#endif
