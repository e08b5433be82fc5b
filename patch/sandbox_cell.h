/* sandbox_cell.h - a sandbox as the program holds it, for sandbox*.c only. */
#ifndef PATCH_SANDBOX_CELL_H
#define PATCH_SANDBOX_CELL_H

#include "patch/sandbox.h"

#ifdef __linux__

#include <pthread.h>
#include <time.h>

/* One of the program's decoders, and the memory it shares with it. */
struct patch_cell {
    struct patch_sandbox *sandbox;
    unsigned char *bytes; /* of the mapping */
    int fd;               /* of its decoder; -1: there is none */
    pid_t pid;            /* 0: there was none yet */
    clockid_t clock;      /* of its time on processors */
    size_t file, pixels;  /* bytes in use */
    bool busy;            /* guarded by the lock of the sandbox */
};

struct patch_sandbox {
    struct patch_sandbox_plan plan;
    size_t max_pixels;
    double seconds;
    struct patch_cell *cell; /* (plan.cells.count) */
    pid_t keeper;
    int control;
    pthread_mutex_t lock; /* of busy */
    pthread_cond_t freed;
    pthread_mutex_t asking; /* the keeper, one question at a time */
};

/* How waiting for a decoder ended. */
enum patch_ending {
    PATCH_ANSWERED,
    PATCH_SENSELESS, /* the answer is none */
    PATCH_DIED,
    PATCH_LATE,
    PATCH_NOBODY, /* was there to be asked */
};

/* A new decoder for a cell; how the one before ended in *died (may be NULL), as waitpid says. */
enum vit_status patch_cell_renew(struct patch_cell *c, int *died, struct vit_error *err);
/* For a message of size bytes from its decoder. */
enum patch_ending patch_cell_wait(const struct patch_cell *c, void *message, size_t size);

#endif
#endif
