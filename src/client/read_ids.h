/*
** read_ids.h - records by id, 100 a request; further fields of rows that a scan found.
*/
#ifndef ORTTO_CLIENT_READ_IDS_H
#define ORTTO_CLIENT_READ_IDS_H

#include "../../ortto_client.h"
#include "page.h"

const char *record_member(ortto_table table);
int page_extras(ortto_reader *r, page *p);
int ids_load(ortto_reader *r, page **out);

#endif
