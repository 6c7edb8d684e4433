/*
** read_feed.h - the activity feed, one person after the other.
**
** No timeframe is sent; which times the feed covers without one is not known (Ortto keeps 90 days).
** May use: page, value, read_ids (which people), read_list (rows). Must not know: scans.
** One request a second is the server's limit [documented]: request and pace keep it, for REQUEST_FEED.
** Blocks: the way's load, until its one request is answered.
*/
#ifndef ORTTO_CLIENT_READ_FEED_H
#define ORTTO_CLIENT_READ_FEED_H

#include "page.h"

extern const way feed_way;

#endif
