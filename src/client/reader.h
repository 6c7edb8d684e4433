/*
** reader.h - opens the right way of reading, then goes row by row: ortto_reader_open, ortto_reader_next ...
**
** What these do stands in ortto_client.h, and the client's other rooms need no more. This is the only room
** that knows which table is read in which way, and the only one that decodes: a row's parts become r->value,
** slot by slot.
** May use: value, page, the ways. Must not know: what the ways ask for.
** Blocks: _next where a page must be waited for, and _count.
*/
#ifndef ORTTO_CLIENT_READER_H
#define ORTTO_CLIENT_READER_H

#include "../../ortto_client.h"

#endif
