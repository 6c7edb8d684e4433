/*
** table_names.c - see table_names.h.
*/
#include "table_names.h"

#include <string.h>

#include "sql.h"

static int schema_has(const conn *c, const char *schema, const char *name){
  sqlite3_int64 count;
  sql_integer(c->db, &count, "SELECT count(*) FROM \"%w\".sqlite_schema WHERE type IN ('table','view') "
              "AND name=%Q COLLATE NOCASE", schema, name);
  return count>0;
}

/* The schema in which a bare name is found first: temp, main, then the attached ones. NULL: in none, or
** out of memory. By sqlite3_malloc. */
static char *schema_of(const conn *c, const char *name){
  sqlite3_stmt *list;
  char *found = NULL;
  int rc = sql_prepare(c->db, &list, "SELECT name FROM pragma_database_list ORDER BY name<>'temp', seq");
  while( rc==SQLITE_OK && found==NULL && sqlite3_step(list)==SQLITE_ROW ){
    const char *schema = (const char *)sqlite3_column_text(list, 0);
    if( schema && schema_has(c, schema, name) ) found = sqlite3_mprintf("%s", schema);
  }
  sqlite3_finalize(list);
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

table *table_connected(const conn *c, const char *name){
  meaning m = meaning_of(c, name);
  table *t = table_connect(c, &m);
  sqlite3_free(m.schema);
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

char *table_that_hides(const conn *c){
  for(int i=0; i<ORTTO_TABLES; i++){
    char name[64];
    sqlite3_snprintf(sizeof name, name, "ortto_%s", ortto_table_name((ortto_table)i));
    char *schema = schema_of(c, name);
    if( schema==NULL ) continue;
    const meaning there = { name, schema, 1 };
    char *full = table_connect(c, &there) ? NULL : sqlite3_mprintf("%s.%s", schema, name);
    sqlite3_free(schema);
    if( full ) return full;
  }
  return NULL;
}
