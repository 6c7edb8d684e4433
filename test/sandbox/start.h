/*
** start.h: the state that an instance begins with
**
** Activities and their attributes, audiences, tags; filling it all and freeing it all.
** fill_state() and free_state() need the lock for writing, or no other thread.
**
** It uses text, instance, records, values and fields.
*/
#ifndef SANDBOX_START_H
#define SANDBOX_START_H

#include <stdbool.h>
#include <stdint.h>

#include "instance.h"

/* Takes over json. */
void add_act(const char *id, const char *name, char *json);

Act *act_by(const char *id);
int add_audience(const char *name, int64_t created, int share, bool archived);
int add_tag(Entity *en, const char *name, const char *source, int64_t created);
int tag_by(const Entity *en, const char *name);
void free_event(Event *e);
void free_state(void);
void end_state(void);
void fill_state(void);

#endif
