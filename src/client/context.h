/*
** context.h - what every room of the client may use: say what failed, ask whether to go on.
*/
#ifndef ORTTO_CLIENT_CONTEXT_H
#define ORTTO_CLIENT_CONTEXT_H

#include "../../ortto_client.h"
#include "client.h"

#define POLL_MS 40

#define fail(...) (set_error(__VA_ARGS__), ORTTO_ERROR)

__attribute__((format(printf, 2, 3)))
void set_error(ortto_client *client, const char *format, ...);
int no_memory(ortto_client *client);
int fail_interrupted(ortto_client *client);
double random_unit(ortto_client *client);
int interrupted(ortto_client *client);

#endif
