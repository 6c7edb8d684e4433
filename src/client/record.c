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

const char REFUSED_HERE[] = "PAYLOAD_VALIDATION_FAILED", REFUSED[] = "REFUSED", NOT_SENT[] = "NOT_SENT",
           UNKNOWN[] = "UNKNOWN_OUTCOME";

static const char *keep_n(ortto_sending *s, const char *text, size_t n){
  char *copy = arena_text(&s->memory, text, n);
  return copy ? copy : "out of memory";
}

const char *keep(ortto_sending *s, const char *text){
  return text ? keep_n(s, text, strlen(text)) : "out of memory";
}

int refuse(ortto_sending *s, record *r, int status, const char *format, ...){
  char text[500];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  utf8_mend(text);
  r->item = NULL;
  r->outcome.status = status;
  r->outcome.errortype = REFUSED_HERE;
  r->outcome.message = keep(s, text);
  return 0;
}

int refuse_by_call(ortto_sending *s, record *r, const http_request *c, int rc){
  int status = c ? c->status : 0;
  if( rc==ORTTO_INTERRUPT ) s->interrupted = 1;
  r->item = NULL;
  r->outcome.status = status;
  r->outcome.errortype = status==0 ? NOT_SENT : REFUSED;
  r->outcome.message = keep(s, s->endpoint->context->error);
  if( status_ends(status) ) s->stopped = 1;
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

/* Names as they are used in events, besides column names and field ids. */
static const struct { const char *name, *id; } trait_names[] = {
  { "firstname", "str::first" }, { "lastname", "str::last" }, { "fullname", "str::name" },
  { "phone", "phn::phone" }, { "birthdate", "dtz::b" }, { "dateofbirth", "dtz::b" },
  { "postcode", "str::postal" }, { "zip", "str::postal" }, { "zipcode", "str::postal" },
  { "postalcode", "str::postal" }, { "state", "geo::region" }, { "userid", "str::ei" },
  { "externalid", "str::ei" }, { "emailpermission", "bol::p" }, { "smspermission", "bol::sp" },
};

/* A column's name wins over another field's shown name. 0 when out of memory. */
static int name_index(ortto_sending *s, const char *text, int is_column, int i){
  const char *name = folded(&s->names, text, strlen(text));
  if( name==NULL ) return 0;
  if( name[0]==0 || (!is_column && map_get(&s->by_name, name, strlen(name))>=0) ) return 1;
  return map_put(&s->by_name, name, strlen(name), i);
}

static int names_index(ortto_sending *s){
  int ok = 1;
  for(int i=0; ok && i<s->fields->count; i++){
    const ortto_field *f = &s->fields->field[i];
    ok = map_put(&s->by_id, f->id, strlen(f->id), i) && map_put(&s->by_id, f->column, strlen(f->column), i)
      && name_index(s, f->name, 0, i) && name_index(s, f->column, 1, i);
  }
  return ok ? ORTTO_OK : no_memory(s->endpoint->context);
}

void fields_forget(ortto_sending *s){
  map_free(&s->by_id);
  map_free(&s->by_name);
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
  int rc = fields_known(s->endpoint, fields_table(s), every ? "*" : NULL, 0, &s->fields);
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

const ortto_field *field_named(ortto_sending *s, const char *name, size_t n, int as_trait){
  int at = map_get(&s->by_id, name, n);
  if( at<0 && as_trait ){
    char *fold = folded(&s->memory, name, n);
    if( fold==NULL ) return NULL;
    at = map_get(&s->by_name, fold, strlen(fold));
    for(int i=0; at<0 && i<COUNT(trait_names); i++){
      const char *id = trait_names[i].id;
      if( strcmp(trait_names[i].name, fold)==0 ) at = map_get(&s->by_id, id, strlen(id));
    }
  }
  return at<0 || s->fields==NULL ? NULL : &s->fields->field[at];
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

const char *generated_time(arena *a){
  char text[25];
  os_utc_text(os_wall_ms(), text);
  return arena_text(a, text, strlen(text));
}

const char *generated_id(ortto_sending *s){
  static const char hex[] = "0123456789abcdef";
  unsigned char b[16];
  char text[36];
  size_t n = 0;
  if( !os_random(b, sizeof b) )
    for(int i=0; i<16; i++) b[i] = (unsigned char)(random_unit(s->endpoint->context) * 256);
  b[6] = (unsigned char)((b[6] & 0x0F) | 0x40);
  b[8] = (unsigned char)((b[8] & 0x3F) | 0x80);
  for(int i=0; i<16; i++){
    if( i==4 || i==6 || i==8 || i==10 ) text[n++] = '-';
    text[n++] = hex[b[i]>>4];
    text[n++] = hex[b[i]&15];
  }
  return arena_text(&s->memory, text, n);
}
