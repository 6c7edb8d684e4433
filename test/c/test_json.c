/*
** test_json.c - what is JSON, and where each value of a text stands: the reader against a second one, below,
** that is slow and plain, on texts by hand and on hundreds of thousands that were changed at random.
**
**   SEED=n    what the changes are made from (printed; default: the time)
**   TEXTS=n   how many (default 200,000)
*/
#define _GNU_SOURCE
#include "harness.h"

#include "../../src/json.h"

#define COUNT(array) ((int)(sizeof(array)/sizeof(*(array))))

/* ---- the second reader: by the grammar of RFC 8259, one function for each of its rules ---------------- */

typedef struct found {             /* a value; of a member the name too */
  size_t from, n, name_from, name_n;
  int depth, named;
} found;

static found *trace;               /* in the order of the text */
static int traced, trace_room;
static const char *whole, *text_end;

static const char *value_rule(const char *p, int depth, int holders, found f);

static const char *blank_rule(const char *p){
  while( p<text_end && *p && strchr(" \t\r\n", *p) ) p++;
  return p;
}

static const char *word_rule(const char *p, const char *word){
  for(; *word; word++, p++) if( p>=text_end || *p!=*word ) return NULL;
  return p;
}

static int is_one_of(const char *p, const char *set){
  return p<text_end && *p && strchr(set, *p);
}

static const char *digits_rule(const char *p){   /* one or more */
  if( !is_one_of(p, "0123456789") ) return NULL;
  while( is_one_of(p, "0123456789") ) p++;
  return p;
}

static const char *number_rule(const char *p){
  if( is_one_of(p, "-") ) p++;
  p = is_one_of(p, "0") ? p + 1 : digits_rule(p);
  if( p && is_one_of(p, ".") ) p = digits_rule(p + 1);
  if( p && is_one_of(p, "eE") ){
    p++;
    if( is_one_of(p, "+-") ) p++;
    p = digits_rule(p);
  }
  return p;
}

static const char *string_rule(const char *p){
  if( !is_one_of(p, "\"") ) return NULL;
  for(p++; p<text_end && *p!='"'; p++){
    if( (unsigned char)*p<0x20 ) return NULL;
    if( *p!='\\' ) continue;
    p++;
    if( is_one_of(p, "\"\\/bfnrt") ) continue;
    if( !is_one_of(p, "u") ) return NULL;
    for(int i=0; i<4; i++) if( !is_one_of(++p, "0123456789abcdefABCDEF") ) return NULL;
  }
  return p<text_end ? p + 1 : NULL;
}

static const char *member_rule(const char *p, int depth, int holders, int named){
  found f = { .named = named };
  if( named ){
    const char *name = p;
    p = string_rule(p);
    if( p==NULL ) return NULL;
    f.name_from = (size_t)(name - whole) + 1;
    f.name_n = (size_t)(p - name) - 2;
    p = blank_rule(p);
    if( !is_one_of(p, ":") ) return NULL;
    p = blank_rule(p + 1);
  }
  return value_rule(p, depth, holders, f);
}

/* An object or a list; only those that hold something count for the depth. */
static const char *holder_rule(const char *p, int depth, int holders){
  int named = *p=='{';
  const char *close = named ? "}" : "]";
  p = blank_rule(p + 1);
  if( is_one_of(p, close) ) return p + 1;
  if( holders==1000 ) return NULL;
  for(;;){
    p = member_rule(p, depth + 1, holders + 1, named);
    if( p==NULL ) return NULL;
    p = blank_rule(p);
    if( is_one_of(p, close) ) return p + 1;
    if( !is_one_of(p, ",") ) return NULL;
    p = blank_rule(p + 1);
  }
}

static const char *value_rule(const char *p, int depth, int holders, found f){
  int at = traced++;
  const char *from = p;
  if( traced>trace_room ){
    trace_room = trace_room ? 2*trace_room : 1024;
    void *grown = realloc(trace, (size_t)trace_room * sizeof *trace);
    if( grown==NULL ) fail_msg("out of memory");
    trace = grown;
  }
  if( p>=text_end ) return NULL;
  switch( *p ){
    case '{': case '[': p = holder_rule(p, depth, holders); break;
    case '"': p = string_rule(p); break;
    case 't': p = word_rule(p, "true"); break;
    case 'f': p = word_rule(p, "false"); break;
    case 'n': p = word_rule(p, "null"); break;
    default: p = number_rule(p);
  }
  if( p==NULL ) return NULL;
  f.from = (size_t)(from - whole);
  f.n = (size_t)(p - from);
  f.depth = depth;
  trace[at] = f;
  return p;
}

static int second_check(const char *text, size_t n){
  whole = text;
  text_end = text + n;
  traced = 0;
  const char *p = value_rule(blank_rule(text), 0, 0, (found){ 0 });
  return p && blank_rule(p)==text_end;
}

/* ---- comparing ----------------------------------------------------------------------------------------- */

static uint64_t seed;
static long number;                /* of the text */
static js_nodes nodes;             /* the same memory for all texts, as a read has it */

static void differ(const char *text, size_t n, const char *what){
  print_error("SEED=%llu, text %ld: %s\n", (unsigned long long)seed, number, what);
  for(size_t i=0; i<n && i<2000; i++){
    unsigned char c = (unsigned char)text[i];
    if( c<0x20 || c>=0x7F ) print_error("\\x%02x", c);
    else print_error("%c", c);
  }
  fail_msg("%s", "\nthe readers differ");
}

static arena memory;

/* Everything inside v as it is stepped over, against the trace; *at goes on. */
static int step_all(const char *text, js v, int depth, int *at){
  js name = { 0 }, inner;
  const found *f = &trace[(*at)++];
  if( v.p!=text + f->from || v.n!=f->n || f->depth!=depth ) return 0;
  char type = js_type(v);
  if( type!='{' && type!='[' ) return 1;
  js_iter it = js_in(v);
  while( js_next(&it, type=='{' ? &name : NULL, &inner) ){
    if( *at==traced ) return 0;
    f = &trace[*at];
    if( type=='{' && (name.p!=text + f->name_from || name.n!=f->name_n) ) return 0;
    if( !step_all(text, inner, depth + 1, at) ) return 0;
  }
  return 1;
}

/* What nodes say about a string must not change its text. */
static int same_texts(const js_nodes *of, const char *text){
  for(uint32_t i=0; i<of->count; i++){
    size_t a_n, b_n;
    const js_node *node = &of->node[i];
    js v = { text + node->at, node->n, node };
    if( js_type(v)!='"' ) continue;
    const char *a = js_text(&memory, v, &a_n), *b = js_text(&memory, js_slice(v.p, v.n), &b_n);
    if( a==NULL || b==NULL || a_n!=b_n || memcmp(a, b, a_n)!=0 ) return 0;
    if( !utf8_is_sound(a, a_n) ) return 0;
  }
  arena_reset(&memory);
  return 1;
}

/* The text must be terminated. Returns whether it is JSON. */
static int compare(const char *text, size_t n){
  js walked, read;
  int good = second_check(text, n), at = 0, again = 0;
  if( json_check(text, n, &walked)!=good ) differ(text, n, good ? "check refuses" : "check accepts");
  if( json_read(&nodes, text, n, &read)!=good ) differ(text, n, good ? "read refuses" : "read accepts");
  char *bare = malloc(n ? n : 1);                /* with nothing behind it that could be looked at */
  js value;
  memcpy(bare, text, n);
  if( json_check(bare, n, &value)!=good ) differ(text, n, "what stands behind the text matters");
  free(bare);
  if( !good ) return 0;
  if( walked.node || read.node==NULL ) differ(text, n, "nodes are missing");
  if( !step_all(text, walked, 0, &at) || at!=traced ) differ(text, n, "walking goes wrong");
  if( !step_all(text, read, 0, &again) || again!=traced ) differ(text, n, "stepping over nodes goes wrong");
  if( nodes.count!=(uint32_t)traced ) differ(text, n, "there are more nodes than values");
  if( !same_texts(&nodes, text) ) differ(text, n, "a string's text differs");
  return 1;
}

/* ---- by hand ------------------------------------------------------------------------------------------- */

static const char *const right[] = {
  "{}", "[]", " [ ] ", "\t{\r\n}\n", "null", "true", "false", "0", "-0", "-0.0", "10", "1.5", "1e5", "1E+5",
  "-12.5e-10", "\"\"", "\" \"", "\"a\"", "\"\x7f\"", "[1,2]", "[[],{}]", "{\"a\":1}", "{\"a\" : [ 1 , 2 ] }",
  "{\"a\":1,\"a\":2}", "{\"\":\"\"}", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\u0000\"", "\"\\uD83D\\uDE00\"",
  "\"\\ud83d\"", "\"\\uDE00\\uD83D\"", "\"\\uD83D\\u0041\"", "\"\\uabCD\"",
  "\"1234567\"", "\"12345678\"", "\"123456789\"", "\"1234567\\n\"", "\"12345678\\n\"", "\"\xc3\xa9\"",
  "\"1234567\xc3\xa9\"", "\"12345678\xc3\xa9\"", "\"\xf0\x9f\x98\x80\"",
  /* bytes that are no UTF-8 are mended, not refused */
  "\"\xff\"", "\"\x80\"", "\"\xc3\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"",
  "\"abcdefgh\xe2\x82\"",
  "123456789012345678901234567890", "1e999", "[\"a\\\\\",\"]\"]", "{\"a\\\"b\":\"c}\"}", "[ \"[\" ]",
  "{\"contacts\":[{\"id\":\"0068dc6c8ad2d00004a4dd00\",\"fields\":{\"bol::p\":false,"
  "\"c\":\"2025-09-30T23:49:30Z\","
  "\"dtz::b\":{\"year\":1999,\"month\":8,\"day\":24,\"timezone\":\"Europe/Lisbon\"},"
  "\"geo::city\":{\"id\":2267057,"
  "\"name\":\"S\xc3\xa3o Paulo\"},\"int::e\":40,\"phn::phone\":{\"c\":\"254\",\"n\":\"475770237\"},"
  "\"str::first\":"
  "\"Zo\\u00eb\",\"str::last\":null,\"sst:cm:interests\":[\"Pro\",\"Business \\\\ \\\"Plus\\\"\"]}},{\"id\":"
  "\"0068dc6a13d2d00004a4da00\",\"fields\":{}}],\"meta\":{\"total_matches\":983},"
  "\"offset\":0,\"next_offset\":2,"
  "\"cursor_id\":\"6910f2b4a1b2c3d4e5f60718\",\"has_more\":true}",
  ("{ \"activities\" : [ { \"attr\" : { \"str::is\" : \"API\" } ,\n "
   "\"render_cmds\" : [ { \"content\" : \".\" } ] } ] }"),
};

static const char *const wrong[] = {
  "", " ", "{", "}", "[", "]", "[}", "{]", "nul", "nulL", "truee", "True", "fals", "01", "-", "-a", "+1",
  ".5",
  "1.", "1.e5", "1e", "1e+", "0x10", "1 2", "NaN", "Infinity", "-Infinity", "[1,]", "[,1]", "[1,,2]", "[1 2]",
  "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{\"a\":1 \"b\":2}", "{a:1}", "{1:1}", "{\"a\",1}", "[\"a\":1]",
  "\"", "\"a", "\"\\\"", "\"\\", "\"\\u", "\"\\u12\"", "\"\\u123g\"", "\"\\U0041\"", "\"\\x41\"", "\"\\'\"",
  "\"\t\"", "\"\n\"", "\"\x01\"", "\"\x1f\"", "\"1234567\x1f\"", "\"12345678\x1f\"", "'a'", "{}x", "{} {}",
  "[]]", "[1]//", "/**/1", "\xef\xbb\xbf{}", "\v[]", "[]\f", "[\xa0]", "{\"a\n\":1}", "\"a\"\"b\"",
  "[true false]",
};

static void test_by_hand(void **state){
  (void)state;
  js v;
  static const struct { const char *text; size_t n; } nul[] = {
    { "\0", 1 }, { "{}\0", 3 }, { "[1]\0 ", 5 }, { "\"a\0b\"", 5 }, { "[\0]", 3 }, { "1\0", 2 },
    { "{\"a\0\":1}", 8 }, { "\"\\\0\"", 4 },
  };
  for(int i=0; i<COUNT(right); i++)
    if( !compare(right[i], strlen(right[i])) ) fail_msg("refused: %s", right[i]);
  for(int i=0; i<COUNT(wrong); i++)
    if( compare(wrong[i], strlen(wrong[i])) ) fail_msg("accepted: %s", wrong[i]);
  for(int i=0; i<COUNT(nul); i++) if( compare(nul[i].text, nul[i].n) ) fail_msg("a NUL is accepted: %d", i);
  for(int i=0; i<COUNT(right); i++)              /* cut off anywhere */
    for(size_t n=0; n<strlen(right[i]); n++){
      char *part = text_copy_n(right[i], n);
      compare(part, n);
      free(part);
    }
  assert_true(json_check("[1,2]]", 5, &v));      /* the length counts, not what follows */
  assert_int_equal(count_elements(v), 2);
}

static void fill(buf *b, char c, int n){
  while( n-->0 ) buf_add(b, &c, 1);
}

static void test_depth(void **state){
  (void)state;
  for(int depth=998; depth<=1003; depth++) for(int kind=0; kind<3; kind++){
    static const char *const inner[] = { "", "1", "{}" };
    buf b = { 0 };
    fill(&b, '[', depth);
    buf_puts(&b, inner[kind]);
    fill(&b, ']', depth);
    /* A list that is empty holds nothing, and is no level. */
    if( compare(b.p, b.n)!=(depth - (kind==0)<=1000) ) fail_msg("depth %d, kind %d", depth, kind);
    buf_free(&b);
  }
}

/* ---- changed at random --------------------------------------------------------------------------------- */

static uint64_t chance_state;

static unsigned chance(unsigned below){          /* xorshift64 */
  chance_state ^= chance_state<<13;
  chance_state ^= chance_state>>7;
  chance_state ^= chance_state<<17;
  return (unsigned)(chance_state>>20) % below;
}

#define MOST 4000

static size_t put_in(char *text, size_t n, size_t at, const char *what, size_t what_n){
  if( n + what_n>MOST ) return n;
  memmove(text + at + what_n, text + at, n - at);
  memcpy(text + at, what, what_n);
  return n + what_n;
}

static size_t take_out(char *text, size_t n, size_t at, size_t what_n){
  if( what_n>n - at ) what_n = n - at;
  memmove(text + at, text + at + what_n, n - at - what_n);
  return n - what_n;
}

static size_t change(char *text, size_t n){
  static const char usual[] = "{}[]\",:\\u0123456789abefnrtEul+-. \n\t\r\0\x1f\x7f\x80\xc3\xff\"\"\\\\";
  size_t at = chance((unsigned)n + 1), from = chance((unsigned)n + 1), part = 1 + chance(30);
  char c = chance(4) ? usual[chance(sizeof usual - 1)] : (char)chance(256), copy[40];
  const char *other = right[chance(COUNT(right))];
  switch( chance(6) ){
    case 0: return put_in(text, n, at, &c, 1);
    case 1: return take_out(text, n, at, 1);
    case 2: return take_out(text, n, at, part);
    case 3:
      if( part>n - from ) part = n - from;
      memcpy(copy, text + from, part);
      return put_in(text, n, at, copy, part);
    case 4: return put_in(text, n, at, other, strlen(other));
    default:
      if( at<n ) text[at] = c;
      return n;
  }
}

static void test_changed(void **state){
  const char *texts = getenv("TEXTS"), *given = getenv("SEED");
  long most = texts ? strtol(texts, NULL, 10) : 200000, good = 0;
  char text[MOST + 1];
  (void)state;
  seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
  chance_state = seed*0x9E3779B97F4A7C15u | 1;
  print_message("SEED=%llu\n", (unsigned long long)seed);
  for(number=1; number<=most; number++){
    const char *begin = right[chance(COUNT(right))];
    size_t n = strlen(begin);
    memcpy(text, begin, n);
    for(unsigned i=1+chance(4); i>0; i--) n = change(text, n);
    text[n] = 0;
    good += compare(text, n);
  }
  print_message("%ld texts, %ld of them JSON\n", most, good);
  assert_true(good>most/20);
  assert_true(good<most - most/20);
}

/* ---- what must not be held in memory ------------------------------------------------------------------- */

static void test_too_many_values(void **state){
  (void)state;
  js v, item;
  buf b = { 0 };
  js_nodes many = { 0 };
  buf_puts(&b, "[");
  for(unsigned i=0; i<NODES_MAX-2; i++) buf_puts(&b, "1,");
  buf_puts(&b, "1]");
  assert_true(json_read(&many, b.p, b.n, &v));   /* as many as there may be */
  assert_int_equal(many.count, NODES_MAX);
  assert_int_equal(many.room, NODES_MAX);
  assert_non_null(v.node);
  assert_int_equal(count_elements(v), NODES_MAX-1);
  b.p[b.n-1] = ',';
  buf_puts(&b, "{\"a\":[2]}]");
  assert_true(json_read(&many, b.p, b.n, &v));   /* and more: no memory is held, values are walked */
  assert_null(v.node);
  assert_null(many.node);
  assert_int_equal(count_elements(v), NODES_MAX);
  for(js_iter it=js_in(v); js_next(&it, NULL, &item); );
  assert_true(js_type(js_get(item, "a"))=='[');
  b.p[b.n-1] = '}';
  assert_false(json_read(&many, b.p, b.n, &v));  /* no less strict there */
  assert_true(json_read(&many, "[1]", 3, &v));
  assert_non_null(v.node);
  js_nodes_free(&many);
  buf_free(&b);
}

/* A node has 16 bits for how far its name is away. */
static void test_far_names(void **state){
  (void)state;
  js_nodes few = { 0 };
  for(int n=65500; n<65570; n++) for(int blank=0; blank<2; blank++){
    js v;
    buf b = { 0 };
    int64_t i = 0;
    buf_puts(&b, "{\"z\":[1,2],\"");
    fill(&b, 'n', blank ? 1 : n);
    buf_puts(&b, "\":");
    fill(&b, ' ', blank ? n : 0);
    buf_puts(&b, "7,\"last\":[3,4,5]}");
    assert_true(json_read(&few, b.p, b.n, &v));
    assert_int_equal(v.node!=NULL, n + (blank ? 3 : 2)<=65535);
    assert_int_equal(count_elements(js_get(v, "last")), 3);
    if( blank ) assert_true(js_integer(js_get(v, "n"), &i) && i==7);
    buf_free(&b);
  }
  js_nodes_free(&few);
}

static int done(void **state){
  (void)state;
  js_nodes_free(&nodes);
  arena_free(&memory);
  free(trace);
  return 0;
}

int main(void){
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_by_hand), cmocka_unit_test(test_depth), cmocka_unit_test(test_changed),
    cmocka_unit_test(test_too_many_values), cmocka_unit_test(test_far_names),
  };
  return cmocka_run_group_tests_name("json", tests, NULL, done);
}
