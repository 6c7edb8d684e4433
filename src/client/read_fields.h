/*
** read_fields.h - the table of fields: our own listing, as rows.
*/
#ifndef ORTTO_CLIENT_READ_FIELDS_H
#define ORTTO_CLIENT_READ_FIELDS_H

#include "../../ortto_client.h"
#include "page.h"

extern const way fields_way;

#endif
