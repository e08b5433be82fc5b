/* The one thing that a handler can reach is a global. */
#include "tools/stop.h"

#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "tools/cmd.h"

static atomic_int signals, asked; /* lock-free, as a handler needs it */

static void count_signal(int number)
{
    (void)number;
    if (signals) _exit(CMD_INTERRUPTED); /* the second one: at once */
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

enum { SIGNALS = 2 };
static const int CAUGHT[SIGNALS] = { SIGINT, SIGTERM };
static struct sigaction before[SIGNALS];
static atomic_int catching; /* how often it was asked for */

void stop_catch(void)
{
    struct sigaction action = { .sa_handler = count_signal, .sa_flags = SA_RESTART };

    if (catching++) return; /* a signal that came meanwhile still counts */
    sigemptyset(&action.sa_mask);
    signals = asked = 0;
    for (int i = 0; i < SIGNALS; i++) sigaction(CAUGHT[i], &action, &before[i]);
}

void stop_release(void)
{
    if (--catching) return;
    for (int i = 0; i < SIGNALS; i++) sigaction(CAUGHT[i], &before[i], NULL);
}
