/* The wish to stop: from signals, and from what fails elsewhere. */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/test.h"
#include "tools/cmd.h"
#include "tools/stop.h"

struct events {
    bool ignored, ask;              /* SIGHUP, before all; as the first */
    int hangups, interrupts, later; /* later: interrupts that are no repetition of these any more */
};

static void pause_between_wishes(void)
{
    const long milliseconds = STOP_SAME_MILLISECONDS + 20;

    nanosleep(&(struct timespec){ milliseconds / 1000, milliseconds % 1000 * 1000000 }, NULL);
}

/* The exit code of a process that all this happens to, in this order; 0: it wants to stop, 1: it does not. */
static int end_of(struct events e)
{
    const pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (!child) {
        signal(SIGHUP, e.ignored ? SIG_IGN : SIG_DFL);
        stop_catch();
        if (e.ask) stop_ask();
        for (int i = 0; i < e.hangups; i++) raise(SIGHUP);
        for (int i = 0; i < e.interrupts; i++) raise(SIGINT);
        if (e.later) pause_between_wishes();
        for (int i = 0; i < e.later; i++) raise(SIGINT);
        _exit(stop_wanted() ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void the_second_signal_ends_at_once(void **state)
{
    (void)state;
    assert_int_equal(end_of((struct events){ 0 }), 1);
    assert_int_equal(end_of((struct events){ .interrupts = 1 }), 0);
    assert_int_equal(end_of((struct events){ .later = 1 }), 0);
    assert_int_equal(end_of((struct events){ .interrupts = 1, .later = 1 }), CMD_INTERRUPTED);
}

/* To the process and to its group, as timeout and schedulers send it. */
static void one_wish_may_be_told_twice(void **state)
{
    (void)state;
    assert_int_equal(end_of((struct events){ .interrupts = 3 }), 0);
    assert_int_equal(end_of((struct events){ .hangups = 1, .interrupts = 1 }), 0);
}

/* Where one job has failed and the others save what they have, the user's first signal does not end them. */
static void who_asks_is_no_signal(void **state)
{
    (void)state;
    assert_int_equal(end_of((struct events){ .ask = true }), 0);
    assert_int_equal(end_of((struct events){ .ask = true, .interrupts = 1 }), 0);
    assert_int_equal(end_of((struct events){ .ask = true, .interrupts = 1, .later = 1 }), CMD_INTERRUPTED);
}

/* A closed terminal may tell it twice; what nohup started does not hear it. */
static void a_closed_terminal_asks_for_the_end(void **state)
{
    (void)state;
    assert_int_equal(end_of((struct events){ .hangups = 1 }), 0);
    assert_int_equal(end_of((struct events){ .hangups = 2 }), 0);
    assert_int_equal(end_of((struct events){ .hangups = 1, .later = 1 }), CMD_INTERRUPTED);
    assert_int_equal(end_of((struct events){ .ignored = true, .hangups = 2 }), 1);
    assert_int_equal(end_of((struct events){ .ignored = true, .hangups = 1, .interrupts = 1 }), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_second_signal_ends_at_once),
        cmocka_unit_test(one_wish_may_be_told_twice),
        cmocka_unit_test(who_asks_is_no_signal),
        cmocka_unit_test(a_closed_terminal_asks_for_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
