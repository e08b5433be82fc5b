/* Sharing work: every task once, whoever does it and whenever the others sleep. */
#include <omp.h>
#include <stdatomic.h>
#include <time.h>

#include "kernels/kern.h"
#include "tests/support/test.h"

enum { TASKS = 1000, THREADS = 5 }; /* more threads than cores: some are not running */

struct counts {
    _Atomic int task[TASKS];
    _Atomic int busy[THREADS]; /* of each worker: tasks under way */
    _Atomic int clashes, inside;
    int threads;
};

static void count(const void *work, int task, int worker)
{
    struct counts *c = (struct counts *)work;

    if (worker < 0 || worker >= c->threads || atomic_fetch_add(&c->busy[worker], 1)) c->clashes++;
    c->task[task]++;
    c->inside++;
    atomic_fetch_sub(&c->busy[worker], 1);
}

static void expect(struct counts *c, int tasks, int times)
{
    for (int i = 0; i < TASKS; i++)
        if (c->task[i] != (i < tasks ? times : 0))
            fail_msg("task %d of %d: expected %d times, found %d", i, tasks, i < tasks ? times : 0,
                     c->task[i]);
    assert_int_equal(c->clashes, 0);
}

static void nap(int microseconds)
{
    nanosleep(&(struct timespec){ .tv_nsec = microseconds * 1000L }, NULL);
}

struct fixture {
    struct kern kernels;
    struct kern_ctx c;
    struct counts counts;
    int rounds, naps;
    bool inner; /* a run within the run */
};

static struct fixture *start(bool team, int threads)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct vit_error err;

    assert_non_null(f);
    assert_ok(kern_select(&f->kernels, "auto", &err), &err);
    f->c = (struct kern_ctx){ .k = &f->kernels, .threads = threads };
    if (team) f->c.team = kern_team_create();
    f->counts.threads = threads;
    return f;
}

static void stop(struct fixture *f)
{
    kern_team_destroy(f->c.team);
    free(f);
}

static void shares(void *arg)
{
    struct fixture *f = arg;

    if (f->inner) {
        f->inner = false;
        kern_team_run(&f->c, shares, f);
        return;
    }
    for (int i = 0; i < f->rounds; i++) {
        kern_share(&f->c, false, count, &f->counts, TASKS);
        if (f->counts.inside != (i + 1) * TASKS) f->counts.clashes++; /* all were done when it returned */
        if (f->naps && i % 10 == 0) nap(f->naps);
    }
}

static void every_task_is_done_once(void **state)
{
    (void)state;
    for (int threads = 1; threads <= THREADS; threads++)
        for (int team = 0; team < 2; team++) {
            struct fixture *f = start(team, threads);

            f->rounds = 50;
            shares(f); /* no run: a region of its own each time */
            expect(&f->counts, TASKS, 50);
            f->counts = (struct counts){ .threads = threads };
            kern_team_run(&f->c, shares, f);
            expect(&f->counts, TASKS, 50);
            stop(f);
        }
}

static void threads_that_sleep_are_woken(void **state)
{
    (void)state;
    for (int run = 0; run < 20; run++) {
        struct fixture *f = start(true, 2 + run % 3);

        f->rounds = 50;
        f->naps = 300; /* longer than a thread spins */
        f->inner = run % 2;
        kern_team_run(&f->c, shares, f);
        expect(&f->counts, TASKS, 50);
        stop(f);
    }
}

static void one_task_and_small_work_stay_with_the_caller(void **state)
{
    struct fixture *f = start(true, 3);

    (void)state;
    f->counts.threads = 1; /* any other worker is a clash */
    kern_share(&f->c, true, count, &f->counts, 10);
    kern_share(&f->c, false, count, &f->counts, 1);
    kern_share(&f->c, false, count, &f->counts, 0);
    assert_int_equal(f->counts.inside, 11);
    assert_int_equal(f->counts.task[0], 2);
    assert_int_equal(f->counts.clashes, 0);
    stop(f);
}

static void many_short_rounds_lose_nothing(void **state)
{
    struct fixture *f = start(true, 3);

    (void)state;
    f->rounds = 0;
    kern_team_run(&f->c, shares, f); /* a run without work ends */
    for (int run = 0; run < 300; run++) {
        f->rounds = 3;
        f->counts.inside = 0;
        kern_team_run(&f->c, shares, f);
    }
    expect(&f->counts, TASKS, 900);
    stop(f);
}

/* ---- more than one at work ---- */

enum { PATIENCE = 30 }; /* seconds until a second thread counts as one that does not come */

struct meeting {
    struct kern_ctx c;
    _Atomic int inside, missed;
};

/* Two tasks that end when both have begun. */
static void meet(const void *work, int task, int worker)
{
    struct meeting *m = (struct meeting *)work;
    const time_t end = time(NULL) + PATIENCE;

    (void)task, (void)worker;
    m->inside++;
    while (m->inside < 2 && time(NULL) < end) nap(50);
    if (m->inside < 2) m->missed++;
}

static void meets(void *arg)
{
    struct meeting *m = arg;

    for (int round = 0; round < 3 && !m->missed; round++) {
        nap(20000); /* all others are asleep */
        m->inside = 0;
        kern_share(&m->c, false, meet, m, 2);
    }
}

static void two_tasks_have_two_threads(void **state)
{
    (void)state;
    if (omp_get_num_procs() < 2 || omp_get_thread_limit() < 2) skip();
    for (int team = 0; team < 2; team++) {
        struct fixture *f = start(team, 3);
        struct meeting m = { .c = f->c };

        meets(&m); /* no run: a region of its own each time */
        kern_team_run(&m.c, meets, &m);
        if (m.missed) fail_msg("%s: nobody else came", team ? "with a team" : "without a team");
        stop(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_is_done_once),
        cmocka_unit_test(threads_that_sleep_are_woken),
        cmocka_unit_test(one_task_and_small_work_stay_with_the_caller),
        cmocka_unit_test(many_short_rounds_lose_nothing),
        cmocka_unit_test(two_tasks_have_two_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
