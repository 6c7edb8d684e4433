/*
** field_names.h - from fields to column names, and which fields a table has.
**
** A list is made of the built-in fields (schema), of the custom ones and, where more than the standard ones
** are wanted, of what the instance schema lists (account). A column's name is the same whatever is selected
** and in whatever order the server lists fields: users write it into their queries.
**
** May use: account, schema, context, text. Must not know: what a list is for.
** Ownership: a list owns its strings and outlives what the account knows; it goes with ortto_fields_free.
**
** Blocks: ortto_fields_list and ortto_known_renew (ortto_client.h), while the account is asked.
*/
#ifndef ORTTO_CLIENT_FIELD_NAMES_H
#define ORTTO_CLIENT_FIELD_NAMES_H

#include "context.h"
#include "endpoint.h"

/* A selection that nobody can write, whose address alone counts: what the table of fields shows. */
extern const char fields_every[1];

/* The built-in fields or, where the selection names fields, these, as far as their ids tell. Sends
** nothing. */
int fields_guessed(context *ctx, ortto_table table, const char *selection, int by_ids,
                   ortto_field_list **out);

/* What ortto_fields_list would give, out of what the account knows by now. Sends nothing. */
int fields_known(ortto_endpoint *e, ortto_table table, const char *selection, int by_ids,
                 ortto_field_list **out);

#endif
