#include "kernels/team.h"

#include <omp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "kernels/kern.h"

/* Looks at the ticket before a thread sleeps: on x86, where a pause takes its time, some 10 to 40 us, longer
 * than the serial code between two operations, shorter than anyone else would notice. Elsewhere less. */
enum { SPINS = 1000 };

/* The ticket holds the round in its upper half, so that a thread which slept through rounds cannot take a
 * task of a later one by mistake, and the tasks left to take in its lower half. What a round is about (task,
 * work, tasks) changes only when no task of it is under way. */
struct kern_team {
    _Alignas(64) _Atomic uint64_t ticket;
    _Alignas(64) _Atomic int done;   /* tasks of this round */
    _Alignas(64) _Atomic int asleep; /* threads that wait for tasks */
    _Atomic bool waiting;            /* thread 0 waits for the last tasks */
    _Atomic bool over;               /* the run ends */
    kern_task *task;
    const void *work;
    int tasks;
    bool open; /* a run is under way; thread 0 only */
    pthread_mutex_t lock;
    pthread_cond_t wake, finished;
};

static inline void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static inline uint32_t left_of(uint64_t ticket)
{
    return (uint32_t)ticket;
}

struct kern_team *kern_team_create(void)
{
    struct kern_team *t = aligned_alloc(64, sizeof *t);

    if (!t) return NULL;
    *t = (struct kern_team){ 0 };
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->wake, NULL);
    pthread_cond_init(&t->finished, NULL);
    return t;
}

void kern_team_destroy(struct kern_team *t)
{
    if (!t) return;
    pthread_cond_destroy(&t->finished);
    pthread_cond_destroy(&t->wake);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

/* What has changed before this call is seen by a thread that goes to sleep on the condition, or it is
 * woken. */
static void wake(struct kern_team *t, pthread_cond_t *condition)
{
    pthread_mutex_lock(&t->lock);
    pthread_cond_broadcast(condition);
    pthread_mutex_unlock(&t->lock);
}

/* ---- taking tasks ---- */

/* The next task of the round, or -1. */
static int take(struct kern_team *t)
{
    uint64_t ticket = atomic_load(&t->ticket);

    while (left_of(ticket))
        if (atomic_compare_exchange_weak(&t->ticket, &ticket, ticket - 1))
            return t->tasks - (int)left_of(ticket);
    return -1;
}

static void work_on(struct kern_team *t, int worker)
{
    int mine = 0;

    for (int i; (i = take(t)) >= 0; mine++) t->task(t->work, i, worker);
    if (!mine) return;
    const int tasks = t->tasks; /* before thread 0 may go on to the next round */
    if (atomic_fetch_add(&t->done, mine) + mine == tasks && atomic_load(&t->waiting)) wake(t, &t->finished);
}

/* ---- threads above 0 ---- */

static bool nothing_to_do(struct kern_team *t)
{
    return !left_of(atomic_load(&t->ticket)) && !atomic_load(&t->over);
}

static void sleep_until_needed(struct kern_team *t)
{
    pthread_mutex_lock(&t->lock);
    atomic_fetch_add(&t->asleep, 1);
    while (nothing_to_do(t)) pthread_cond_wait(&t->wake, &t->lock);
    atomic_fetch_sub(&t->asleep, 1);
    pthread_mutex_unlock(&t->lock);
}

static void serve(struct kern_team *t, int worker)
{
    while (!atomic_load(&t->over)) {
        work_on(t, worker);
        for (int i = 0; i < SPINS && nothing_to_do(t); i++) relax();
        if (nothing_to_do(t)) sleep_until_needed(t);
    }
}

/* ---- thread 0 ---- */

/* After the ticket or the end has been set: a thread on its way to sleep sees either that, or is counted. */
static void wake_sleepers(struct kern_team *t)
{
    if (atomic_load(&t->asleep)) wake(t, &t->wake);
}

/* Asleep, not spinning, when it takes long: the thread that has the last task may need this core. */
static void wait_for_the_last(struct kern_team *t)
{
    for (int i = 0; i < SPINS && atomic_load(&t->done) < t->tasks; i++) relax();
    if (atomic_load(&t->done) == t->tasks) return;
    pthread_mutex_lock(&t->lock);
    atomic_store(&t->waiting, true);
    while (atomic_load(&t->done) < t->tasks) pthread_cond_wait(&t->finished, &t->lock);
    atomic_store(&t->waiting, false);
    pthread_mutex_unlock(&t->lock);
}

static void hand_out(struct kern_team *t, kern_task *task, const void *work, int tasks)
{
    const uint64_t round = (atomic_load(&t->ticket) >> 32) + 1;

    t->task = task;
    t->work = work;
    t->tasks = tasks;
    atomic_store(&t->done, 0);
    atomic_store(&t->ticket, round << 32 | (uint32_t)tasks);
    wake_sleepers(t);
    work_on(t, 0);
    wait_for_the_last(t);
}

void kern_share(const struct kern_ctx *c, bool small, kern_task *task, const void *work, int tasks)
{
    if (small || tasks < 2 || c->threads < 2) {
        for (int i = 0; i < tasks; i++) task(work, i, 0);
    } else if (c->team && c->team->open) {
        hand_out(c->team, task, work, tasks);
    } else {
#pragma omp parallel for num_threads(c->threads) schedule(dynamic)
        for (int i = 0; i < tasks; i++) task(work, i, omp_get_thread_num());
    }
}

void kern_team_run(const struct kern_ctx *c, void (*serial)(void *arg), void *arg)
{
    struct kern_team *t = c->team;

    if (!t || t->open || c->threads < 2 || c->k->own_regions) {
        serial(arg);
        return;
    }
    atomic_store(&t->over, false);
    t->open = true;
#pragma omp parallel num_threads(c->threads)
    if (omp_get_thread_num()) {
        serve(t, omp_get_thread_num());
    } else {
        serial(arg);
        atomic_store(&t->over, true);
        wake_sleepers(t);
    }
    t->open = false;
}
