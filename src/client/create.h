/*
** create.h - making what is missing: custom fields and activities, typed from all values of the call.
**
** What exists already, also because an answer was lost, is looked up; what was refused once is not asked for
** again in the same call. What is made becomes known to the account, which is asked anew for that part.
**
** May use: record, account, value, request. Must not know: how a contact or an activity is written.
** Errors: a record that needs what cannot be made is refused (record.h) and 0 is returned.
**
** Blocks: field_create, activity_create and activities_have, while they ask.
*/
#ifndef ORTTO_CLIENT_CREATE_H
#define ORTTO_CLIENT_CREATE_H

#include "../../ortto_client.h"
#include "../json.h"
#include "record.h"

/* The account knows its activities; anew: as they are since this call began (activities_fresh). */
int activities_have(ortto_sending *s, int anew);

/* What could not be made is not asked for again. 1: it was refused before, and now this record is. */
int refused_before(ortto_sending *s, record *r, const char *what);

/* Gives 0, as a refusal does. */
int refused_remember(ortto_sending *s, const record *r, const char *what);

/* 1: the field was made, or was there. It is in s->fields now, whose places have moved: *out is NULL. */
int field_create(ortto_sending *s, record *r, const char *name, size_t n, js v, const ortto_field **out);

/* 1: the activity was made, or was there, and the account knows it. */
int activity_create(ortto_sending *s, record *r, const char *name, js properties);

#endif
