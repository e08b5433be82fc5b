/* The wish to stop: from signals, and from what fails elsewhere. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/test.h"
#include "tools/cmd.h"
#include "tools/stop.h"

/* The exit code of a process that asks, or does not, and then gets so many signals; 0: it wants to stop. */
static int end_of(bool ask, int signals)
{
    const pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (!child) {
        stop_catch();
        if (ask) stop_ask();
        for (int i = 0; i < signals; i++) raise(SIGINT);
        _exit(stop_wanted() ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void the_second_signal_ends_at_once(void **state)
{
    (void)state;
    assert_int_equal(end_of(false, 0), 1);
    assert_int_equal(end_of(false, 1), 0);
    assert_int_equal(end_of(false, 2), CMD_INTERRUPTED);
}

/* Where one job has failed and the others save what they have, the user's first signal does not end them. */
static void who_asks_is_no_signal(void **state)
{
    (void)state;
    assert_int_equal(end_of(true, 0), 0);
    assert_int_equal(end_of(true, 1), 0);
    assert_int_equal(end_of(true, 2), CMD_INTERRUPTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_second_signal_ends_at_once),
        cmocka_unit_test(who_asks_is_no_signal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
