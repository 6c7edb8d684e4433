/*
** os.h - what differs between operating systems, and nothing else: clocks, chance, addresses, numbers in
** text, once, the environment, names of files, terminals, locks that end with their process.
**
** Texts, names of variables and paths among them, are UTF-8 on Windows (os_windows.c) and what the system has
** elsewhere (os.c).
**
** The one place to port. Uses the system alone; knows neither SQLite nor Ortto. Nothing but os_sleep
** blocks. No other room includes a header of the system's beyond the C library's own.
*/
#ifndef ORTTO_OS_H
#define ORTTO_OS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* A function that takes what printf takes, from its arguments f and a on; a variable that no other library
** sees. */
#if defined(__MINGW32__) && !defined(__clang__)
#define OS_PRINTF(f, a) __attribute__((format(gnu_printf, f, a)))   /* printf means Microsoft's there */
#else
#define OS_PRINTF(f, a) __attribute__((format(printf, f, a)))
#endif
#ifdef _WIN32
#define OS_HIDDEN                  /* as all is that is not exported */
#else
#define OS_HIDDEN __attribute__((visibility("hidden")))
#endif

#define SECOND ((int64_t)1000000)  /* times inside are microseconds of the monotonic clock */

/* The monotonic clock, in microseconds. */
int64_t now_us(void);

/* Waits so many milliseconds, or less where a signal comes. */
void os_sleep(int ms);

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

/* A variable of the environment as it is now (malloc); NULL where it is not set, and when out of memory: then
** *failed is set. */
char *os_environment(const char *name, int *failed);

/* Opens a file, byte for byte; NULL, and errno says why. */
FILE *os_open_to_read(const char *path);

/* Is there a file of that name, no folder? It is not opened. */
int os_is_file(const char *path);

/* This machine's name, cut to size; "" where it cannot be told. */
void os_host_name(char *name, size_t size);

/* Does a person see what is written to the standard error? */
int os_error_is_terminal(void);

/* Is the standard output a terminal, which what is written to the other one may mix with? */
int os_output_is_terminal(void);

/* Width of the terminal that the standard error is shown on, in columns; 0 where it cannot be told. */
int os_error_columns(void);

/* A lock that other processes meet, and that the system takes away when this one dies, however it does: a
** file that this process keeps open and locked. Path and handle are the lock's own. All zero: none is
** held. */
typedef struct os_lock {
  char *path;                      /* NULL: none is held */
  intptr_t handle;                 /* the system's own */
} os_lock;

/* Takes the lock in the file of that path, which is made if it is not there; one that a dead process left is
** used. It must be an ordinary file, and no symbolic link. OS_LOCK_HELD: somebody else holds it;
** OS_LOCK_NONE: there can be none. The lock is all zero then. A process that is started later does not
** inherit it. */
enum { OS_LOCK_TAKEN, OS_LOCK_HELD, OS_LOCK_NONE };
int os_lock_take(os_lock *lock, const char *path);

/* Gives it up and removes its file, if that is empty as it was made; nothing where none is held. */
void os_lock_release(os_lock *lock);

#endif
