/*
** activity.h - from given members to an activity as the API takes it.
**
** May use: contact (whose activity it is), create (what the account has of activities; a missing one is made
** where the options say so), value. Must not know: batches, Segment. May block for requests.
*/
#ifndef ORTTO_CLIENT_ACTIVITY_H
#define ORTTO_CLIENT_ACTIVITY_H

#include "../../ortto_client.h"
#include "record.h"
#include "contact.h"

/* The item for activities/create, as the record's; 0: refused. With the person's id alone no merge is
** needed; the id with further fields is a merge by the id, since fields beside a person_id are ignored
** [documented]. */
int activity_item(ortto_sending *s, contact *c);

/* What else of the record is wrong, as contact_check. */
int activity_check(ortto_sending *s, contact *c);

#endif
