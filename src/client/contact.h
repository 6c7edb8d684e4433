/*
** contact.h - from given members to a contact as the API takes it.
*/
#ifndef ORTTO_CLIENT_CONTACT_H
#define ORTTO_CLIENT_CONTACT_H

#include "../../ortto_client.h"
#include "../text.h"
#include "../json.h"
#include "record.h"

typedef struct contact {           /* a record on its way to an item */
  record *r;
  js *value;                       /* by place in the list of fields; .p NULL: not given */
  int *order, ordered;             /* the places that have a value */
  js tags, unset_tags, ip, location, person_id;
  js external;                     /* user_id */
} contact;

int contact_object(ortto_sending *s, contact *c, js object, int as_trait, const char *where);
int members_known(ortto_sending *s, record *r);

/* The person's id, email and external id, as text; what is given must be good. */
int contact_keys(ortto_sending *s, contact *c);
int tags_write(ortto_sending *s, record *r, buf *out, const char *name, js tags);

/* location wins over ip; the API takes it as `custom` [documented]. */
int location_write(ortto_sending *s, record *r, buf *out);

/* {"field id":value,...}; *clear gets the multi-selects that are to be set and not added to. */
int fields_write(ortto_sending *s, contact *c, buf *out, buf *clear);

/* "str::email","str::ei": given, or by what the record has. An id stands alone. */
const char *merge_by_of(ortto_sending *s, const record *r);
int item_keep(ortto_sending *s, record *r, buf *out);
int contact_room(ortto_sending *s, contact *c);

#endif
