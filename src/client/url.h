/*
** url.h - is this a base address that a key may travel to?
**
** libcurl's own parser decides, so that nobody reads an address in another way than the one who connects to
** it. May use: text, libcurl's URL functions. Blocks never.
*/
#ifndef ORTTO_CLIENT_URL_H
#define ORTTO_CLIENT_URL_H

/* Is this a base address that a key may travel to? -1: out of memory, as far as libcurl tells. */
int url_is_good(const char *value, int *loopback);

#endif
