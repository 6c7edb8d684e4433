/*
** network.h - for the fuzz targets: stands in for the room http, so that answers come from the fuzzer and no
** socket is opened. What is asked gets the next of the answers that were given, or, where the target asks for
** it, what the sandbox answers there (read from the folder that FUZZ_ANSWERS names).
**
** Time is its own too: waiting costs none.
*/
#ifndef FUZZ_NETWORK_H
#define FUZZ_NETWORK_H

#include <stddef.h>
#include <stdint.h>

#include "../../ortto_client.h"

/* To be called first, with the whole input. */
void fuzz_input(const uint8_t *data, size_t n);

/* The answers of this run: parts of the input, with a byte 0x1e between two of them; the last is given again
** and again, until the 50th request, which is lost. A part that begins with three digits and a blank has that
** status, else 200. What paths contain `usual` (may be NULL) get the sandbox's answer. */
void network_begin(const uint8_t *data, size_t n, const char *usual);

/* Called with each body that is sent; NULL: by nobody. */
void network_watch(void (*sent)(const char *path, const char *body, size_t n));

int network_requests(void);

/* A client and an endpoint with a key, without limits; ends the program where there is none. */
ortto_client *fuzz_client(ortto_protocol protocol, ortto_endpoint **endpoint);
/* The last error shows no key, unless the input itself has its text. */
void fuzz_client_free(ortto_client *client, ortto_endpoint *endpoint);

/* Reads every byte of it, so that a sanitizer sees it. */
void fuzz_touch(const void *p, size_t n);
void fuzz_touch_text(const char *text);

/* Ends the program as a crash would. */
#define FUZZ_MUST(condition) do{ if( !(condition) ) __builtin_trap(); }while(0)

#endif
