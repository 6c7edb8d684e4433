/*
** log.h - the ring of the last requests, for ortto_log.
**
** May use: context. Holds no key and no host. Without memory for it there is no log, and nothing else fails.
*/
#ifndef ORTTO_CLIENT_LOG_H
#define ORTTO_CLIENT_LOG_H

#include "../../ortto_client.h"
#include "client.h"

ortto_log_entry *log_entry(ortto_client *client, int64_t number);

#endif
