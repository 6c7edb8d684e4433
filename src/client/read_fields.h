/*
** read_fields.h - the table of fields: what is known of them, as rows, of people first and then of accounts.
**
** May use: account and field_names, which know the fields, and the page that rows are delivered in.
**
** Blocks: fields_load, while the account is asked for what is not known yet.
*/
#ifndef ORTTO_CLIENT_READ_FIELDS_H
#define ORTTO_CLIENT_READ_FIELDS_H

#include "../../ortto_client.h"
#include "page.h"

extern const way fields_way;

#endif
