/*
** batch.c - see batch.h.
*/
#include "batch.h"

#include <stdlib.h>
#include <string.h>

#include "../text.h"
#include "../json.h"
#include "options.h"

#define BATCH_API 100              /* people, accounts or activities in a request [documented] */
#define BATCH_SEGMENT 500          /* [seen in Segment's client] */

batch *batch_new(batches *all, int wave){
  if( all->list==NULL || all->count==all->cap ){
    int cap = all->cap ? all->cap*2 : 64;
    batch *grown = realloc(all->list, (size_t)cap * sizeof *grown);
    if( grown==NULL ) return NULL;
    all->list = grown;
    all->cap = cap;
  }
  batch *b = &all->list[all->count++];
  memset(b, 0, sizeof *b);
  b->wave = wave;
  return b;
}

int batch_add(batch *b, int place, size_t bytes){
  if( (b->count & (b->count - 1))==0 ){          /* room doubles */
    int *grown = realloc(b->member, (size_t)(b->count ? b->count*2 : 1) * sizeof *grown);
    if( grown==NULL ) return 0;
    b->member = grown;
  }
  b->member[b->count++] = place;
  b->bytes += bytes + 1;
  return 1;
}

void batches_free(batches *all){
  for(int i=0; i<all->count; i++){
    request_drop(all->list[i].request);
    free(all->list[i].member);
  }
  free(all->list);
}

/* When was a contact, or one that may be it, written last? Keys of one kind tell contacts apart; records that
** have no kind of key in common may be the same contact. */
typedef struct contacts_seen {
  text_map by_key;                 /* a key's place and text, to its wave */
  int last[16];                    /* by the kinds of keys */
  arena memory;
} contacts_seen;

static char *key_text(contacts_seen *seen, const record *r, int place){
  return arena_printf(&seen->memory, "%d%s", place, r->key[place]);
}

/* The last wave with a record that r must be behind; -1: out of memory. */
static int wave_after(contacts_seen *seen, const record *r){
  int after = 0;
  for(int i=0; i<4; i++) if( r->key[i] ){
    char *key = key_text(seen, r, i);
    if( key==NULL ) return -1;
    int wave = map_get(&seen->by_key, key, strlen(key));
    if( wave>after ) after = wave;
  }
  for(int kinds=1; kinds<16; kinds++)
    if( (kinds & r->lookup_keys)==0 && seen->last[kinds]>after ) after = seen->last[kinds];
  return after;
}

static int wave_put(contacts_seen *seen, const record *r, int wave){
  for(int i=0; i<4; i++) if( r->key[i] ){
    char *key = key_text(seen, r, i);
    if( key==NULL || !map_put(&seen->by_key, key, strlen(key), wave) ) return 0;
  }
  if( r->lookup_keys && seen->last[r->lookup_keys]<wave ) seen->last[r->lookup_keys] = wave;
  return 1;
}

static int most_of(const ortto_sending *s){
  if( s->options->one_by_one ) return 1;
  return s->endpoint->protocol==ORTTO_SEGMENT ? BATCH_SEGMENT : BATCH_API;
}

int batches_api(ortto_sending *s, batches *all){
  contacts_seen seen = { 0 };
  text_map open = { 0 };                         /* "wave merge_by apart" to the batch being filled */
  int ok = 1, most = most_of(s);
  for(int i=0; ok && i<s->count; i++){
    record *r = &s->record[i];
    if( !is_open(r) ) continue;
    r->wave = r->unordered ? 1 : wave_after(&seen, r) + 1;
    ok = r->wave>0;
    char *key = ok ? arena_printf(&s->memory, "%d %s %s", r->wave, r->merge_by, r->apart) : NULL;
    int at = key ? map_get(&open, key, strlen(key)) : -1;
    batch *b = at<0 ? NULL : &all->list[at];
    if( key==NULL ) ok = 0;
    else if( b==NULL || b->count>=most || b->bytes+r->item_n>BODY_MAX-1000 ){
      b = batch_new(all, r->wave);
      ok = b && map_put(&open, key, strlen(key), all->count-1);
    }
    ok = ok && batch_add(b, i, r->item_n) && (r->unordered || wave_put(&seen, r, r->wave));
  }
  map_free(&open);
  map_free(&seen.by_key);
  arena_free(&seen.memory);
  return ok;
}

/* A batch of Segment's that is full: after all that may be about a contact of it. */
static int batch_close(contacts_seen *seen, const ortto_sending *s, batch *b){
  int wave = 0, ok = 1;
  for(int k=0; k<b->count; k++){
    int after = wave_after(seen, &s->record[b->member[k]]);
    if( after<0 ) return 0;
    if( after>wave ) wave = after;
  }
  b->wave = wave + 1;
  for(int k=0; ok && k<b->count; k++) ok = wave_put(seen, &s->record[b->member[k]], b->wave);
  return ok;
}

int batches_segment(ortto_sending *s, batches *all){
  contacts_seen seen = { 0 };
  batch *b = NULL;                               /* being filled; the list grows only when it is closed */
  int ok = 1, most = most_of(s);
  for(int i=0; ok && i<s->count; i++){
    const record *r = &s->record[i];
    if( !is_open(r) ) continue;
    if( b && (b->count>=most || b->bytes+r->item_n>BODY_MAX-1000) ){
      ok = batch_close(&seen, s, b);
      b = NULL;
    }
    if( b==NULL ) b = batch_new(all, 1);
    ok = ok && b && batch_add(b, i, r->item_n);
  }
  if( ok && b ) ok = batch_close(&seen, s, b);
  map_free(&seen.by_key);
  arena_free(&seen.memory);
  return ok;
}

static const char *write_path(const ortto_sending *s){
  if( s->endpoint->protocol==ORTTO_SEGMENT ) return s->verb==ORTTO_TRACK ? "/v1/track" : "/v1/identify";
  switch( s->verb ){
    case ORTTO_TRACK: return "/v1/activities/create";
    case ORTTO_UPSERT_ACCOUNTS: return "/v1/accounts/merge";
    case ORTTO_ARCHIVE: return "/v1/person/archive";
    case ORTTO_ARCHIVE_ACCOUNTS: return "/v1/accounts/archive";
    default: return "/v1/person/merge";
  }
}

int is_archive(const ortto_sending *s){
  return s->verb==ORTTO_ARCHIVE || s->verb==ORTTO_ARCHIVE_ACCOUNTS;
}

const char *items_member(const ortto_sending *s){
  if( is_archive(s) ) return "inclusion_ids";
  if( s->verb==ORTTO_TRACK ) return "activities";
  return s->verb==ORTTO_UPSERT_ACCOUNTS ? "accounts" : "people";
}

static int options_add(const ortto_sending *s, const record *r, cJSON *body){
  const ortto_options *o = s->options;
  int track = s->verb==ORTTO_TRACK, merges = r->merge_by[0]!=0;
  int ok = !merges || json_add(body, "merge_by", cJSON_CreateRaw(r->merge_by));
  if( merges || !track ) ok = ok && json_add(body, "merge_strategy", json_integer(o->merge_strategy));
  if( o->find_strategy>=0 || !track )
    ok = ok && json_add(body, "find_strategy", json_integer(o->find_strategy<0 ? 0 : o->find_strategy));
  ok = ok && json_add(body, "async", cJSON_CreateBool(o->async));
  if( o->skip_non_existing ) ok = ok && json_add(body, "skip_non_existing", cJSON_CreateTrue());
  if( s->suppression )
    ok = ok && json_add(body, "suppression_list_field_id", cJSON_CreateString(s->suppression));
  return ok;
}

/* [item,...] for Segment's endpoints, {"people":[item,...],options} for the API; NULL when out of memory. */
static char *batch_body(const ortto_sending *s, const batch *b){
  cJSON *items = cJSON_CreateArray(), *body = items;
  int ok = items!=NULL;
  for(int i=0; ok && i<b->count; i++) ok = json_append(items, cJSON_CreateRaw(s->record[b->member[i]].item));
  if( ok && s->endpoint->protocol==ORTTO_API ){
    body = cJSON_CreateObject();
    if( body==NULL ) cJSON_Delete(items);
    ok = body && json_add(body, items_member(s), items);
    if( ok && !is_archive(s) ) ok = options_add(s, &s->record[b->member[0]], body);
  }
  char *text = json_print(body);
  if( ok ) return text;
  free(text);
  return NULL;
}

int batch_send(ortto_sending *s, batch *b){
  const char *method = is_archive(s) ? "PUT" : "POST";
  b->request = request_new(s->endpoint, method, write_path(s), batch_body(s, b), 0, s->doing);
  if( b->request ){
    b->request->stop = &s->stopped;
    b->request->answered = s->options->answered;
  }
  return b->request ? ORTTO_OK : ORTTO_NOMEM;
}
