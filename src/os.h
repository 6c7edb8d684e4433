/*
** os.h - what differs between operating systems, and nothing else.
**
** The one place to port. Uses the system alone; knows neither SQLite nor Ortto. Nothing in here blocks.
*/
#ifndef ORTTO_OS_H
#define ORTTO_OS_H

#include <stdint.h>

#define SECOND ((int64_t)1000000)  /* times inside are microseconds of the monotonic clock */

/* The monotonic clock, in microseconds. */
int64_t now_us(void);

/* The wall clock, in milliseconds since 1970, UTC. */
int64_t os_wall_ms(void);

/* That as text: 2025-11-04T19:10:31.123Z */
void os_utc_text(int64_t wall_ms, char text[25]);

#endif
