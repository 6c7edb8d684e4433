/*
** create.c - see create.h.
*/
#include "create.h"

#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "schema.h"
#include "value.h"
#include "account.h"

int activities_have(ortto_sending *s, int anew){
  if( s->activities_rc!=ORTTO_OK ){
    set_error(s->endpoint->context, "%s", s->activities_why);
    return s->activities_rc;
  }
  int rc = account_have(s->endpoint, ACCOUNT_ACTIVITIES, anew ? s->begun : ORTTO_KNOWN);
  if( rc==ORTTO_OK ) s->activities_fresh = account_is_new(s->endpoint->account, ACCOUNT_ACTIVITIES, s->begun);
  return rc;
}

/* ---- the type of what is made -------------------------------------------------------------------- */

enum { T_TEXT, T_LARGE_TEXT, T_OBJECT, T_LIST, T_TIME, T_DATE, T_BOOL, T_INTEGER, T_DECIMAL, TYPES };

/* In the order of preference, where several take all values and each is the own type of one of them. */
static const struct { const char *name, *id; } made[TYPES] = {
  [T_TEXT] = { "text", "str:cm:x" },        [T_LARGE_TEXT] = { "large_text", "txt:cm:x" },
  [T_OBJECT] = { "object", "obj:cm:x" },    [T_LIST] = { "multi_select", "sst:cm:x" },
  [T_TIME] = { "time", "tme:cm:x" },        [T_DATE] = { "date", "dtz:cm:x" },
  [T_BOOL] = { "bool", "bol:cm:x" },        [T_INTEGER] = { "integer", "int:cm:x" },
  [T_DECIMAL] = { "decimal", "int:cm:x" },
};

typedef struct typing {            /* of all values under one name; begins as typing_begin gives it */
  int takes, own;                  /* bits of types: that take every one, that are the own type of one */
  js last, clash;                  /* the last value, and the first that no type takes beside those before */
} typing;

static typing typing_begin(void){
  return (typing){ .takes = (1<<TYPES) - 1 };
}

/* The type that a value tells by itself; -1: none. */
static int own_type(ortto_sending *s, js v){
  size_t n;
  int64_t i;
  int year, month, day;
  const char *text, *time;
  switch( js_type(v) ){
    case 0: return js_integer(v, &i) ? T_INTEGER : T_DECIMAL;
    case 't': case 'f': return T_BOOL;
    case '{': return T_OBJECT;
    case '[': return count_elements(v) ? T_LIST : -1;
    case '"': break;
    default: return -1;
  }
  text = js_text(&s->memory, v, &n);
  if( text==NULL ) return -1;                    /* typing_add meets the same want of memory */
  if( n==10 && date_read(text, n, &year, &month, &day) ) return T_DATE;
  if( n>10 && (text[10]=='T' || text[10]==' ') && time_read(&s->memory, text, n, &time) ) return T_TIME;
  return characters(text, n)>TEXT_MAX ? T_LARGE_TEXT : T_TEXT;
}

/* One value more. 0: out of memory. */
static int typing_add(ortto_sending *s, typing *t, js v){
  if( js_type(v)=='n' ) return 1;
  int own = own_type(s, v), before = t->takes;
  for(int i=0; i<TYPES; i++) if( t->takes & 1<<i ){
    ortto_field f = { .id = made[i].id, .name = "", .column = "", .display_type = made[i].name };
    f.type = type_of(f.id, f.display_type);
    cJSON *value = encode(&s->encoder, &f, v);
    if( value==NULL && s->encoder.why[0]==0 ) return 0;
    if( value==NULL ) t->takes &= ~(1<<i);
    cJSON_Delete(value);
  }
  if( own>=0 ) t->own |= 1<<own;
  if( before && t->takes==0 ) t->clash = v;
  else if( t->takes ) t->last = v;
  return 1;
}

/* -1: no type takes all values, or they tell none. */
static int typing_type(const typing *t){
  for(int i=0; i<TYPES; i++) if( t->takes & t->own & 1<<i ) return i;
  for(int i=0; t->own && i<TYPES; i++) if( t->takes & 1<<i ) return i;
  return -1;
}

/* Why that is so, behind "there is no field 'x', and ". NULL: out of memory. */
static const char *typing_why(ortto_sending *s, const typing *t){
  if( t->clash.p==NULL && t->last.p ) return "an empty list does not tell of which type to make it";
  if( t->clash.p==NULL ) return "null does not tell of which type to make it";
  if( t->last.p==NULL )
    return arena_printf(&s->memory, "no type of Ortto's takes %.*s", cut_to(60, t->clash.p, t->clash.n),
                        t->clash.p);
  return arena_printf(&s->memory, "no type of Ortto's takes all that is given for it, %.*s and %.*s",
                      cut_to(60, t->last.p, t->last.n), t->last.p, cut_to(60, t->clash.p, t->clash.n),
                      t->clash.p);
}

/* ---- asking --------------------------------------------------------------------------------------- */

/* 1: made. 0: not, and *again says whether it may be there all the same: it is to be looked up. Then *why is
** the error, to be told where it is not. */
static int create_send(ortto_sending *s, record *r, const char *path, char *body, const char *doing,
                       int *again, const char **why){
  http_request *c = request_new(s->endpoint, "POST", path, body, 0, doing);
  if( c ) c->answered = s->options->answered;
  int rc = c ? request_wait(c) : ORTTO_NOMEM, status = c ? c->status : 0;
  *again = rc==ORTTO_ERROR && c->attempt>0
        && (status==0 || status==400 || status==409 || status==423 || status>=500);
  *why = rc==ORTTO_OK ? NULL : keep(s, s->endpoint->context->error);
  if( rc!=ORTTO_OK && rc!=ORTTO_NOMEM ) refuse_by_call(s, r, c, rc);
  if( rc==ORTTO_NOMEM ) refuse_memory(s, r);
  request_drop(c);
  return rc==ORTTO_OK;
}

/* What was refused before is known under this; NULL when out of memory. */
static const char *memory_key(ortto_sending *s, int kind, const char *what){
  const char *name = kind==MAKE_AUDIENCE ? what : folded(&s->memory, what, strlen(what));
  return name ? arena_printf(&s->memory, "%d%s", kind, name) : NULL;
}

int refused_before(ortto_sending *s, record *r, int kind, const char *what){
  const char *key = memory_key(s, kind, what);
  int at = key ? map_get(&s->refused, key, strlen(key)) : -1;
  if( at<0 ) return 0;
  const ortto_outcome *before = &s->record[at].outcome;
  r->item = NULL;
  outcome_set(r, before->status, before->errortype, before->message);
  r->reason = s->record[at].reason;
  r->reasons = s->record[at].reasons;
  return 1;
}

int refused_remember(ortto_sending *s, const record *r, int kind, const char *what){
  const char *key = memory_key(s, kind, what);
  if( key ) map_put(&s->refused, key, strlen(key), (int)(r - s->record));
  return 0;
}

/* ---- fields --------------------------------------------------------------------------------------- */

typedef struct making {            /* of one folded name */
  const char *type;                /* NULL: it cannot be made */
  const char *why;                 /* then */
  cJSON *choices;                  /* of a list */
} making;

void makings_free(ortto_sending *s){
  for(int i=0; i<s->makings; i++) cJSON_Delete(s->making[i].choices);
  free(s->making);
  map_free(&s->making_by_name);
}

/* One text more for the choices; 0 when out of memory. */
static int choice_add(ortto_sending *s, cJSON *choices, js v){
  const char *choice = js_cstring(&s->memory, v);
  if( choice==NULL ) return 0;
  for(const cJSON *c=choices->child; c; c=c->next) if( strcmp(c->valuestring, choice)==0 ) return 1;
  return choice[0]==0 || json_append(choices, cJSON_CreateString(choice));
}

/* What a value for a list of choices adds to them; 0 when out of memory. */
static int choices_add(ortto_sending *s, cJSON *choices, js v){
  js item;
  v = inner_json(&s->encoder, v, '[');
  if( js_type(v)=='"' ) return choice_add(s, choices, v);
  if( js_type(v)!='[' ) return 1;
  js_iter it = js_in(v);
  while( js_next(&it, NULL, &item) ) if( js_type(item)=='"' && !choice_add(s, choices, item) ) return 0;
  return 1;
}

/* Calls back for each value of that folded name in one object. 0 when out of memory. */
static int values_of(ortto_sending *s, js object, const char *fold, typing *t, cJSON *choices){
  js key, v;
  size_t n;
  if( js_type(object)!='{' ) return 1;
  js_iter it = js_in(object);
  while( js_next(&it, &key, &v) ){
    const char *text = text_clean(&s->memory, key.p, key.n, 1, &n);
    const char *name = text ? folded(&s->memory, text, n) : NULL;
    if( name==NULL ) return 0;
    if( strcmp(name, fold)!=0 ) continue;
    if( t && !typing_add(s, t, v) ) return 0;
    if( choices && !choices_add(s, choices, v) ) return 0;
  }
  return 1;
}

/* All values of that folded name in the records of this call. 0 when out of memory. */
static int values_of_all(ortto_sending *s, const char *fold, typing *t, cJSON *choices){
  static const char *const places[] = { "traits", "fields" };
  for(int i=0; i<s->count; i++) for(int k=0; k<2; k++){
    js object;
    s->encoder.no_memory = 0;
    object = inner_json(&s->encoder, js_get(s->record[i].given, places[k]), '{');
    if( s->encoder.no_memory || !values_of(s, object, fold, t, choices) ) return 0;
  }
  return 1;
}

/* What is to be made of that name; NULL when out of memory. */
static making *making_of(ortto_sending *s, const char *name, size_t n){
  const char *fold = folded(&s->memory, name, n);
  int at = fold ? map_get(&s->making_by_name, fold, strlen(fold)) : -1;
  if( at>=0 ) return &s->making[at];
  typing t = typing_begin();
  making *more = fold ? realloc(s->making, ((size_t)s->makings + 1) * sizeof *more) : NULL;
  if( more ) s->making = more;
  if( more==NULL || !values_of_all(s, fold, &t, NULL) ) return NULL;
  making *m = &more[s->makings];
  int type = typing_type(&t);
  *m = (making){ .type = type<0 ? NULL : made[type].name, .why = type<0 ? typing_why(s, &t) : NULL };
  if( type<0 && m->why==NULL ) return NULL;
  if( type==T_LIST ){
    m->choices = cJSON_CreateArray();
    if( m->choices==NULL || !values_of_all(s, fold, NULL, m->choices) ){
      cJSON_Delete(m->choices);
      return NULL;
    }
  }
  s->makings++;
  if( !map_put(&s->making_by_name, fold, strlen(fold), s->makings-1) ) return NULL;
  return m;
}

int field_makable(ortto_sending *s, record *r, js name){
  size_t blanks = 0;
  while( blanks<name.n && name.p[blanks]==' ' ) blanks++;
  if( blanks==name.n ) return blame(s, r, name, "ortto: a field needs a name");
  if( name.n>=256 ) return blame(s, r, name, "ortto: the name of a field is too long to make one of it");
  if( memchr(name.p, ':', name.n) )
    return blame(s, r, name, "ortto: there is no field '%.*s', and only a field's name can be made a new "
                 "one, not an id", (int)name.n, name.p);
  const making *m = making_of(s, name.p, name.n);
  if( m==NULL ) return refuse_memory(s, r);
  return m->type || blame(s, r, name, "ortto: there is no field '%.*s', and %s", (int)name.n, name.p, m->why);
}

/* The request's body; NULL when out of memory. */
static char *field_body(const char *name, const making *m){
  cJSON *o = cJSON_CreateObject();
  int ok = o && cJSON_AddStringToObject(o, "type", m->type) && cJSON_AddStringToObject(o, "name", name);
  if( ok && m->choices ) ok = json_add(o, "values", cJSON_Duplicate(m->choices, 1));
  if( ok ) return json_print(o);
  cJSON_Delete(o);
  return NULL;
}

int field_create(ortto_sending *s, record *r, const char *name, size_t n){
  static const char *const paths[] = { "/v1/person/custom-field/create", "/v1/accounts/custom-field/create" };
  const char *key = arena_text(&s->memory, name, n), *why, *several;
  const making *m = key ? making_of(s, name, n) : NULL;
  const ortto_field *f;
  int again;
  if( m==NULL ) return refuse_memory(s, r);
  if( refused_before(s, r, MAKE_FIELD, key) ) return 0;
  const char *path = paths[s->verb==ORTTO_UPSERT_ACCOUNTS];
  int sent = create_send(s, r, path, field_body(key, m), "making a custom field", &again, &why);
  if( !sent && !again ) return refused_remember(s, r, MAKE_FIELD, key);
  int rc = fields_made(s);
  if( rc!=ORTTO_OK && (sent || rc==ORTTO_INTERRUPT) ) return refuse_by_call(s, r, NULL, rc);
  if( rc==ORTTO_OK && !field_meant(s, name, n, 1, &f, &several) ) return refuse_memory(s, r);
  if( rc==ORTTO_OK && (f || several) ){
    s->stopped = s->stopped && sent;             /* what was taken for a failure was none */
    refusals_clear(r);
    return 1;
  }
  if( !sent ) return refused_remember(s, r, MAKE_FIELD, key);
  return refuse(s, r, 400, "ortto: a custom field '%s' was made, but is not in the server's list; try again",
                key);
}

/* ---- activities ----------------------------------------------------------------------------------- */

/* An attribute of an activity that is to be made. */
typedef struct attribute {
  const char *name, *fold;
  typing typing;
} attribute;

typedef struct attribute_set {
  attribute list[ATTRIBUTES_MAX];
  int count;                       /* may be more than there is room for */
} attribute_set;

/* One value more; 0 when out of memory. */
static int attribute_add(ortto_sending *s, attribute_set *all, const char *name, js v){
  const char *fold = folded(&s->memory, name, strlen(name));
  int i = 0, kept = all->count<ATTRIBUTES_MAX ? all->count : ATTRIBUTES_MAX;
  if( fold==NULL ) return 0;
  while( i<kept && strcmp(all->list[i].fold, fold)!=0 ) i++;
  if( i==kept ){
    all->count++;
    if( i==ATTRIBUTES_MAX ) return 1;
    all->list[i] = (attribute){ name, fold, typing_begin() };
  }
  return typing_add(s, &all->list[i].typing, v);
}

/* The attributes that the records of this call give to that activity, in the order they come. 0 when out of
** memory. */
static int attributes_of_all(ortto_sending *s, const char *fold, attribute_set *all){
  js key, v;
  for(int i=0; i<s->count; i++){
    const char *event = js_cstring(&s->memory, js_get(s->record[i].given, "event"));
    const char *name = event ? folded(&s->memory, event, strlen(event)) : NULL;
    s->encoder.no_memory = 0;
    js properties = inner_json(&s->encoder, js_get(s->record[i].given, "properties"), '{');
    if( name==NULL || s->encoder.no_memory ) return 0;
    if( strcmp(name, fold)!=0 || js_type(properties)!='{' ) continue;
    js_iter it = js_in(properties);
    while( js_next(&it, &key, &v) ){
      const char *label = js_cstring(&s->memory, js_slice(key.p-1, key.n+2));
      if( label==NULL ) return 0;
      if( js_type(v)=='n' || label[0]==0 || strcmp(label, "int::v")==0 ) continue;
      if( !attribute_add(s, all, label, v) ) return 0;
    }
  }
  return 1;
}

/* Beside nulls, which are not looked at, only an empty list tells no type by itself. */
static int attribute_type(const attribute *a){
  int type = typing_type(&a->typing);
  return type<0 && a->typing.clash.p==NULL ? T_LIST : type;
}

/* One for the definition; 0 when out of memory. */
static int attribute_put(cJSON *list, const attribute *a, int type){
  cJSON *one = cJSON_CreateObject();
  const char *name = type==T_LIST ? "text_list" : made[type].name;
  int ok = one && cJSON_AddStringToObject(one, "name", a->name)
        && cJSON_AddStringToObject(one, "display_type", name)
        && cJSON_AddStringToObject(one, "field_id", "do-not-map");
  if( ok ) return json_append(list, one);
  cJSON_Delete(one);
  return 0;
}

/* NULL when out of memory. */
static char *activity_body(const char *name, const attribute_set *all){
  cJSON *o = cJSON_CreateObject(), *list = o ? cJSON_AddArrayToObject(o, "attributes") : NULL;
  int ok = list && cJSON_AddStringToObject(o, "name", name)
        && cJSON_AddStringToObject(o, "icon_id", "moneys-illustration-icon")
        && cJSON_AddBoolToObject(o, "track_conversion_value", 0) && cJSON_AddBoolToObject(o, "touch", 1)
        && cJSON_AddBoolToObject(o, "filterable", 1) && cJSON_AddBoolToObject(o, "visible_in_feeds", 1);
  cJSON *style = ok ? cJSON_AddObjectToObject(o, "display_style") : NULL;
  ok = style && cJSON_AddStringToObject(style, "type", "activity");
  for(int i=0; ok && i<all->count; i++)
    ok = attribute_put(list, &all->list[i], attribute_type(&all->list[i]));
  if( ok ) return json_print(o);
  cJSON_Delete(o);
  return NULL;
}

/* Can the activity be made with these? Else the record is refused. */
static int attributes_check(ortto_sending *s, record *r, const char *name, const attribute_set *all){
  if( all->count>ATTRIBUTES_MAX )
    return refuse(s, r, 400, "ortto: an activity takes at most %d attributes, and the records of this call "
                  "give '%.60s' %d", ATTRIBUTES_MAX, name, all->count);
  for(int i=0; i<all->count; i++){
    const attribute *a = &all->list[i];
    if( attribute_type(a)>=0 ) continue;
    const char *why = typing_why(s, &a->typing);
    if( why==NULL ) return refuse_memory(s, r);
    blame(s, r, named(a->name), "ortto: the attribute '%.60s' cannot be made: %s", a->name, why);
    return 0;
  }
  return 1;
}

static int attributes_given(js properties){
  js key, v;
  int count = 0;
  if( !is_present(properties) ) return 0;
  js_iter it = js_in(properties);
  while( js_next(&it, &key, &v) ) count += js_type(v)!='n';
  return count;
}

int activity_create(ortto_sending *s, record *r, const char *name, js properties){
  attribute_set all = { .count = 0 };
  int again;
  const char *why, *fold;
  if( attributes_given(properties)>ATTRIBUTES_MAX )
    return refuse(s, r, 400, "ortto: an activity takes at most %d attributes", ATTRIBUTES_MAX);
  if( properties.n>ACTIVITY_MAX )
    return refuse(s, r, 400, "ortto: the activity has more than %d bytes, which is what Ortto takes",
                  ACTIVITY_MAX);
  if( refused_before(s, r, MAKE_ACTIVITY, name) ) return 0;
  fold = folded(&s->memory, name, strlen(name));
  if( fold==NULL || !attributes_of_all(s, fold, &all) ) return refuse_memory(s, r);
  if( !attributes_check(s, r, name, &all) ) return refused_remember(s, r, MAKE_ACTIVITY, name);
  char *body = activity_body(name, &all);
  int sent = create_send(s, r, "/v1/definitions/activity/create", body, "making an activity definition",
                         &again, &why);
  if( !sent && !again ) return refused_remember(s, r, MAKE_ACTIVITY, name);
  int rc = account_have(s->endpoint, ACCOUNT_ACTIVITIES, ORTTO_ANEW);
  if( rc!=ORTTO_OK && (sent || rc==ORTTO_INTERRUPT) ) return refuse_by_call(s, r, NULL, rc);
  if( rc!=ORTTO_OK ) return refused_remember(s, r, MAKE_ACTIVITY, name);
  const activity_type *t;
  const char *several;
  if( !activity_meant(s, name, &t, &several) ) return refuse_memory(s, r);
  if( !t && !several && !sent ) return refused_remember(s, r, MAKE_ACTIVITY, name);
  s->stopped = s->stopped && sent;               /* what was taken for a failure was none */
  refusals_clear(r);
  return 1;
}

/* ---- activities by name --------------------------------------------------------------------------- */

static const char *activity_at(const activity_type *t, int step){
  return step==0 ? t->id : step==1 ? t->name : t->fold;
}

int activity_meant(ortto_sending *s, const char *name, const activity_type **out, const char **several){
  const activity_types *all = s->endpoint->account->activities;
  const char *fold = NULL;
  *out = NULL;
  *several = NULL;
  for(int step=0; step<3 && *out==NULL; step++){
    if( step==2 ) fold = folded(&s->memory, name, strlen(name));
    if( step==2 && fold==NULL ) return 0;
    for(int i=0; i<all->count; i++){
      const activity_type *t = &all->type[i];
      if( strcmp(activity_at(t, step), fold ? fold : name)!=0 ) continue;
      if( *out && *several==NULL && !ids_add(s, several, (*out)->id) ) return 0;
      if( *out && !ids_add(s, several, t->id) ) return 0;
      if( *out==NULL ) *out = t;
    }
  }
  if( *several ) *out = NULL;
  return 1;
}
