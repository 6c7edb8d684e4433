/*
** field_names.h - from fields to column names, and which fields a table has.
*/
#ifndef ORTTO_CLIENT_FIELD_NAMES_H
#define ORTTO_CLIENT_FIELD_NAMES_H

#include "context.h"


/* The built-in fields alone. Sends nothing. */
int fields_builtin(context *ctx, ortto_table table, int by_ids, ortto_field_list **out);

#endif
