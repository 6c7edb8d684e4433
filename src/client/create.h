/*
** create.h - making what is missing: custom fields and activities, typed from all values of the call.
**
** What exists already, also because an answer was lost, is looked up. The type is one that takes every value
** which the call gives under that name, however it is written; where there is none, nothing is made. What was
** refused once is not asked for again in the same call. What is made becomes known to the account, which is
** asked anew for that part.
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
#include "account.h"
#include "record.h"

/* The account knows its activities; anew: as they are since this call began (activities_fresh). */
int activities_have(ortto_sending *s, int anew);

/* What could not be made or looked up is not asked for again; kinds have memories of their own. 1: it was
** refused before, and now this record is. Names are folded, but those of audiences, whose letters count. */
enum { MAKE_FIELD, MAKE_ACTIVITY, MAKE_AUDIENCE };
int refused_before(ortto_sending *s, record *r, int kind, const char *what);

/* Gives 0, as a refusal does. */
int refused_remember(ortto_sending *s, const record *r, int kind, const char *what);

/* Could a field of that name be made, of a type that takes every value of the call? If not the record is
** blamed for it. 0: out of memory. */
int field_makable(ortto_sending *s, record *r, js name);

/* 1: the field was made, or was there. It is in s->fields now, whose places have moved. */
int field_create(ortto_sending *s, record *r, const char *name, size_t n);

void makings_free(ortto_sending *s);

/* The activity of that name: by id, as Ortto shows it, then folded. 0: out of memory. 1: *out is it, NULL if
** there is none; then *several is NULL, or the ids of those that the name fits alike. */
int activity_meant(ortto_sending *s, const char *name, const activity_type **out, const char **several);

/* 1: the activity was made, or was there, and the account knows it. */
int activity_create(ortto_sending *s, record *r, const char *name, js properties);

#endif
