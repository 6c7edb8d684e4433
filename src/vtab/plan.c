/*
** plan.c - see plan.h.
*/
#include "plan.h"

#include <string.h>

#include "connection.h"
#include "sql.h"
#include "table.h"

typedef struct plan {
  sqlite3_index_info *info;
  table *t;
  sqlite3_str *words, *code;       /* the two halves of idxStr */
  int args;                        /* that xFilter gets */
  int hidden_given;                /* a hidden column has a value */
  int hidden_bare;                 /* one would be read without */
  int scoped;                      /* and it is scope: nothing else can be asked of the server */
  int keyed;                       /* rows are fetched by id */
  int pushed;                      /* the server is asked to apply a condition */
  int left;                        /* there are constraints that SQLite still has to check */
  int dependent;                   /* a column equals what may come from a row outside */
  int looked_up;                   /* by a key that may */
  int by_key;                      /* by a text, or a list of them */
  int limited;                     /* by LIMIT */
  double rows, cost;
} plan;

#define REQUEST_COST 10000.0       /* of one request; a local row costs about one */
/* Of one id. */
#define LOOKUP_COST 200.0
/* Of one key, where SQLite knows of no table how long it is. */
#define LOOKUP_COST_BLIND 50.0
#define ROWS_GUESS 10000.0
#define PAGE_ROWS 500.0
/* Where a hidden column would be read without a value: such plans keep their order, behind all others. */
#define BARE_COST 1e25

static void plan_argument(plan *p, int constraint, int omit, char token, int column){
  p->info->aConstraintUsage[constraint].argvIndex = ++p->args;
  p->info->aConstraintUsage[constraint].omit = (unsigned char)omit;
  sqlite3_str_appendf(p->code, column>=0 ? " %c%d" : " %c", token, column);
}

static void plan_words(plan *p, const char *format, const char *column){
  if( sqlite3_str_length(p->words) ) sqlite3_str_appendall(p->words, ", ");
  sqlite3_str_appendf(p->words, format, column);
}

static int has_statistics(const plan *p){
  return sqlite3_table_column_metadata(p->t->conn->db, NULL, "sqlite_stat1", NULL, NULL, NULL, NULL, NULL,
                                       NULL)==SQLITE_OK;
}

static int is_in(plan *p, int i){
  return p->info->aConstraint[i].op==SQLITE_INDEX_CONSTRAINT_EQ && sqlite3_vtab_in(p->info, i, -1);
}

int is_limit(unsigned char op){
  return op==SQLITE_INDEX_CONSTRAINT_LIMIT || op==SQLITE_INDEX_CONSTRAINT_OFFSET;
}

/* One value, or a list of audiences; that it is a list of others is an error. */
static int plan_hidden_value(plan *p, int i, int column){
  const char *name = ortto_hidden_column(p->t->kind, column-1);
  int list = is_in(p, i);
  if( list && strcmp(name, "audience")!=0 ) return hidden_misused(p->t, column);
  if( list ) sqlite3_vtab_in(p->info, i, 1);
  plan_argument(p, i, 1, list ? 'H' : 'h', column);
  plan_words(p, list ? "%s IN list" : "%s given", name);
  p->hidden_given = 1;
  if( strcmp(name, "scope")==0 ) p->scoped = 1;
  return SQLITE_OK;
}

/* A second value. From audience = A OR audience = B SQLite makes an IN, and newer versions show it to the
** arms of the OR beside their own =: so where a list is among the two another plan is to be taken, and only
** if there is none it is an error. Two plain ones are an error at once, for SQLite may find out by itself
** that they contradict each other, and ask for nothing. */
static int plan_hidden_twice(plan *p, int column, int list){
  if( !list ) return hidden_twice(p->t, column);
  sqlite3_str_appendf(p->code, " t%d", column);
  p->hidden_bare = 1;
  return SQLITE_OK;
}

/* Hidden columns that the table's own arguments give. */
static unsigned plan_steered(plan *p){
  unsigned fixed = 0;
  for(int i=1; i<=p->t->hidden_columns; i++) if( table_steered(p->t, i) ){
    fixed |= 1u<<i;
    plan_words(p, "%s given", ortto_hidden_column(p->t->kind, i-1));
  }
  p->hidden_given = fixed!=0;
  return fixed;
}

/* Hidden columns: equality is a value, anything else an error. */
static int plan_hidden(plan *p){
  unsigned fixed = plan_steered(p), seen = fixed, late = 0, lists = 0;
  int rc = SQLITE_OK;
  for(int i=0; rc==SQLITE_OK && i<p->info->nConstraint; i++){
    const struct sqlite3_index_constraint *c = &p->info->aConstraint[i];
    unsigned bit = c->iColumn>0 && c->iColumn<=p->t->hidden_columns ? 1u<<c->iColumn : 0;
    if( is_limit(c->op) || bit==0 ) continue;
    if( fixed & bit ) return steered_twice(p->t, c->iColumn);
    if( c->op!=SQLITE_INDEX_CONSTRAINT_EQ ) return hidden_misused(p->t, c->iColumn);
    if( is_in(p, i) ) lists |= bit;
    if( (seen | late) & bit ) rc = plan_hidden_twice(p, c->iColumn, (lists & bit)!=0);
    else if( !c->usable ) late |= bit;
    else{
      seen |= bit;
      rc = plan_hidden_value(p, i, c->iColumn);
    }
  }
  unsigned hidden = ((1u << p->t->hidden_columns) - 1) << 1;
  p->hidden_bare |= late!=0 || ((unsigned)p->info->colUsed & hidden & ~seen)!=0;
  return rc;
}

static int has_collation(plan *p, int i, const char *name){
  return sqlite3_stricmp(sqlite3_vtab_collation(p->info, i), name)==0;
}

static int is_binary(plan *p, int i){
  return has_collation(p, i, "BINARY");
}

/* Its value does not stand in the statement. */
static int is_dependent(plan *p, int i){
  sqlite3_value *v = NULL;
  if( is_in(p, i) ) return 0;
  return sqlite3_vtab_rhs_value(p->info, i, &v)!=SQLITE_OK || v==NULL;
}

static void plan_dependent(plan *p){
  if( !p->dependent ) sqlite3_str_appendall(p->code, " d");
  p->dependent = 1;
}

/* What asking by keys costs, where it would cost that much otherwise. A list of two pages is as well
** read. */
static double key_cost(plan *p, double cost){
  int64_t total = p->t->conn->total[p->t->kind];
  if( (total && total<=2*(int64_t)PAGE_ROWS) || has_statistics(p) ) return cost;
  return cost<LOOKUP_COST_BLIND ? cost : LOOKUP_COST_BLIND + p->rows;
}

/* The keys that will be asked for, in one list. */
static int plan_hints(plan *p, int column, int same){
  for(int i=0; i<p->info->nConstraint; i++){
    const struct sqlite3_index_constraint *c = &p->info->aConstraint[i];
    if( !c->usable || is_limit(c->op) || (c->iColumn!=column && c->iColumn!=same) ) continue;
    if( !is_binary(p, i) || !is_in(p, i) || p->info->aConstraintUsage[i].argvIndex ) continue;
    if( !sqlite3_vtab_in(p->info, i, 1) ) continue;
    plan_argument(p, i, 0, 'b', column);
    return 1;
  }
  return 0;
}

static void plan_looked_up(plan *p, int column, int same, const char *name){
  int many = plan_hints(p, column, same);
  plan_words(p, many ? "looked up by %s, 100 at a time" : "looked up by %s", name);
  p->looked_up = 1;
}

/* Is one key of that column to be looked up, so that a list of them is but a hint? */
static int has_dependent(plan *p, int column){
  for(int i=0; i<p->info->nConstraint; i++){
    const struct sqlite3_index_constraint *c = &p->info->aConstraint[i];
    int equal = c->op==SQLITE_INDEX_CONSTRAINT_EQ || c->op==SQLITE_INDEX_CONSTRAINT_IS;
    if( equal && c->usable && c->iColumn==column && is_binary(p, i) && is_dependent(p, i) ) return 1;
  }
  return 0;
}

/* A program may have put a collation of its own in the place of NOCASE: does that find equal what SQLite's
** does not, so that rows cannot be found by it (match_key.h)? */
static int is_nocase_replaced(plan *p){
  sqlite3_int64 more = 1;
  int rc = sql_integer(p->t->conn->db, &more, "SELECT count(*) FROM (SELECT 'a' AS a, 'b' AS b "
                       "UNION ALL VALUES('\u00e4', '\u00c4'), ('e', '\u00e9'), ('ss', '\u00df'), ('1', '01'),"
                       "('ab', 'a b'), ('ab', 'a-b'), ('a', 'a ')) WHERE a = b COLLATE NOCASE");
  return rc!=SQLITE_OK || more;
}

/* Are rows that this comparison finds equal under one number? */
static int is_known(plan *p, int i){
  if( is_binary(p, i) || has_collation(p, i, "RTRIM") ) return 1;
  return has_collation(p, i, "NOCASE") && !is_nocase_replaced(p);
}

/* Found by what is compared in a list that is here. */
static void plan_local(plan *p, int i, int column, const char *name){
  int op = p->info->aConstraint[i].op, dependent = is_dependent(p, i);
  int known = is_known(p, i);
  if( is_in(p, i) || (!known && op!=SQLITE_INDEX_CONSTRAINT_EQ) ) return;
  plan_argument(p, i, 0, !known ? 'X' : op==SQLITE_INDEX_CONSTRAINT_EQ ? 'x' : 'y', column);
  if( !known || !dependent ) return;
  if( !p->looked_up ) plan_words(p, p->dependent ? "by %s" : "read once, looked up by %s", name);
  plan_dependent(p);
}

/* One column, perhaps under a second name, by its value or by a list: the id, or the feed's person. */
static int plan_key(plan *p, int column, int same, const char *tokens, const char *one, const char *list){
  int best = -1;
  for(int i=0; i<p->info->nConstraint; i++){
    const struct sqlite3_index_constraint *c = &p->info->aConstraint[i];
    if( c->op!=SQLITE_INDEX_CONSTRAINT_EQ || (c->iColumn!=column && c->iColumn!=same) ) continue;
    if( !c->usable || !is_binary(p, i) ) continue;
    if( best<0 || !is_in(p, i) ) best = i;
  }
  if( best<0 ) return 0;
  int all_at_once = is_in(p, best) && sqlite3_vtab_in(p->info, best, 1), dependent = is_dependent(p, best);
  int by_id = column==0 && is_contact_table(p->t);
  plan_argument(p, best, 0, tokens[all_at_once], -1);
  if( dependent && by_id ) plan_looked_up(p, column, same, "id");
  else plan_words(p, all_at_once ? list : one, NULL);
  p->rows = all_at_once ? 25 : 1;
  p->cost = LOOKUP_COST + p->rows;
  if( by_id ) p->cost = key_cost(p, p->cost);
  if( !all_at_once && by_id && !is_in(p, best) ) p->info->idxFlags |= SQLITE_INDEX_SCAN_UNIQUE;
  p->keyed = 1;
  return 1;
}

static const ortto_field *plan_field(const plan *p, int column){
  int i = column_field(p->t, column);
  return i>0 ? &p->t->fields->field[i] : NULL;
}

/* Text and email fields: there the server compares as SQLite does, or more loosely. */
static int can_equal(const ortto_field *f){
  int text = strcmp(f->display_type, "text")==0 || strcmp(f->display_type, "email")==0;
  return text && strncmp(f->id, "str:", 4)==0;
}

/* Not large text, lists, sets, tags, objects. */
static int can_be_absent(const ortto_field *f){
  return f->type!=ORTTO_JSON && strncmp(f->id, "txt:", 4)!=0 && strcmp(f->display_type, "large_text")!=0;
}

static void plan_rows(plan *p, double factor, double least){
  double rows = p->rows * factor;
  p->rows = rows<least ? least : rows;
  p->pushed = 1;
}

/* A text, or one of a list. A list that SQLite hands over value by value is not pushed. */
static void plan_equal(plan *p, int i, const ortto_field *f){
  const struct sqlite3_index_constraint *c = &p->info->aConstraint[i];
  int in = is_in(p, i), email = strcmp(f->display_type, "email")==0, dependent = is_dependent(p, i);
  const char *tokens = dependent ? "es" : "ES";
  if( p->info->aConstraintUsage[i].argvIndex || (in && has_dependent(p, c->iColumn)) ) return;
  if( in && !sqlite3_vtab_in(p->info, i, 1) ) return;
  plan_argument(p, i, 0, in ? 'i' : tokens[c->op==SQLITE_INDEX_CONSTRAINT_IS], c->iColumn);
  plan_rows(p, email ? 0.0002 : 0.02, in ? 25 : 2);
  p->by_key = 1;
  if( !dependent ) plan_words(p, in ? "filter: %s IN list (if none is '')" : "filter: %s = value", f->column);
  if( !dependent ) return;
  plan_looked_up(p, c->iColumn, c->iColumn, f->column);
  plan_dependent(p);
}

static void plan_presence(plan *p, int i, const ortto_field *f){
  const struct sqlite3_index_constraint *c = &p->info->aConstraint[i];
  int null = c->op==SQLITE_INDEX_CONSTRAINT_ISNULL;
  sqlite3_str_appendf(p->code, " %c%d", null ? 'n' : 'v', c->iColumn);
  plan_words(p, null ? "filter: %s IS NULL" : "filter: %s IS NOT NULL", f->column);
  plan_rows(p, 0.5, 2);
}

/* What can be asked of the server about one column. */
static void plan_condition(plan *p, int i){
  int op = p->info->aConstraint[i].op, column = p->info->aConstraint[i].iColumn;
  const ortto_field *f = plan_field(p, column);
  if( f==NULL ) return;
  switch( op ){
    case SQLITE_INDEX_CONSTRAINT_EQ: case SQLITE_INDEX_CONSTRAINT_IS:
      if( can_equal(f) && is_binary(p, i) ) plan_equal(p, i, f);
      break;
    case SQLITE_INDEX_CONSTRAINT_ISNULL: case SQLITE_INDEX_CONSTRAINT_ISNOTNULL:
      if( can_be_absent(f) ) plan_presence(p, i, f);
      break;
    default: break;
  }
}

/* Whole pages, and a local row for each. */
static double scan_cost(double rows){
  return REQUEST_COST * (1 + (double)(int64_t)(rows/PAGE_ROWS)) + rows;
}

/* Whatever equals something and was not pushed. */
static void plan_locals(plan *p){
  for(int i=0; i<p->info->nConstraint; i++){
    const struct sqlite3_index_constraint *c = &p->info->aConstraint[i];
    int column = c->iColumn==p->t->rowid_column ? 0 : c->iColumn, field = column_field(p->t, column);
    int equal = c->op==SQLITE_INDEX_CONSTRAINT_EQ || c->op==SQLITE_INDEX_CONSTRAINT_IS;
    if( !equal || !c->usable || field<0 || p->info->aConstraintUsage[i].argvIndex ) continue;
    plan_local(p, i, column, p->t->fields->field[field].column);
  }
}

static void plan_conditions(plan *p){
  double all = p->rows;
  for(int i=0; i<p->info->nConstraint; i++){
    const struct sqlite3_index_constraint *c = &p->info->aConstraint[i];
    if( c->usable && !is_limit(c->op) && c->iColumn>p->t->hidden_columns ) plan_condition(p, i);
  }
  p->cost = scan_cost(p->rows);
  if( p->by_key ) p->cost = key_cost(p, p->cost);
  /* With hidden columns it must never look cheaper than the whole list, or an arm of an OR gets it. */
  if( p->hidden_given ) p->cost = REQUEST_COST * (2 + all/PAGE_ROWS) + all;
}

static void plan_limit_argument(plan *p, int op, char token, const char *words){
  for(int i=0; i<p->info->nConstraint; i++){
    const struct sqlite3_index_constraint *c = &p->info->aConstraint[i];
    if( c->op!=op || !c->usable ) continue;
    plan_argument(p, i, 0, token, -1);
    plan_words(p, words, NULL);
    p->limited = 1;
  }
}

/* LIMIT sizes the pages where every row that the server sends is one that SQLite will take. */
static void plan_limit(plan *p){
  if( p->left || p->info->nOrderBy ) return;
  plan_limit_argument(p, SQLITE_INDEX_CONSTRAINT_LIMIT, 'l', "page sized by LIMIT");
  plan_limit_argument(p, SQLITE_INDEX_CONSTRAINT_OFFSET, 'o', "and OFFSET");
}

/* The columns used, in words: names if they are few. */
static void plan_columns(plan *p){
  int used = 0, names = 0;
  sqlite3_str *s = sqlite3_str_new(NULL);
  for(int i=0; i<p->t->columns; i++){
    if( !(p->info->colUsed >> (i<63 ? i : 63) & 1) || (i>=1 && i<=p->t->hidden_columns) ) continue;
    if( i==p->t->rowid_column && i>=63 ) continue;   /* not asked for by itself */
    used++;
    int field = column_field(p->t, i);
    const char *name = field>=0 ? p->t->fields->field[field].column : "more_fields";
    if( i==p->t->rowid_column ) name = ROWID_COLUMN;
    if( ++names>6 ) continue;
    if( names>1 ) sqlite3_str_appendall(s, ", ");   /* nothing empty: debug builds of SQLite mind */
    sqlite3_str_appendall(s, name);
  }
  char *list = sqlite3_str_finish(s);
  int counted = !p->left && !p->keyed && !p->pushed;
  if( used==0 ) plan_words(p, counted ? "no columns: counted in one request%s" : "no columns%s", "");
  else if( names<=6 ) plan_words(p, "columns: %s", list ? list : "");
  else{
    char count[40];
    int all = p->t->columns - p->t->hidden_columns - (p->t->rowid_column>=0);
    sqlite3_snprintf(sizeof count, count, "%d of %d", used, all);
    plan_words(p, "columns: %s", count);
  }
  sqlite3_free(list);
}

/* Constraints that are not surely settled by us. */
static void plan_left(plan *p){
  for(int i=0; i<p->info->nConstraint; i++)
    if( !is_limit(p->info->aConstraint[i].op) && !p->info->aConstraintUsage[i].omit ) p->left = 1;
}

static int plan_finish(plan *p){
  if( !p->left ) sqlite3_str_appendall(p->code, " z");
  int failed = sqlite3_str_errcode(p->words) || sqlite3_str_errcode(p->code);
  /* NULL if empty, which %s takes. */
  char *words = sqlite3_str_finish(p->words), *code = sqlite3_str_finish(p->code);
  if( !failed ) p->info->idxStr = sqlite3_mprintf("%s {u%llx%s}", words, p->info->colUsed, code);
  sqlite3_free(words);
  sqlite3_free(code);
  if( failed || p->info->idxStr==NULL ) return SQLITE_NOMEM;
  p->info->needToFreeIdxStr = 1;
  p->info->estimatedCost = p->hidden_bare ? p->cost*BARE_COST : p->cost;
  p->info->estimatedRows = (sqlite3_int64)(p->rows<1 ? 1 : p->rows);
  return SQLITE_OK;
}

static void plan_contacts(plan *p){
  int64_t known = p->t->conn->total[p->t->kind];
  p->rows = known>0 ? (double)known : ROWS_GUESS;
  p->cost = scan_cost(p->rows);
  const char *one = "id by get-by-ids", *list = "list of ids by get-by-ids";
  if( !p->hidden_given && plan_key(p, 0, p->t->rowid_column, "kK", one, list) ) return;
  if( p->scoped ) p->cost += REQUEST_COST;
  else plan_conditions(p);
  plan_locals(p);
  if( p->dependent && !p->looked_up ) p->rows *= 0.02;
}

/* Lists that are short, and always read whole. */
static void plan_plain(plan *p){
  plan_locals(p);
  if( !p->dependent ) return;
  p->rows = 5;
  p->cost = LOOKUP_COST;
}

/* About how many requests it takes, where the list's length is known. */
static void plan_requests(plan *p){
  char words[60];
  int64_t total = is_contact_table(p->t) ? p->t->conn->total[p->t->kind] : 0;
  int whole = !p->keyed && !p->pushed && !p->hidden_given && (p->left || p->info->colUsed);
  int64_t pages = (total + (int64_t)PAGE_ROWS - 1)/(int64_t)PAGE_ROWS;
  if( total==0 || p->limited || !(whole || (p->looked_up && !p->hidden_given)) ) return;
  if( p->looked_up ) pages = 2*pages + 1;
  /* The key alone: from 3.47 on that may be count(*), which takes one. */
  int at_most = p->looked_up || (p->info->colUsed==1 && !p->left && sqlite3_libversion_number()>=3047000);
  const char *format = at_most ? "at most %lld request%s" : "about %lld request%s";
  sqlite3_snprintf(sizeof words, words, format, (long long)pages, pages==1 ? "" : "s");
  plan_words(p, "%s", words);
}

static void plan_activities(plan *p){
  int keyed = plan_key(p, 1, 1, "pP", "the person's feed, 40 a second",
                       "a list of people, one feed after the other");
  if( !keyed ) p->cost = 1e12;                      /* it will be refused */
}

#define MEMBERS_GUESS 2000.0       /* of one audience */

/* The audiences are listed in any case. Each is read from its first member to its last. */
static void plan_members(plan *p){
  int keyed = plan_key(p, 0, 0, "pP", "the audience's members", "a list of audiences, one after the other")
           || plan_key(p, 1, 1, "mM", "the members of the audience of that name",
                       "audiences by their names, one after the other");
  double audiences = keyed ? p->rows : 30;         /* 1, or 25 */
  if( !keyed ) plan_locals(p);
  p->rows = audiences * MEMBERS_GUESS;
  p->cost = REQUEST_COST + audiences*scan_cost(MEMBERS_GUESS);
}

int vt_best_index(sqlite3_vtab *base, sqlite3_index_info *info){
  plan p = { .info = info, .t = (table *)base, .rows = 100, .cost = REQUEST_COST };
  p.words = sqlite3_str_new(NULL);
  p.code = sqlite3_str_new(NULL);
  conn_prune(p.t->conn);
  int rc = is_contact_table(p.t) ? plan_hidden(&p) : SQLITE_OK;
  if( rc!=SQLITE_OK ){
    sqlite3_free(sqlite3_str_finish(p.words));
    sqlite3_free(sqlite3_str_finish(p.code));
    return rc;
  }
  if( is_contact_table(p.t) ) plan_contacts(&p);
  else if( p.t->kind==ORTTO_ACTIVITIES ) plan_activities(&p);
  else if( p.t->kind==ORTTO_AUDIENCE_MEMBERS ) plan_members(&p);
  else plan_plain(&p);
  plan_left(&p);
  plan_limit(&p);
  plan_requests(&p);
  plan_columns(&p);
  return plan_finish(&p);
}
