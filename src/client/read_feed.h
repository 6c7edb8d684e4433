/*
** read_feed.h - the activity feed, one person after the other.
*/
#ifndef ORTTO_CLIENT_READ_FEED_H
#define ORTTO_CLIENT_READ_FEED_H

#include "../../ortto_client.h"
#include "page.h"

int feed_load(ortto_reader *r, page **out);

#endif
