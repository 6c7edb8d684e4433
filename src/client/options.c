/*
** options.c - see options.h.
*/
#include "options.h"

#include <stdlib.h>
#include <string.h>

#include "../json.h"

/* From OPTION_MERGE_BY on they are the API's alone. */
enum { OPTION_VIA, OPTION_TO, OPTION_BATCH, OPTION_MERGE_BY, OPTION_MERGE_STRATEGY, OPTION_FIND_STRATEGY,
       OPTION_ASYNC, OPTION_SKIP, OPTION_SUPPRESSION, OPTION_NULLS, OPTION_CREATE };
static const char *const option_names[] = {
  "via", "to", "batch", "merge_by", "merge_strategy", "find_strategy", "async", "skip_non_existing",
  "suppression_list_field_id", "nulls", "create",
};

static int bad_option(context *ctx, const char *name, const char *good){
  return fail(ctx, "ortto: the option %s takes %s", name, good);
}

/* One of the words: *place says which. */
static int option_word(context *ctx, const char *name, js v, const char *const *words, const char *good,
                       int *place){
  for(int i=0; js_type(v)=='"' && words[i]; i++) if( js_is(unquoted(v), words[i]) ){
    *place = i;
    return ORTTO_OK;
  }
  return bad_option(ctx, name, good);
}

static int option_text(context *ctx, ortto_options *o, const char *name, js v, const char **out){
  if( js_type(v)!='"' || v.n==2 ) return bad_option(ctx, name, "a text");
  *out = js_cstring(&o->memory, v);
  return *out ? ORTTO_OK : no_memory(ctx);
}

static int option_flag(context *ctx, const char *name, js v, int *out){
  if( js_type(v)=='t' || js_is(v, "1") ) *out = 1;
  else if( js_type(v)=='f' || js_is(v, "0") ) *out = 0;
  else return bad_option(ctx, name, "true or false");
  return ORTTO_OK;
}

static int option_merge_by(context *ctx, ortto_options *o, js v){
  js item;
  int rc = ORTTO_OK;
  o->merge_by_count = 0;                         /* of a member that is given twice the last one counts */
  if( js_type(v)=='"' ) rc = option_text(ctx, o, "merge_by", v, &o->merge_by[o->merge_by_count++]);
  else if( js_type(v)=='[' ){
    js_iter it = js_in(v);
    while( rc==ORTTO_OK && js_next(&it, NULL, &item) ){
      if( o->merge_by_count==COUNT(o->merge_by) )
        return bad_option(ctx, "merge_by", "at most three columns or field ids");
      rc = option_text(ctx, o, "merge_by", item, &o->merge_by[o->merge_by_count++]);
    }
  }
  if( rc!=ORTTO_OK || o->merge_by_count>0 ) return rc;
  return bad_option(ctx, "merge_by", "a list of columns or field ids, such as [\"email\"]");
}

static int option_read(context *ctx, ortto_options *o, int which, js v){
  static const char *const targets[] = { "api", "segment", NULL };
  static const char *const merging[] = { "append", "overwrite", "ignore", NULL };
  static const char *const nulls[] = { "clear", "skip", NULL };
  static const char *const finding[] = { "any", "next_if_empty", "all", NULL };
  const char *name = option_names[which];
  int place = 0, rc;
  if( js_type(v)=='n' ) return ORTTO_OK;         /* as if it were not there */
  if( which>=OPTION_MERGE_BY && o->api_only==NULL ) o->api_only = name;
  switch( which ){
    case OPTION_VIA: return option_text(ctx, o, name, v, &o->via);
    case OPTION_TO:
      rc = option_word(ctx, name, v, targets, "'api' or 'segment'", &place);
      if( rc==ORTTO_OK ) o->to = targets[place];
      return rc;
    case OPTION_BATCH:
      rc = option_flag(ctx, name, v, &place);
      if( rc==ORTTO_OK ) o->one_by_one = !place;
      return rc;
    case OPTION_MERGE_BY: return option_merge_by(ctx, o, v);
    case OPTION_MERGE_STRATEGY:
      rc = option_word(ctx, name, v, merging, "'append', 'overwrite' or 'ignore'", &place);
      if( rc==ORTTO_OK ) o->merge_strategy = place + 1;
      return rc;
    case OPTION_FIND_STRATEGY:
      return option_word(ctx, name, v, finding, "'any', 'next_if_empty' or 'all'", &o->find_strategy);
    case OPTION_ASYNC: return option_flag(ctx, name, v, &o->async);
    case OPTION_SKIP: return option_flag(ctx, name, v, &o->skip_non_existing);
    case OPTION_SUPPRESSION: return option_text(ctx, o, name, v, &o->suppression);
    case OPTION_NULLS: return option_word(ctx, name, v, nulls, "'clear' or 'skip'", &o->skip_nulls);
    default: return option_flag(ctx, name, v, &o->create);
  }
}

static int option_unknown(context *ctx, js name){
  buf names = { 0 };
  for(int i=0; i<COUNT(option_names); i++) buf_printf(&names, "%s%s", i ? ", " : "", option_names[i]);
  int rc = fail(ctx, "ortto: there is no option '%.*s'; the options are %s",
                cut_to(40, name.p, name.n), name.p,
                names.p ? names.p : "");
  buf_free(&names);
  return rc;
}

static int options_fill(context *ctx, ortto_options *o, const char *text, size_t length){
  js all, name, v;
  int rc = ORTTO_OK;
  if( !json_check(text, length, &all) || js_type(all)!='{' )
    return fail(ctx, "ortto: the options must be a JSON object, such as {\"to\":\"api\"}");
  js_iter it = js_in(all);
  while( rc==ORTTO_OK && js_next(&it, &name, &v) ){
    int which = 0;
    while( which<COUNT(option_names) && !js_is(name, option_names[which]) ) which++;
    rc = which<COUNT(option_names) ? option_read(ctx, o, which, v) : option_unknown(ctx, name);
  }
  if( rc==ORTTO_OK && o->to && strcmp(o->to, "segment")==0 && o->api_only )
    rc = fail(ctx, "ortto: the option %s belongs to Ortto's API: it has no effect on what is sent to a "
              "Segment data source. Leave it out, or say \"to\":\"api\"", o->api_only);
  return rc;
}

int options_read(context *ctx, const char *text, size_t length, ortto_options **out){
  ortto_options *o = calloc(1, sizeof *o);
  int rc = ORTTO_OK;
  *out = NULL;
  if( o==NULL ) return no_memory(ctx);
  o->answered = &o->answered_room;
  o->merge_strategy = 2;
  o->find_strategy = -1;
  if( text ){
    o->text = text_copy_n(text, length);
    rc = o->text ? options_fill(ctx, o, o->text, length) : no_memory(ctx);
  }
  if( rc==ORTTO_OK ) *out = o;
  else ortto_options_free(o);
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
