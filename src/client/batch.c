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
  if( all->count==all->cap ){
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

/* When was this contact, or one that may be it, written last? Keys of one kind tell contacts apart; records that have no
** kind of key in common may be the same contact. */
typedef struct contacts_seen {
  text_map by_key;                /* "bit text" to wave */
  int last[16];                    /* by the kinds of keys */
  arena memory;
} contacts_seen;

static int wave_after(contacts_seen *seen, const record *r){
  int after = 0;
  char bit[2] = "0";
  for(int i=0; i<4; i++) if( r->key[i] ){
    bit[0] = (char)('0' + i);
    char *key = arena_printf(&seen->memory, "%s%s", bit, r->key[i]);
    int wave = key ? map_get(&seen->by_key, key, strlen(key)) : 0;
    if( wave>after ) after = wave;
  }
  for(int kinds=1; kinds<16; kinds++) if( (kinds & r->lookup_keys)==0 && seen->last[kinds]>after ) after = seen->last[kinds];
  return after;
}

static int wave_put(contacts_seen *seen, const record *r, int wave){
  for(int i=0; i<4; i++) if( r->key[i] ){
    char *key = arena_printf(&seen->memory, "%c%s", '0' + i, r->key[i]);
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
  text_map open = { 0 };                        /* "wave merge_by" to the batch being filled */
  int ok = 1, most = most_of(s);
  for(int i=0; ok && i<s->count; i++){
    record *r = &s->record[i];
    if( !is_open(r) ) continue;
    r->wave = r->unordered ? 1 : wave_after(&seen, r) + 1;
    char *key = arena_printf(&s->memory, "%d %s", r->wave, r->merge_by);
    int at = key ? map_get(&open, key, strlen(key)) : -1;
    batch *b = at<0 ? NULL : &all->list[at];
    if( b==NULL || b->count>=most || b->bytes+r->item_n>BODY_MAX-1000 ){
      ok = key && (b = batch_new(all, r->wave))!=NULL && map_put(&open, key, strlen(key), all->count-1);
    }
    ok = ok && batch_add(b, i, r->item_n) && (r->unordered || wave_put(&seen, r, r->wave));
  }
  map_free(&open);
  map_free(&seen.by_key);
  arena_free(&seen.memory);
  return ok;
}

int batches_segment(ortto_sending *s, batches *all){
  contacts_seen seen = { 0 };
  int ok = 1, most = most_of(s), first = -1;
  for(int i=0; ok && i<=s->count; i++){
    const record *r = i<s->count ? &s->record[i] : NULL;
    if( r && !is_open(r) ) continue;
    batch *b = first<0 ? NULL : &all->list[first];
    if( b && (r==NULL || b->count>=most || b->bytes+r->item_n>BODY_MAX-1000) ){
      int wave = 0;
      for(int k=0; k<b->count; k++){
        int after = wave_after(&seen, &s->record[b->member[k]]);
        if( after>wave ) wave = after;
      }
      b->wave = wave + 1;
      for(int k=0; ok && k<b->count; k++) ok = wave_put(&seen, &s->record[b->member[k]], b->wave);
      b = NULL;
    }
    if( r==NULL ) break;
    if( b==NULL ){
      ok = ok && (b = batch_new(all, 1))!=NULL;
      first = all->count - 1;
    }
    ok = ok && batch_add(b, i, r->item_n);
  }
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
  return s->verb==ORTTO_TRACK ? "activities" : s->verb==ORTTO_UPSERT_ACCOUNTS ? "accounts" : "people";
}

static void body_options(const ortto_sending *s, const record *r, buf *b){
  const ortto_options *o = s->options;
  if( r->merge_by[0] ) buf_printf(b, ",\"merge_by\":[%s]", r->merge_by);
  if( r->merge_by[0] || s->verb!=ORTTO_TRACK ) buf_printf(b, ",\"merge_strategy\":%d", o->merge_strategy);
  if( s->verb!=ORTTO_TRACK || o->find_strategy>=0 ) buf_printf(b, ",\"find_strategy\":%d", o->find_strategy<0 ? 0 : o->find_strategy);
  buf_printf(b, ",\"async\":%s", o->async ? "true" : "false");
  if( o->skip_non_existing ) buf_puts(b, ",\"skip_non_existing\":true");
  if( s->suppression ){
    buf_puts(b, ",\"suppression_list_field_id\":");
    buf_json(b, s->suppression);
  }
}

static char *batch_body(const ortto_sending *s, const batch *b){
  buf body = { 0 };
  int segment = s->endpoint->protocol==ORTTO_SEGMENT;
  if( segment ) buf_puts(&body, "[");
  else buf_printf(&body, "{\"%s\":[", items_member(s));
  for(int i=0; i<b->count; i++){
    if( i ) buf_puts(&body, ",");
    buf_add(&body, s->record[b->member[i]].item, s->record[b->member[i]].item_n);
  }
  buf_puts(&body, "]");
  if( !segment && !is_archive(s) ) body_options(s, &s->record[b->member[0]], &body);
  if( !segment ) buf_puts(&body, "}");
  if( body.failed ) buf_free(&body);
  return body.p;
}

int batch_send(ortto_sending *s, batch *b){
  b->request = request_new(s->endpoint, is_archive(s) ? "PUT" : "POST", write_path(s), batch_body(s, b), 0, s->doing);
  if( b->request ) b->request->stop = &s->stopped;
  return b->request ? ORTTO_OK : ORTTO_NOMEM;
}
