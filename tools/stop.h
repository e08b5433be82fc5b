/* stop.h - the wish to stop, of what runs for long and wants to end in order. */
#ifndef TOOLS_STOP_H
#define TOOLS_STOP_H

#include <stdbool.h>

/* From stop_catch to stop_release (they may be nested) SIGINT and SIGTERM ask for the end, which stop_wanted
 * tells; asked twice, the process ends at once, with exit code CMD_INTERRUPTED. */
void stop_catch(void);
void stop_release(void);
bool stop_wanted(void);

#endif
