/*
** reader.h - opens the right way of reading, then row by row: ortto_reader_open, _next, _count, _progress, _close.
**
** What these do stands in ortto_client.h; nobody in the client needs more. It is the only room that knows which table is
** read in which way, and the only one that decodes: a row's parts become r->value, field by field.
** May use: value, page, the ways. Must not know: what the ways ask for.
** Blocks: _next where a page must be waited for, _count. A reader's page, and with it the text of its values, lives until
** the call after the page's last row.
*/
#ifndef ORTTO_CLIENT_READER_H
#define ORTTO_CLIENT_READER_H

#include "../../ortto_client.h"

#endif
