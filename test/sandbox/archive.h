/*
** archive.h: archive, restore, delete; people of accounts
**
** Sections 2.4, 2.10 and 2.11 of the facts.
**
** It uses text, json, instance, records, call, lists and query.
*/
#ifndef SANDBOX_ARCHIVE_H
#define SANDBOX_ARCHIVE_H

#include "call.h"

int api_archive(Call *c);
int api_restore(Call *c);
int api_delete(Call *c);
int api_link(Call *c);
int api_unlink(Call *c);

#endif
