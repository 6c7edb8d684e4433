/*
** read_types.h - the table of activity types: every activity that the instance knows, of people first and
** then of accounts, out of what the account has of the instance schema.
**
** May use: account, which knows them, and the list of rows made here. Must not know: what is sent as one.
**
** Blocks: types_load, while the account is asked for what is not known yet.
*/
#ifndef ORTTO_CLIENT_READ_TYPES_H
#define ORTTO_CLIENT_READ_TYPES_H

#include "../../ortto_client.h"
#include "page.h"

extern const way types_way;

#endif
