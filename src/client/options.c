/*
** options.c - see options.h.
*/
#include "options.h"

#include <stdlib.h>
#include <string.h>

#include "../json.h"
#include "client.h"
#include "context.h"

static const char *const option_names[] = { "via", "to", "batch", "merge_by", "merge_strategy", "find_strategy", "async", "skip_non_existing",
                                            "suppression_list_field_id", "create" };
enum { OPTION_VIA, OPTION_TO, OPTION_BATCH, OPTION_MERGE_BY, OPTION_MERGE_STRATEGY, OPTION_FIND_STRATEGY, OPTION_ASYNC, OPTION_SKIP,
       OPTION_SUPPRESSION, OPTION_CREATE };

static int bad_option(ortto_client *client, const char *name, const char *good){
  return fail(client, "ortto: the option %s takes %s", name, good);
}

/* One of the words; its place, or -1. */
static int word_of(js v, const char *const *words, int count){
  if( js_type(v)=='"' ) for(int i=0; i<count; i++) if( js_is(unquoted(v), words[i]) ) return i;
  return -1;
}

static int option_text(ortto_client *client, ortto_options *o, const char *name, js v, const char **out){
  if( js_type(v)!='"' || v.n==2 ) return bad_option(client, name, "a text");
  return (*out = js_cstring(&o->memory, v)) ? ORTTO_OK : no_memory(client);
}

static int option_flag(ortto_client *client, const char *name, js v, int *out){
  if( js_type(v)=='t' || js_is(v, "1") ) *out = 1;
  else if( js_type(v)=='f' || js_is(v, "0") ) *out = 0;
  else return bad_option(client, name, "true or false");
  return ORTTO_OK;
}

static int option_merge_by(ortto_client *client, ortto_options *o, js v){
  js item;
  int rc = ORTTO_OK;
  o->merge_by_count = 0;                         /* of a member that is given twice the last one counts */
  if( js_type(v)=='"' ) rc = option_text(client, o, "merge_by", v, &o->merge_by[o->merge_by_count++]);
  else if( js_type(v)=='[' ){
    js_iter it = js_in(v);
    while( rc==ORTTO_OK && js_next(&it, NULL, &item) ){
      if( o->merge_by_count==COUNT(o->merge_by) ) return bad_option(client, "merge_by", "at most three columns or field ids");
      rc = option_text(client, o, "merge_by", item, &o->merge_by[o->merge_by_count++]);
    }
  }
  if( rc==ORTTO_OK && o->merge_by_count==0 ) rc = bad_option(client, "merge_by", "a list of columns or field ids, such as [\"email\"]");
  return rc;
}

static int option_read(ortto_client *client, ortto_options *o, int which, js v){
  static const char *const targets[] = { "api", "segment" }, *const merging[] = { "append", "overwrite", "ignore" },
                    *const finding[] = { "any", "next_if_empty", "all" };
  const char *name = option_names[which];
  int word, flag = 1, rc = ORTTO_OK;
  if( js_type(v)=='n' ) return ORTTO_OK;         /* as if it were not there */
  if( which>=OPTION_MERGE_BY && o->api_only==NULL ) o->api_only = name;
  switch( which ){
    case OPTION_VIA: return option_text(client, o, name, v, &o->via);
    case OPTION_SUPPRESSION: return option_text(client, o, name, v, &o->suppression);
    case OPTION_MERGE_BY: return option_merge_by(client, o, v);
    case OPTION_TO:
      if( (word = word_of(v, targets, 2))<0 ) return bad_option(client, name, "'api' or 'segment'");
      o->to = targets[word];
      return ORTTO_OK;
    case OPTION_MERGE_STRATEGY:
      if( (word = word_of(v, merging, 3))<0 ) return bad_option(client, name, "'append', 'overwrite' or 'ignore'");
      o->merge_strategy = word + 1;
      return ORTTO_OK;
    case OPTION_FIND_STRATEGY:
      if( (word = word_of(v, finding, 3))<0 ) return bad_option(client, name, "'any', 'next_if_empty' or 'all'");
      o->find_strategy = word;
      return ORTTO_OK;
    case OPTION_BATCH:
      rc = option_flag(client, name, v, &flag);
      o->one_by_one = !flag;
      return rc;
    case OPTION_ASYNC: return option_flag(client, name, v, &o->async);
    case OPTION_SKIP: return option_flag(client, name, v, &o->skip_non_existing);
    default: return option_flag(client, name, v, &o->create);
  }
}

static int options_fill(ortto_client *client, ortto_options *o, const char *text, size_t length){
  js all, name, v;
  int rc = ORTTO_OK;
  if( !json_check(text, length, &all) || js_type(all)!='{' ) return fail(client, "ortto: the options must be a JSON object, such as {\"to\":\"api\"}");
  js_iter it = js_in(all);
  while( rc==ORTTO_OK && js_next(&it, &name, &v) ){
    int which = 0;
    while( which<COUNT(option_names) && !js_is(name, option_names[which]) ) which++;
    if( which<COUNT(option_names) ) rc = option_read(client, o, which, v);
    else{
      buf names = { 0 };
      for(int i=0; i<COUNT(option_names); i++) buf_printf(&names, "%s%s", i ? ", " : "", option_names[i]);
      rc = fail(client, "ortto: there is no option '%.*s'; the options are %s", (int)(name.n<40 ? name.n : 40), name.p, names.p ? names.p : "");
      buf_free(&names);
    }
  }
  return rc;
}

int ortto_options_read(ortto_client *client, const char *text, size_t length, ortto_options **out){
  ortto_options *o = calloc(1, sizeof *o);
  *out = NULL;
  if( o==NULL ) return no_memory(client);
  o->merge_strategy = 2;
  o->find_strategy = -1;
  if( text && (o->text = malloc(length + 1))==NULL ){
    free(o);
    return no_memory(client);
  }
  if( text ){
    memcpy(o->text, text, length);
    o->text[length] = 0;
  }
  int rc = text ? options_fill(client, o, o->text, length) : ORTTO_OK;
  if( rc==ORTTO_OK && o->to && strcmp(o->to, "segment")==0 && o->api_only )
    rc = fail(client, "ortto: the option %s belongs to Ortto's API: it has no effect on what is sent to a Segment data source. Leave it out, or say \"to\":\"api\"", o->api_only);
  if( rc!=ORTTO_OK ) ortto_options_free(o);
  else *out = o;
  return rc;
}

void ortto_options_free(ortto_options *o){
  if( o==NULL ) return;
  arena_free(&o->memory);
  free(o->text);
  free(o);
}

const char *ortto_options_via(const ortto_options *o){
  return o->via;
}

int ortto_options_protocol(const ortto_options *o, ortto_protocol *protocol){
  if( o->to==NULL ) return 0;
  *protocol = strcmp(o->to, "api")==0 ? ORTTO_API : ORTTO_SEGMENT;
  return 1;
}
