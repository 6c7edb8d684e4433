/*
** os.h - what differs between operating systems, and nothing else: clocks, chance, addresses, numbers in
** text, once.
**
** The one place to port. Uses the system alone; knows neither SQLite nor Ortto. Nothing in here blocks. No
** other room includes a header of the system's beyond the C library's own.
*/
#ifndef ORTTO_OS_H
#define ORTTO_OS_H

#include <stddef.h>
#include <stdint.h>

#define SECOND ((int64_t)1000000)  /* times inside are microseconds of the monotonic clock */

/* The monotonic clock, in microseconds. */
int64_t now_us(void);

/* The wall clock, in milliseconds since 1970, UTC. */
int64_t os_wall_ms(void);

/* That as text: 2025-11-04T19:10:31.123Z */
void os_utc_text(int64_t wall_ms, char text[25]);

uint64_t os_process_id(void);

/* Bytes that nobody can guess; 0 where the system has none. */
int os_random(void *bytes, size_t n);

/* 4 or 6, and the address in network order; 0 if the text is no IP address. */
int os_ip_parse(const char *text, unsigned char bytes[16]);

/* The number at the beginning of a text, with a point whatever the process's locale; *end is behind it. */
double os_parse_double(const char *text, char **end);

/* Calls fn, once in this process, however many threads ask; all return after it has. Always the same fn. */
void os_once(void (*fn)(void));

#endif
