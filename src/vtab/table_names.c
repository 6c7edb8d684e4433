/*
** table_names.c - see table_names.h.
*/
#include "table_names.h"

#include <string.h>

#include "../text.h"
#include "sql.h"

/* SQLite knows without a look into the file, which others may have locked, and where a lock of ours could
** stay as long as a transaction. It has no question for views; but it refuses a second one of a name before
** anything is run. */
static int schema_look(const conn *c, const char *schema, const char *name, int *has){
  sqlite3_stmt *view;
  int rc = sqlite3_table_column_metadata(c->db, schema, name, NULL, NULL, NULL, NULL, NULL, NULL);
  *has = rc==SQLITE_OK;
  if( *has || rc==SQLITE_NOMEM ) return rc;
  rc = sql_prepare(c->db, &view, "CREATE VIEW \"%w\".\"%w\" AS SELECT 1", schema, name);
  sqlite3_finalize(view);
  *has = (rc & 0xff)==SQLITE_ERROR && strstr(sqlite3_errmsg(c->db), " already exists")!=NULL;
  return rc==SQLITE_NOMEM ? rc : SQLITE_OK;
}

static int schema_has(const conn *c, const char *schema, const char *name){
  int has;
  return schema_look(c, schema, name, &has)==SQLITE_OK && has;
}

static int schema_found(const conn *c, const char *schema, const char *name, char **found){
  int has;
  int rc = schema ? schema_look(c, schema, name, &has) : SQLITE_NOMEM;
  if( rc!=SQLITE_OK || !has ) return rc;
  *found = sqlite3_mprintf("%s", schema);
  return *found ? SQLITE_OK : SQLITE_NOMEM;
}

int table_schema(const conn *c, const char *name, char **found){
  sqlite3_stmt *list;
  *found = NULL;
  int rc = schema_found(c, "temp", name, found);
  if( rc!=SQLITE_OK || *found ) return rc;
  rc = sql_prepare(c->db, &list, "PRAGMA database_list");
  while( rc==SQLITE_OK && *found==NULL && sqlite3_step(list)==SQLITE_ROW )
    rc = schema_found(c, (const char *)sqlite3_column_text(list, 1), name, found);
  int ended = sqlite3_finalize(list);
  return rc==SQLITE_OK ? ended : rc;
}

/* NULL: in none, or out of memory. By sqlite3_malloc. */
static char *schema_of(const conn *c, const char *name){
  char *found;
  table_schema(c, name, &found);
  return found;
}

/* The connected table: created in that schema, or with schema NULL one that is there without a CREATE. */
static table *table_find_connected(const conn *c, const char *schema, const char *name){
  for(table *t=c->tables; t; t=t->next){
    if( sqlite3_stricmp(t->name, name)!=0 || t->created!=(schema!=NULL) ) continue;
    if( schema==NULL || sqlite3_stricmp(t->schema, schema)==0 ) return t;
  }
  return NULL;
}

/* What a name in a text means. */
typedef struct meaning {
  const char *bare;                /* without the schema */
  char *schema;                    /* by sqlite3_malloc; NULL: a bare name of what was not created */
  int created;                     /* there */
} meaning;

/* A table that this connection has not used yet is connected by being named in a statement. */
static table *table_connect(const conn *c, const meaning *m){
  const char *created_in = m->created ? m->schema : NULL;
  table *t = table_find_connected(c, created_in, m->bare);
  if( t ) return t;
  sqlite3_stmt *s;
  if( m->schema ) sql_prepare(c->db, &s, "SELECT 1 FROM \"%w\".\"%w\" LIMIT 0", m->schema, m->bare);
  else sql_prepare(c->db, &s, "SELECT 1 FROM \"%w\" LIMIT 0", m->bare);
  sqlite3_finalize(s);
  return table_find_connected(c, created_in, m->bare);
}

static int schema_exists(const conn *c, const char *schema){
  return sqlite3_stricmp(schema, "temp")==0 || sqlite3_db_readonly(c->db, schema)>=0;
}

/* A table that is there without a CREATE is so in every schema; the name of a created one may have a dot in
** it. meaning.schema is to be freed. */
static meaning meaning_of(const conn *c, const char *name){
  const char *dot = strchr(name, '.');
  char *schema = dot ? sqlite3_mprintf("%.*s", (int)(dot - name), name) : NULL;
  if( schema && schema_has(c, schema, dot+1) ) return (meaning){ dot+1, schema, 1 };
  char *found = schema_of(c, name);
  if( found==NULL && schema && schema_exists(c, schema) ) return (meaning){ dot+1, schema, 0 };
  sqlite3_free(schema);
  return (meaning){ name, found, found!=NULL };
}

static table *table_meant(const conn *c, const char *name, int *created){
  meaning m = meaning_of(c, name);
  table *t = table_connect(c, &m);
  *created = m.created;
  sqlite3_free(m.schema);
  return t;
}

table *table_connected(const conn *c, const char *name){
  int created;
  table *t = table_meant(c, name, &created);
  if( t==NULL && !created ) t = table_meant(c, name, &created);   /* SQLite has read the schemas anew */
  return t;
}

/* Is there a table that was created under this name? Asks what SQLite knows already, and so takes no lock. */
static int name_exists(const conn *c, const char *name){
  return sqlite3_table_column_metadata(c->db, NULL, name, NULL, NULL, NULL, NULL, NULL, NULL)==SQLITE_OK;
}

table *table_created(const conn *c, const char *name, const char **bare){
  *bare = name;
  if( strchr(name, '.')==NULL && !name_exists(c, name) ) return NULL;
  meaning m = meaning_of(c, name);
  table *t = m.created ? table_connect(c, &m) : NULL;
  *bare = m.bare;
  sqlite3_free(m.schema);
  return t;
}

const char *table_own_name(int i){
  static const char *const other[] = { "log", "failures", "pending", "settings", "sync" };
  if( i<ORTTO_TABLES ) return ortto_table_name((ortto_table)i);
  return i<ORTTO_TABLES+COUNT(other) ? other[i-ORTTO_TABLES] : NULL;
}

/* What stands in place of one of ortto's own tables and is none of ortto's, as schema.name; NULL: nothing. */
static char *hides(const conn *c, const char *own){
  char name[64];
  sqlite3_snprintf(sizeof name, name, "ortto_%s", own);
  char *schema = schema_of(c, name);
  if( schema==NULL ) return NULL;
  const meaning there = { name, schema, 1 };
  char *full = table_connect(c, &there) ? NULL : sqlite3_mprintf("%s.%s", schema, name);
  sqlite3_free(schema);
  return full;
}

char *table_that_hides(const conn *c){
  char *found = NULL;
  for(int i=0; found==NULL && table_own_name(i); i++) found = hides(c, table_own_name(i));
  return found;
}
