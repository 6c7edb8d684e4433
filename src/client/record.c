/*
** record.c - see record.h.
*/
#define _GNU_SOURCE
#include "record.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "../os.h"

const char REFUSED_HERE[] = "PAYLOAD_VALIDATION_FAILED", REFUSED[] = "REFUSED", NOT_SENT[] = "NOT_SENT", UNKNOWN[] = "UNKNOWN_OUTCOME";

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
  r->outcome.message = keep(s, ortto_error(s->endpoint->client));
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
  { "firstname", "str::first" }, { "lastname", "str::last" }, { "fullname", "str::name" }, { "phone", "phn::phone" },
  { "birthdate", "dtz::b" }, { "dateofbirth", "dtz::b" }, { "postcode", "str::postal" }, { "zip", "str::postal" }, { "zipcode", "str::postal" },
  { "postalcode", "str::postal" }, { "state", "geo::region" }, { "userid", "str::ei" }, { "externalid", "str::ei" },
  { "emailpermission", "bol::p" }, { "smspermission", "bol::sp" },
};

static int names_index(ortto_sending *s){
  int ok = 1;
  for(int i=0; ok && i<s->fields->count; i++){
    const ortto_field *f = &s->fields->field[i];
    const char *names[] = { f->name, f->column };
    ok = map_put(&s->by_id, f->id, strlen(f->id), i) && map_put(&s->by_id, f->column, strlen(f->column), i);
    for(int k=0; ok && k<2; k++){                /* the column's name wins over another field's shown name */
      char *name = folded(&s->names, names[k], strlen(names[k]));
      if( name==NULL ) ok = 0;
      else if( name[0] && (k==1 || map_get(&s->by_name, name, strlen(name))<0) ) ok = map_put(&s->by_name, name, strlen(name), i);
    }
  }
  return ok ? ORTTO_OK : no_memory(s->endpoint->client);
}

void fields_forget(ortto_sending *s){
  map_free(&s->by_id);
  map_free(&s->by_name);
  arena_free(&s->names);
  s->fields = NULL;
}

int fields_have(ortto_sending *s, int anew){
  ortto_client *client = s->endpoint->client;
  field_memory *m = &client->fields[s->verb==ORTTO_UPSERT_ACCOUNTS];
  if( s->fields && !anew ) return ORTTO_OK;
  fields_forget(s);
  if( anew || m->list==NULL || m->identity!=s->endpoint->identity || now_us()-m->at>60*SECOND ){
    ortto_field_list *list;
    int rc = ortto_fields_list(s->endpoint, s->verb==ORTTO_UPSERT_ACCOUNTS ? ORTTO_ACCOUNTS : ORTTO_PEOPLE, anew ? "*" : NULL, 0, &list);
    if( rc!=ORTTO_OK ) return rc;
    ortto_fields_free(m->list);
    *m = (field_memory){ s->endpoint->identity, now_us(), list };
    s->fields_fresh |= anew;
  }
  s->fields = m->list;
  int rc = names_index(s);
  if( rc!=ORTTO_OK ) fields_forget(s);
  return rc;
}

const ortto_field *field_named(ortto_sending *s, const char *name, size_t n, int as_trait){
  int at = map_get(&s->by_id, name, n);
  if( at<0 && as_trait ){
    char *fold = folded(&s->memory, name, n);
    if( fold==NULL ) return NULL;
    at = map_get(&s->by_name, fold, strlen(fold));
    for(int i=0; at<0 && i<COUNT(trait_names); i++)
      if( strcmp(trait_names[i].name, fold)==0 ) at = map_get(&s->by_id, trait_names[i].id, strlen(trait_names[i].id));
  }
  return at<0 || s->fields==NULL ? NULL : &s->fields->field[at];
}

const char *closest_field(const ortto_sending *s, const char *name){
  size_t best = 65;
  const char *closest = "email";
  const ortto_field *field = s->fields ? s->fields->field : NULL;
  for(int i=1; field && i<s->fields->count; i++){
    size_t d = edit_distance(name, field[i].column), e = edit_distance(name, field[i].id);
    if( d<best ){ best = d; closest = field[i].column; }
    if( e<best ){ best = e; closest = field[i].id; }
  }
  return closest;
}

const char *generated_time(arena *a){
  char text[25];
  os_utc_text(os_wall_ms(), text);
  return arena_text(a, text, strlen(text));
}

const char *generated_id(ortto_sending *s){
  unsigned char b[16];
  if( getentropy(b, sizeof b)!=0 )
    for(int i=0; i<16; i++) b[i] = (unsigned char)(random_unit(s->endpoint->client) * 256);
  b[6] = (unsigned char)((b[6] & 0x0F) | 0x40);
  b[8] = (unsigned char)((b[8] & 0x3F) | 0x80);
  return arena_printf(&s->memory, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7],
                      b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}
