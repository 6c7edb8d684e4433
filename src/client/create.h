/*
** create.h - making what is missing: custom fields and activities, typed from all values of the call.
*/
#ifndef ORTTO_CLIENT_CREATE_H
#define ORTTO_CLIENT_CREATE_H

#include "../../ortto_client.h"
#include "../text.h"
#include "../json.h"
#include "request.h"
#include "record.h"

/* The account knows its activities; anew: as they are since this call began. */
int activities_have(ortto_sending *s, int anew);

/* What could not be made is not asked for again in the same call. 1: it was refused before, and so is this record. */
int refused_before(ortto_sending *s, record *r, const char *what);
int refused_remember(ortto_sending *s, const record *r, const char *what);
int field_create(ortto_sending *s, record *r, const char *name, size_t n, js v, const ortto_field **out);
int activity_create(ortto_sending *s, record *r, const char *name, js properties);

#endif
