/* The one thing that a handler can reach is a global. */
#include "tools/stop.h"

#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "tools/cmd.h"

static atomic_ulong first; /* milliseconds of the first signal, never 0; 0: none came */
static atomic_int asked;   /* both lock-free, as a handler needs them */

static unsigned long milliseconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return ((unsigned long)t.tv_sec * 1000 + (unsigned long)t.tv_nsec / 1000000) | 1;
}

/* The second one: at once. But one wish may be told twice within moments, to the process and to its group,
 * and a terminal that closes may send SIGHUP twice, by its shell and by itself. */
static void count_signal(int number)
{
    const unsigned long now = milliseconds();
    unsigned long came = 0;

    if (atomic_compare_exchange_strong(&first, &came, now) || number == SIGHUP) return;
    if ((long)(now - came) >= STOP_SAME_MILLISECONDS) _exit(CMD_INTERRUPTED);
}

void stop_ask(void)
{
    asked = 1;
}

bool stop_wanted(void)
{
    return first || asked;
}

enum { SIGNALS = 3 };
static const int CAUGHT[SIGNALS] = { SIGINT, SIGTERM, SIGHUP };
static struct sigaction before[SIGNALS];
static atomic_int catching; /* how often it was asked for */

/* Who started the process with nohup wants it to outlive the terminal. A SIGINT that is ignored is what a
 * script's & leaves: who sends one to such a run wants it to end all the same. */
static bool stays_ignored(int number)
{
    struct sigaction now;

    return number == SIGHUP && !sigaction(number, NULL, &now) && now.sa_handler == SIG_IGN;
}

void stop_catch(void)
{
    struct sigaction action = { .sa_flags = SA_RESTART };

    if (catching++) return; /* a signal that came meanwhile still counts */
    sigemptyset(&action.sa_mask);
    first = 0;
    asked = 0;
    for (int i = 0; i < SIGNALS; i++) {
        action.sa_handler = stays_ignored(CAUGHT[i]) ? SIG_IGN : count_signal;
        sigaction(CAUGHT[i], &action, &before[i]);
    }
}

void stop_release(void)
{
    if (--catching) return;
    for (int i = 0; i < SIGNALS; i++) sigaction(CAUGHT[i], &before[i], NULL);
}
