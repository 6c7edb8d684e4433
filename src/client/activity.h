/*
** activity.h - from given members to an activity as the API takes it.
*/
#ifndef ORTTO_CLIENT_ACTIVITY_H
#define ORTTO_CLIENT_ACTIVITY_H

#include "../../ortto_client.h"
#include "../text.h"
#include "record.h"
#include "contact.h"

/* With the person's id alone no merge is needed; the id with further fields is a merge by the id, since fields beside a
** person_id are ignored [documented]. */
int activity_write(ortto_sending *s, contact *c, buf *out);

#endif
