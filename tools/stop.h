/* stop.h - the wish to stop, of what runs for long and wants to end in order. */
#ifndef TOOLS_STOP_H
#define TOOLS_STOP_H

#include <stdbool.h>

/* After the first signal: until then another one tells the same wish. */
enum { STOP_SAME_MILLISECONDS = 500 };

/* From stop_catch to stop_release (they may be nested, by several threads inside a pair of one) SIGINT,
 * SIGTERM and, unless it is ignored as nohup has it, SIGHUP ask for the end, which stop_wanted tells; SIGINT
 * or SIGTERM of another wish than the first ends the process at once, with exit code CMD_INTERRUPTED. */
void stop_catch(void);
void stop_release(void);
void stop_ask(void); /* as the first signal does, and it counts as none */
bool stop_wanted(void);

#endif
