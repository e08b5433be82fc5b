/* team.h - the threads of a session, and how an operation shares its work among them.
 *
 * An operation cuts its work into tasks that may be done in any order and by anyone, and hands them to
 * kern_share(). Whoever is free takes the next one; the operation goes on when all are done. A thread that
 * the system has not let run since the tasks were handed out is not waited for: others have done its share.
 * So a busy neighbour costs its part of the CPU, not a time slice at every operation.
 *
 * Around many operations (a forward, a training step) kern_team_run() keeps one OpenMP region open: thread 0
 * runs the serial code, the others wait for tasks, spinning for a moment and then asleep. Without an open
 * team, kern_share() starts a region of its own. */
#ifndef VIT_KERNELS_TEAM_H
#define VIT_KERNELS_TEAM_H

#include <stdbool.h>

#include "../vit/base.h"

#ifdef __cplusplus
extern "C" {
#endif

struct kern_ctx;
struct kern_team;

/* Task task of the work; worker: the thread's number, below kern_ctx.threads, no two at once the same. */
typedef void kern_task(const void *work, int task, int worker);

/* Every task from 0 to tasks - 1 once; small: the whole work is done sooner than another thread wakes up. */
void kern_share(const struct kern_ctx *c, bool small, kern_task *task, const void *work, int tasks);

/* NULL: no memory. */
struct kern_team *kern_team_create(void);
void kern_team_destroy(struct kern_team *t);
/* Runs serial(arg) with the threads of c at hand for its kern_share() calls. Inside a run of the same team,
 * or where c has none, serial is simply called. */
void kern_team_run(const struct kern_ctx *c, void (*serial)(void *arg), void *arg);

#ifdef __cplusplus
}
#endif
#endif
