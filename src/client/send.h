/*
** send.h - the whole of a delivery: records to items, batches sent side by side, answers turned into
** outcomes.
**
** Its functions are ortto_send and the others on an ortto_sending that ortto_client.h declares; there are no
** more, so that this door is empty.
** May use: all rooms before it that write. Must not know: SQLite, and how a single item is made (contact,
** activity and segment do). Blocks until every request of the delivery is answered or given up.
*/
#ifndef ORTTO_CLIENT_SEND_H
#define ORTTO_CLIENT_SEND_H

#include "../../ortto_client.h"

#endif
