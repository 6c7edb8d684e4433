/*
** server.h: the HTTP server: libmicrohttpd and signals
**
** Starts the server, and waits for the end: a signal, or the end of the standard input.
**
** It uses text, json, instance, faults, log and request.
*/
#ifndef SANDBOX_SERVER_H
#define SANDBOX_SERVER_H

#include <microhttpd.h>

struct MHD_Daemon *start_server(void);
void watch_signals(void);
void wait_for_end(void);

#endif
