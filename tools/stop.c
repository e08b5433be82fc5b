/* The one thing that a handler can reach is a global. */
#include "tools/stop.h"

#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "tools/cmd.h"

static atomic_int signals, asked; /* lock-free, as a handler needs it */

/* The second one: at once. But a terminal that closes may send SIGHUP twice, by its shell and by itself. */
static void count_signal(int number)
{
    if (signals && number != SIGHUP) _exit(CMD_INTERRUPTED);
    signals = 1;
}

void stop_ask(void)
{
    asked = 1;
}

bool stop_wanted(void)
{
    return signals || asked;
}

enum { SIGNALS = 3 };
static const int CAUGHT[SIGNALS] = { SIGINT, SIGTERM, SIGHUP };
static struct sigaction before[SIGNALS];
static atomic_int catching; /* how often it was asked for */

/* Who started the process with nohup wants it to outlive the terminal. */
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
    signals = asked = 0;
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
