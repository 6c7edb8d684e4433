/*
** values.h: the made-up values of fields
**
** Each generator appends the JSON value of one field of one record, or says that there is
** none; value() is what others call: it puts what was written ahead of what is made up.
** The shapes of values are those of section 4.3 of the facts: texts and ids [recorded],
** the others [documented] or [client] for writing, and read back in the same shape
** [guess: numbers, booleans, shapes]. Amounts and decimals are times 1000 [documented].
**
** It uses text, instance and records.
*/
#ifndef SANDBOX_VALUES_H
#define SANDBOX_VALUES_H

#include <stdbool.h>
#include <stdint.h>

#include "text.h"
#include "instance.h"

#define PICK(table, h) ((table)[(h) % COUNT(table)])
#define GEN(name) bool name(Buf *b, const Entity *en, uint32_t i, uint64_t h, const Field *f)

const char *utm_of(uint64_t h);
const char *browser_of(uint64_t h);
const char *word_of(uint64_t h);

/* The number of a place by its name: a known one's, else one made from the name. */
uint64_t place_id(const char *name);

/* The longest country code that a number begins with, or "". */
const char *country_code(const char *number);

GEN(gen_first);
GEN(gen_last);
GEN(gen_name);
GEN(gen_email);
GEN(gen_external);
GEN(gen_created);
GEN(gen_edited);
GEN(gen_archived);
GEN(gen_restored);
GEN(gen_archive_source);

/* A time between the record's creation and the base time; some with fractions. */
GEN(gen_seen);

GEN(gen_time_first);
GEN(gen_time_last);
GEN(gen_time);
GEN(gen_bool);
GEN(gen_rarely_true);
bool subscribed_base(const Entity *en, uint32_t i);
GEN(gen_permission);
GEN(gen_city);
GEN(gen_region);
GEN(gen_country);
GEN(gen_zone);
GEN(gen_place);
GEN(gen_postal);
GEN(gen_phone);
void put_date(Buf *b, int y, int m, int d, const char *zone);
GEN(gen_birthday);
GEN(gen_date);
GEN(gen_engagement);

/* Cents, as thousandths; some zero, some equal, few below zero. */
GEN(gen_money);

GEN(gen_decimal);
GEN(gen_integer);
GEN(gen_employees);
GEN(gen_language);
GEN(gen_source);
GEN(gen_utm);
GEN(gen_browser);
GEN(gen_industry);
GEN(gen_context);
GEN(gen_url);
GEN(gen_text);
GEN(gen_large);
GEN(gen_select);
GEN(gen_multi);
GEN(gen_object);
GEN(gen_account);
GEN(gen_tag_ids);
GEN(gen_tag_names);
GEN(gen_account_name);
GEN(gen_website);
GEN(gen_address);
void forget_links(void);
GEN(gen_people);

/* Appends the value of f of record i as JSON; false if it has none. */
bool value(Buf *b, const Entity *en, uint32_t i, const Field *f);

#endif
