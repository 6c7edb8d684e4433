/*
** records.h: records by index: ids, times, state, tags, membership in audiences
**
** A record is its index; ids and times are computed from it, unless an overlay says
** otherwise. Nothing here knows of fields' values.
**
** It uses text, json and instance.
*/
#ifndef SANDBOX_RECORDS_H
#define SANDBOX_RECORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "instance.h"

int64_t created_of(const Entity *en, uint32_t i);
int64_t edited_of(const Entity *en, uint32_t i);

/* Archived (or once archived and restored) from the start: 0 for never. */
int64_t base_archived(const Entity *en, uint32_t i);

bool base_restored(const Entity *en, uint32_t i);
int64_t archived_of(const Entity *en, uint32_t i);
int64_t restored_of(const Entity *en, uint32_t i);
bool is_active(const Entity *en, uint32_t i);
void set_status(Entity *en, uint32_t i, uint8_t bits);

/* An id is the type, the time of creation [recorded], and a serial number that can be read back. */
void id_of(const Entity *en, uint32_t i, char id[25]);

/* The index of a record by id (24 hex digits), or -1; deleted ones are not found. */
int64_t find_id(const Entity *en, const char *given_);

Overlay *overlay(Entity *en, uint32_t i);
void overlay_free(Overlay *ov);
const Entry *entry_of(const Overlay *ov, const Field *f);

/* raw NULL clears the field. */
void set_value(Entity *en, uint32_t i, const Field *f, const char *raw, size_t len);

/* A new record: generated values, or none but what is written to it. */
uint32_t new_record(Entity *en, bool generated);

int account_of(uint32_t i);

/* The record's tag ids: its own array, or spare filled. */
const uint32_t *tags_of(const Entity *en, uint32_t i, uint32_t spare[3], int *n);

bool is_member(const Audience *a, uint32_t i);
bool opted_in(int audience, uint32_t i, bool *sms);
int audience_by(const char *id);

#endif
