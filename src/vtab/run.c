/*
** run.c - see run.h.
*/
#include "run.h"

static int statements_in_progress(sqlite3 *db){
  int n = 0;
  for(sqlite3_stmt *s=sqlite3_next_stmt(db, NULL); s; s=sqlite3_next_stmt(db, s))
    n += sqlite3_stmt_busy(s)!=0;
  return n;
}

run *run_join(table *t){
  run *r = t->run;
  if( r && statements_in_progress(t->conn->db)==1 ){
    r->cursors++;
    return r;
  }
  r = sqlite3_malloc(sizeof *r);
  if( r==NULL ) return NULL;
  *r = (run){ .t = t, .cursors = 1 };
  if( t->run==NULL ) t->run = r;
  return r;
}

void run_leave(run *r){
  if( --r->cursors>0 ) return;
  while( r->memories ){
    memory *m = r->memories;
    r->memories = m->next;
    memory_free(m);
  }
  ortto_audiences_free(r->audiences);
  if( r->t->run==r ) r->t->run = NULL;
  sqlite3_free(r);
}

memory *run_memory(run *r, unsigned long long used){
  memory *m = r->memories;
  while( m && (m->used!=used || m->changes!=r->t->conn->changes) ) m = m->next;
  if( m ) return m;
  m = memory_new(r->t, used);
  if( m==NULL ) return NULL;
  m->next = r->memories;
  return r->memories = m;
}
