/*
** row_index.c - see row_index.h.
*/
#include "row_index.h"

#include <string.h>

#define ROW_BITS 32
#define ENTRIES_A_PAGE (PAGE_BYTES/sizeof(uint64_t))
#define DIGIT_BITS 11              /* three digits are the half of a key */
#define DIGITS (1u << DIGIT_BITS)

/* ---- making ---- */

static int entries_grow(row_index *x){
  size_t room = x->room ? x->room*2 : 64;
  if( room>x->most ) room = x->most;
  uint64_t *grown = sqlite3_realloc64(x->entry, room*sizeof *grown);
  if( grown==NULL ) return SQLITE_NOMEM;
  x->entry = grown;
  x->room = room;
  return SQLITE_OK;
}

/* By one digit, and else as they stand. */
static void sort_digit(const uint64_t *from, uint64_t *to, size_t n, unsigned shift){
  size_t place[DIGITS] = { 0 }, sum = 0;
  for(size_t i=0; i<n; i++) place[from[i]>>shift & (DIGITS-1)]++;
  for(size_t d=0; d<DIGITS; d++){
    size_t count = place[d];
    place[d] = sum;
    sum += count;
  }
  for(size_t i=0; i<n; i++) to[place[from[i]>>shift & (DIGITS-1)]++] = from[i];
}

/* By their keys; rows are in order already. */
static int entries_sort(row_index *x){
  if( x->count<2 ) return SQLITE_OK;
  uint64_t *other = sqlite3_malloc64(x->count*sizeof *other);
  if( other==NULL ) return SQLITE_NOMEM;
  sort_digit(x->entry, other, x->count, ROW_BITS);
  sort_digit(other, x->entry, x->count, ROW_BITS + DIGIT_BITS);
  sort_digit(x->entry, other, x->count, ROW_BITS + 2*DIGIT_BITS);
  sqlite3_free(x->entry);
  x->entry = other;
  x->room = x->count;
  return SQLITE_OK;
}

static int part_write(const row_index *x, index_part *p){
  size_t pages = (x->count + ENTRIES_A_PAGE - 1)/ENTRIES_A_PAGE;
  int rc = SQLITE_OK;
  p->first = sqlite3_malloc64(pages*sizeof *p->first);
  if( p->first==NULL ) return SQLITE_NOMEM;
  for(size_t i=0; rc==SQLITE_OK && i<pages; i++){
    size_t at = i*ENTRIES_A_PAGE, n = x->count - at<ENTRIES_A_PAGE ? x->count - at : ENTRIES_A_PAGE;
    sqlite3_int64 number = pages_new(x->pages);
    if( i==0 ) p->top = number;
    p->first[i] = x->entry[at];
    rc = pages_put(x->pages, number, number, x->entry + at, n*sizeof *x->entry);
  }
  return rc;
}

static int part_end(row_index *x, int keep){
  index_part *grown = sqlite3_realloc64(x->part, ((sqlite3_uint64)x->parts + 1)*sizeof *grown);
  if( grown==NULL ) return SQLITE_NOMEM;
  x->part = grown;
  int rc = entries_sort(x);
  if( rc!=SQLITE_OK ) return rc;
  index_part *p = &grown[x->parts++];
  *p = (index_part){ .count = x->count };
  if( keep ){
    p->entry = x->entry;
    x->entry = NULL;
    x->room = 0;
  }else rc = part_write(x, p);
  x->count = 0;
  return rc;
}

int index_add(row_index *x, uint64_t key, uint32_t row){
  int rc = SQLITE_OK;
  if( x->count==x->most ) rc = part_end(x, 0);
  if( rc==SQLITE_OK && x->count==x->room ) rc = entries_grow(x);
  if( rc!=SQLITE_OK ) return rc;
  x->entry[x->count++] = key>>ROW_BITS<<ROW_BITS | row;
  return SQLITE_OK;
}

int index_end(row_index *x, size_t keep, size_t *kept){
  int rc = SQLITE_OK, all = x->count<=keep;
  *kept = all ? x->count : 0;
  if( x->count ) rc = part_end(x, all);
  sqlite3_free(x->entry);
  x->entry = NULL;
  x->room = 0;
  return rc;
}

void index_free(row_index *x){
  for(int i=0; i<x->parts; i++){
    sqlite3_free(x->part[i].entry);
    sqlite3_free(x->part[i].first);
  }
  sqlite3_free(x->part);
  sqlite3_free(x->entry);
}

/* ---- finding ---- */

void index_seek(index_place *p, uint64_t key){
  p->from = key>>ROW_BITS<<ROW_BITS;
  p->to = p->from | UINT32_MAX;
  p->part = 0;
  p->begun = 0;
}

/* The first that is not less. */
static size_t first_from(const uint64_t *entry, size_t n, uint64_t from){
  size_t low = 0;
  while( low<n ){
    size_t middle = low + (n - low)/2;
    if( entry[middle]<from ) low = middle + 1;
    else n = middle;
  }
  return low;
}

static int part_page(index_place *p, const row_index *x, size_t page){
  sqlite3_int64 number = x->part[p->part].top - (sqlite3_int64)page;
  if( p->page.bytes && p->page.first==number ) return SQLITE_OK;
  int rc = page_read(&p->page, x->pages, number);
  int found = p->page.bytes && p->page.first==number;
  return rc==SQLITE_OK && !found ? SQLITE_CORRUPT : rc;
}

static uint64_t page_entry(const page_reader *page, size_t i){
  uint64_t entry;
  memcpy(&entry, page->bytes + i*sizeof entry, sizeof entry);
  return entry;
}

/* The same in the page that it stands on. */
static size_t first_in_page(const page_reader *page, uint64_t from){
  size_t low = 0, n = page->n/sizeof from;
  while( low<n ){
    size_t middle = low + (n - low)/2;
    if( page_entry(page, middle)<from ) low = middle + 1;
    else n = middle;
  }
  return low;
}

static int part_begin(index_place *p, const row_index *x){
  const index_part *part = &x->part[p->part];
  p->begun = 1;
  if( part->entry ){
    p->at = first_from(part->entry, part->count, p->from);
    return SQLITE_OK;
  }
  size_t pages = (part->count + ENTRIES_A_PAGE - 1)/ENTRIES_A_PAGE;
  size_t page = first_from(part->first, pages, p->from);
  page -= page>0;
  int rc = part_page(p, x, page);
  if( rc==SQLITE_OK ) p->at = page*ENTRIES_A_PAGE + first_in_page(&p->page, p->from);
  return rc;
}

/* The entry at p->at, which is there. */
static int part_entry(index_place *p, const row_index *x, uint64_t *entry){
  const index_part *part = &x->part[p->part];
  int rc = part->entry ? SQLITE_OK : part_page(p, x, p->at/ENTRIES_A_PAGE);
  if( rc==SQLITE_OK )
    *entry = part->entry ? part->entry[p->at] : page_entry(&p->page, p->at%ENTRIES_A_PAGE);
  return rc;
}

int index_next(index_place *p, const row_index *x, uint32_t *row){
  for(; p->part<x->parts; p->part++, p->begun = 0){
    uint64_t entry = 0;
    int rc = p->begun ? SQLITE_OK : part_begin(p, x);
    if( rc==SQLITE_OK && p->at<x->part[p->part].count ) rc = part_entry(p, x, &entry);
    if( rc!=SQLITE_OK ) return rc;
    if( p->at>=x->part[p->part].count || entry>p->to ) continue;
    p->at++;
    *row = (uint32_t)entry;
    return SQLITE_ROW;
  }
  return SQLITE_DONE;
}
