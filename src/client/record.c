/*
** record.c - see record.h.
*/
#define _GNU_SOURCE
#include "record.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "../os.h"
#include "account.h"
#include "field_names.h"

const char *const REFUSED_HERE = "PAYLOAD_VALIDATION_FAILED", *const REFUSED = "REFUSED",
           *const NOT_SENT = "NOT_SENT", *const UNKNOWN = "UNKNOWN_OUTCOME";

static const char no_room[] = "ortto: not sent: out of memory";

const char *keep(ortto_sending *s, const char *text){
  char *copy = text ? arena_text(&s->memory, text, strlen(text)) : NULL;
  return copy ? copy : "out of memory";
}

js named(const char *name){
  return js_slice(name, strlen(name));
}

int refuse_memory(ortto_sending *s, record *r){
  (void)s;
  r->item = NULL;
  r->reasons = 0;
  outcome_set(r, 0, NOT_SENT, no_room);
  return 0;
}

int is_refused(const record *r){
  return r->outcome.status>=0;
}

void refusals_clear(record *r){
  r->reasons = 0;
  outcome_set(r, -1, NULL, NULL);
}

/* One more of them; room doubles. 0 when out of memory. */
static int reason_add(ortto_sending *s, record *r, int status, const char *field, const char *text){
  if( r->outcome.errortype && r->outcome.errortype!=REFUSED_HERE ) return 0;
  if( (r->reasons & (r->reasons - 1))==0 ){
    ortto_reason *more = arena_alloc(&s->memory, (size_t)(r->reasons ? 2*r->reasons : 1) * sizeof *more);
    if( more==NULL ) return refuse_memory(s, r);
    if( r->reasons ) memcpy(more, r->reason, (size_t)r->reasons * sizeof *more);
    r->reason = more;
  }
  const char *message = arena_text(&s->memory, text, strlen(text));
  if( message==NULL ) return refuse_memory(s, r);
  r->reason[r->reasons++] = (ortto_reason){ field, message };
  r->item = NULL;
  if( r->reasons==1 ) outcome_set(r, status, REFUSED_HERE, message);
  return 1;
}

int refuse(ortto_sending *s, record *r, int status, const char *format, ...){
  char text[500];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  utf8_mend(text);
  reason_add(s, r, status, NULL, text);
  return 0;
}

int blame(ortto_sending *s, record *r, js name, const char *format, ...){
  char text[500];
  va_list args;
  size_t n;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  utf8_mend(text);
  const char *clean = text_clean(&s->memory, name.p, name.n, 1, &n);
  const char *field = clean ? arena_text(&s->memory, clean, n) : NULL;
  return field ? reason_add(s, r, 400, field, text) : refuse_memory(s, r);
}

void refusals_close(ortto_sending *s, record *r){
  r->outcome.reasons = r->reason;
  r->outcome.reason_count = r->reasons;
  if( r->reasons<2 ) return;
  const char *all = arena_printf(&s->memory, "%s (and %d more)", r->reason[0].message,
                                 r->reasons - 1);
  if( all ) r->outcome.message = all;
}

int refuse_by_call(ortto_sending *s, record *r, const http_request *c, int rc){
  int answered = c && rc==ORTTO_ERROR && c->rc==ORTTO_ERROR;   /* a 200 may be no answer to this */
  int status = answered ? c->status : 0;
  if( rc==ORTTO_INTERRUPT ) s->interrupted = 1;
  r->item = NULL;
  r->reasons = 0;
  outcome_set(r, status, status==0 ? NOT_SENT : REFUSED, keep(s, s->endpoint->context->error));
  if( status_ends(c ? c->status : 0) ) s->stopped = 1;
  return 0;
}

int is_open(const record *r){
  return r->item!=NULL && r->outcome.status<0;
}

void outcome_set(record *r, int status, const char *errortype, const char *message){
  r->outcome.status = status;
  r->outcome.errortype = errortype;
  r->outcome.message = message;
}

/* Names as they are used in events, folded, besides column names and field ids. */
static const struct { const char *name, *id; } trait_names[] = {
  { "firstname", "str::first" }, { "first_name", "str::first" }, { "lastname", "str::last" },
  { "last_name", "str::last" }, { "fullname", "str::name" }, { "full_name", "str::name" },
  { "phone", "phn::phone" }, { "birthdate", "dtz::b" }, { "birth_date", "dtz::b" },
  { "dateofbirth", "dtz::b" }, { "date_of_birth", "dtz::b" }, { "postcode", "str::postal" },
  { "post_code", "str::postal" }, { "zip", "str::postal" }, { "zipcode", "str::postal" },
  { "zip_code", "str::postal" }, { "postalcode", "str::postal" }, { "postal_code", "str::postal" },
  { "state", "geo::region" }, { "userid", "str::ei" }, { "user_id", "str::ei" }, { "externalid", "str::ei" },
  { "external_id", "str::ei" }, { "emailpermission", "bol::p" }, { "email_permission", "bol::p" },
  { "smspermission", "bol::sp" }, { "sms_permission", "bol::sp" },
};

#define SEVERAL (-2)               /* a name of more than one field */

/* 0 when out of memory. */
static int name_put(text_map *map, const char *name, int i){
  size_t n = strlen(name);
  int there = n ? map_get(map, name, n) : i;
  if( there==i ) return 1;
  return map_put(map, name, n, there==-1 ? i : SEVERAL);
}

static int fold_put(ortto_sending *s, const char *name, int i){
  const char *fold = folded(&s->names, name, strlen(name));
  return fold && name_put(&s->by_fold, fold, i);
}

static int names_index(ortto_sending *s){
  const ortto_field *f = s->fields->field;
  int ok = 1, n = s->fields->count;
  for(int i=0; ok && i<n; i++)
    ok = map_put(&s->by_id, f[i].column, strlen(f[i].column), i) && name_put(&s->by_name, f[i].name, i)
      && fold_put(s, f[i].name, i) && fold_put(s, f[i].column, i);
  for(int i=0; ok && i<n; i++) ok = map_put(&s->by_id, f[i].id, strlen(f[i].id), i);   /* win over columns */
  return ok ? ORTTO_OK : no_memory(s->endpoint->context);
}

void fields_forget(ortto_sending *s){
  map_free(&s->by_id);
  map_free(&s->by_name);
  map_free(&s->by_fold);
  arena_free(&s->names);
  ortto_fields_free(s->fields);
  s->fields = NULL;
}

static ortto_table fields_table(const ortto_sending *s){
  return s->verb==ORTTO_UPSERT_ACCOUNTS ? ORTTO_ACCOUNTS : ORTTO_PEOPLE;
}

static int fields_part(const ortto_sending *s){
  return fields_table(s)==ORTTO_PEOPLE ? ACCOUNT_PEOPLE : ACCOUNT_ACCOUNTS;
}

/* The list in use becomes that of what the account knows. */
static int fields_use(ortto_sending *s, int every){
  fields_forget(s);
  s->every_field = every;
  int rc = fields_known(s->endpoint, fields_table(s), every ? fields_every : NULL, 0, &s->fields);
  if( rc==ORTTO_OK ) rc = names_index(s);
  if( rc!=ORTTO_OK ) fields_forget(s);
  return rc;
}

/* The first look at the fields, and for ortto_track at the activities too, side by side. What keeps us from
** the activities is told where one is looked for. */
static int first_look(ortto_sending *s, int part){
  account *a = s->endpoint->account;
  int with_activities = s->verb==ORTTO_TRACK && s->count && js_type(js_get(s->record[0].given, "event"))=='"';
  s->begun = now_us();
  int rc = account_have(s->endpoint, part | (with_activities ? ACCOUNT_ACTIVITIES : 0), ORTTO_KNOWN);
  if( rc==ORTTO_OK || !with_activities || !account_is_new(a, part, ORTTO_KNOWN) ) return rc;
  s->activities_rc = rc;
  s->activities_why = keep(s, s->endpoint->context->error);
  return ORTTO_OK;
}

int fields_have(ortto_sending *s, int more){
  int part = fields_part(s), rc = ORTTO_OK;
  if( s->fields && !more ) return ORTTO_OK;
  if( !more ) rc = first_look(s, part);
  else if( s->every_field || !account_is_new(s->endpoint->account, ACCOUNT_SCHEMA, ORTTO_KNOWN) ){
    rc = account_have(s->endpoint, part | ACCOUNT_SCHEMA, s->begun);
    s->fields_fresh = rc==ORTTO_OK;
  }
  return rc==ORTTO_OK ? fields_use(s, more) : rc;
}

int fields_made(ortto_sending *s){
  int rc = account_have(s->endpoint, fields_part(s), ORTTO_ANEW);
  return rc==ORTTO_OK ? fields_use(s, 1) : rc;
}

static const ortto_field *field_at(const ortto_sending *s, int at){
  return at<0 || s->fields==NULL ? NULL : &s->fields->field[at];
}

const ortto_field *field_named(const ortto_sending *s, const char *name, size_t n){
  return field_at(s, map_get(&s->by_id, name, n));
}

int ids_add(ortto_sending *s, const char **ids, const char *id){
  *ids = arena_printf(&s->memory, "%s%s%s", *ids ? *ids : "", *ids ? ", " : "", id);
  return *ids!=NULL;
}

/* The ids of the fields that are shown under that name, or have it when folded. 0 when out of memory. */
static int ids_of_name(ortto_sending *s, const char *name, size_t n, int fold, const char **ids){
  arena scratch = { 0 };
  int ok = 1;
  for(int i=0; ok && i<s->fields->count; i++){
    const ortto_field *f = &s->fields->field[i];
    const char *shown = fold ? folded(&scratch, f->name, strlen(f->name)) : f->name;
    const char *column = fold ? folded(&scratch, f->column, strlen(f->column)) : "";
    ok = shown && column;
    int fits = ok && ((strlen(shown)==n && memcmp(shown, name, n)==0)
                   || (strlen(column)==n && memcmp(column, name, n)==0));
    if( fits ) ok = ids_add(s, ids, f->id);
  }
  arena_free(&scratch);
  return ok;
}

int field_meant(ortto_sending *s, const char *name, size_t n, int as_trait, const ortto_field **out,
                const char **several){
  *several = NULL;
  *out = field_named(s, name, n);
  if( *out ) return 1;
  const char *fold = folded(&s->memory, name, n);
  if( fold==NULL ) return 0;
  for(int i=0; as_trait && *out==NULL && i<COUNT(trait_names); i++){
    const char *id = trait_names[i].id;
    if( strcmp(trait_names[i].name, fold)==0 ) *out = field_named(s, id, strlen(id));
  }
  if( *out ) return 1;
  int at = map_get(&s->by_name, name, n);
  if( at==SEVERAL ) return ids_of_name(s, name, n, 0, several);
  if( at<0 ) at = map_get(&s->by_fold, fold, strlen(fold));
  if( at==SEVERAL ) return ids_of_name(s, fold, strlen(fold), 1, several);
  *out = field_at(s, at);
  return 1;
}

const char *closest_field(const ortto_sending *s, const char *name){
  closest c = closest_to(name);
  for(int i=1; s->fields && i<s->fields->count; i++){
    const ortto_field *f = &s->fields->field[i];
    closest_offer(&c, f->column, f->column);
    closest_offer(&c, f->id, f->id);
  }
  return c.found[0] ? c.found : "email";
}

const char *generated_id(ortto_sending *s, const record *r){
  static const char hex[] = "0123456789abcdef";
  uint64_t place = (uint64_t)(r - s->record), part[2];
  unsigned char b[16];
  char text[36];
  size_t n = 0;
  part[0] = mix64(s->seed[0] ^ mix64(place + 1));
  part[1] = mix64(s->seed[1] ^ mix64(part[0] + place));
  memcpy(b, part, sizeof b);
  b[6] = (unsigned char)((b[6] & 0x0F) | 0x40);
  b[8] = (unsigned char)((b[8] & 0x3F) | 0x80);
  for(int i=0; i<16; i++){
    if( i==4 || i==6 || i==8 || i==10 ) text[n++] = '-';
    text[n++] = hex[b[i]>>4];
    text[n++] = hex[b[i]&15];
  }
  return arena_text(&s->memory, text, n);
}
