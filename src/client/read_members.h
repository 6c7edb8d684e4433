/*
** read_members.h - the members of audiences: of those that are asked for by id or by name, else of all, one
** audience after the other, each under a cursor of its own with the id alone asked for.
**
** The list of audiences is read first: it has the names, and says which there are (an unknown one has no
** rows). Reads both through readers of its own, whose requests count as this one's.
** May use: the public side of readers, the list of rows made here. Must not know: how people are read.
**
** Blocks: members_load.
*/
#ifndef ORTTO_CLIENT_READ_MEMBERS_H
#define ORTTO_CLIENT_READ_MEMBERS_H

#include "../../ortto_client.h"
#include "page.h"

extern const way members_way;

#endif
