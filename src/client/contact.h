/*
** contact.h - from given members to a contact (or account) as the API takes it.
**
** A record's `fields` and `traits` are read into a contact, by place in the list of fields; then its item is
** built.
** May use: record, create (a missing field is made where the options say so), value. Must not know: batches,
** Segment. A function that gives an int gives 1, also where it found something to blame (is_refused), and 0
** where the record is over. Whatever looks up or makes a field may block for requests.
*/
#ifndef ORTTO_CLIENT_CONTACT_H
#define ORTTO_CLIENT_CONTACT_H

#include "../../ortto_client.h"
#include "../text.h"
#include "../json.h"
#include "record.h"

typedef struct contact {           /* a record on its way to an item; begins with the record alone */
  record *r;
  js *value;                       /* by place in the list of fields; .p NULL: not given */
  js *name;                        /* the same: the name that it was given under */
  int *order, ordered;             /* the places that have a value, as they were given */
  js tags, person_id;              /* given among the fields, or .p NULL ... */
  js tags_name, person_id_name;    /* ... under these names */
  js missing, missing_value;       /* the first name of no field, where it is to be made */
} contact;

/* Looks at the rest of a record before a field is made for it. */
typedef int record_check(ortto_sending *s, contact *c);

/* What the record gives, by name; lists the fields anew where one is missing, and makes it if that is asked
** for and nothing else of the record is wrong. Free with contact_free, also after a refusal. */
int contact_read(ortto_sending *s, contact *c, record_check *check);
void contact_free(contact *c);

/* The contact's id, email and external id, as the record's keys; what is given must be good, and one is
** needed. */
int contact_keys(ortto_sending *s, contact *c);

/* The item for person/merge or accounts/merge, as the record's. */
int contact_item(ortto_sending *s, contact *c);

/* A record_check: what contact_item will find. */
int contact_check(ortto_sending *s, contact *c);

/* ---- what an activity has of a contact ----------------------------------------------------------- */

/* What a text holds if it is JSON of that kind, else as it is. 0: out of memory. */
int inner_of(ortto_sending *s, record *r, js v, char kind, js *out);

/* Neither null nor "". */
int is_given(js id);

/* A member of something that is built: takes the value, and refuses for want of memory where it is NULL. */
int member_add(ortto_sending *s, record *r, cJSON *object, const char *name, cJSON *value);

/* "fields": field id to value. */
int fields_add(ortto_sending *s, contact *c, cJSON *item);

/* "location", from the record's location or ip, if it has one. */
int location_add(ortto_sending *s, record *r, cJSON *item);

/* JSON array of field ids: given, or by what the record has. NULL when out of memory. */
const char *merge_by_of(ortto_sending *s, const record *r);

/* This text (NULL: no memory) is the record's item from now on; it is copied. */
int item_keep(ortto_sending *s, record *r, const char *text, size_t n);

#endif
