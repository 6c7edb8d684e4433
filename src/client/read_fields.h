/*
** read_fields.h - the table of fields: our own listing, as rows.
*/
#ifndef ORTTO_CLIENT_READ_FIELDS_H
#define ORTTO_CLIENT_READ_FIELDS_H

#include "../../ortto_client.h"
#include "page.h"

int fields_load(ortto_reader *r, page **out);

#endif
