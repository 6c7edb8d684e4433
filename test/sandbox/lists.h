/*
** lists.h: lists of records, values as text, sorting
**
** A List is a counted reference to record numbers. A Cell is the decoded text of one field
** of one record, remembered: an $or of a hundred conditions on one field reads its value
** once. Needs the lock for reading.
**
** It uses text, json, guesses, instance and values.
*/
#ifndef SANDBOX_LISTS_H
#define SANDBOX_LISTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "text.h"
#include "instance.h"

typedef struct List {
  atomic_int refs;
  uint32_t n;
  uint32_t *index;
} List;

/* The decoded text of one field of one record, remembered: an $or of a hundred
** conditions on one field reads its value once. */
typedef struct Cell {
  const Field *field;
  int64_t record;
  bool has;
  Buf raw, text;
} Cell;

List *list_new(uint32_t room_);
List *list_ref(List *l);
void list_unref(List *l);
List *whole_list(const Entity *en, bool archived);
void forget_lists(void);
void cell_read(Cell *c, const Entity *en, uint32_t i, const Field *f);
void cell_free(Cell *c);
char lower(char c);
bool contains(const char *s, size_t n, const char *part, size_t k);
void sort_list(const Entity *en, List *l, const Field *f, bool descending);

#endif
