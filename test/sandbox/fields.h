/*
** fields.h: the fields that people and accounts have
**
** The built-in fields of section 4.7, the custom ones that --custom makes, and those that
** hurt (--hostile). Fields are found by id through a hash table; a field lives as long as
** the state.
**
** It uses text, instance and values.
*/
#ifndef SANDBOX_FIELDS_H
#define SANDBOX_FIELDS_H

#include <stdbool.h>

#include "instance.h"

typedef struct CustomType {
  const char *type, *prefix, *display, *name;
  Gen gen;
} CustomType;

/* Lower case, every run of other characters a dash: the name part of a new id. */
char *kebab(const char *name);

char *joined(const char *a, const char *b, const char *c);
void index_fields(Entity *en);
Field *field_n(const Entity *en, const char *id, size_t n);
Field *field_by(const Entity *en, const char *id);
Field *add_field(Entity *en, const char *id, const char *name, const char *display);
void set_items(Field *f, const char *const *items, int n);
void free_field(Field *f);
void add_builtin_fields(Entity *en);
const CustomType *custom_type(const char *type);
Field *add_custom(Entity *en, const CustomType *t, const char *name, bool filled);
void add_customs(Entity *en, int n);
void add_hostile_fields(Entity *en);
int by_field_id(const void *a, const void *b);

#endif
