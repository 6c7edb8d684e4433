/*
** settings.h - names of settings, where they are looked up, forms of a key.
**
** Order: argument of the table, ortto_config, environment, default. A key is never shown: errors name the
** setting, not the value. May use: text, context, url. Must not know: hosts, requests. Reads files and the
** environment; sends nothing.
*/
#ifndef ORTTO_CLIENT_SETTINGS_H
#define ORTTO_CLIENT_SETTINGS_H

#include "context.h"

enum origin { FROM_NOWHERE, FROM_DEFAULT, FROM_ENVIRONMENT, FROM_CONFIG, FROM_ARGS };

typedef struct settings {          /* of one client */
  char *config[ORTTO_SETTINGS];    /* set by ortto_config, malloc; NULL where not */
} settings;

void settings_free(settings *own);

/* The setting of that name, or -1 with an error that lists the names. */
int settings_find(context *ctx, const char *name);

/* As ortto_setting_check, ortto_config_set, _get, _origin, _is_set and _number say (ortto_client.h). */
int settings_check(context *ctx, ortto_setting setting, const char *value, int in_args, char **normal);
int settings_set(context *ctx, settings *own, ortto_setting setting, const char *value);
int settings_show(context *ctx, const settings *own, ortto_setting setting, char **text);
const char *settings_origin(const settings *own, ortto_setting setting);
int settings_is_set(const settings *own, ortto_setting setting);
int settings_number(context *ctx, const settings *own, const ortto_args *args, ortto_setting setting,
                    long *number);

/* The value in force, checked and as we keep it (malloc), and where it comes from; *value is NULL where
** there is none. */
int setting_value(context *ctx, const settings *own, const ortto_args *args, ortto_setting s, char **value,
                  enum origin *from);

/* A key in one of its three forms becomes the key (malloc). In a table's arguments somebody else's database
** file may have brought it: then nothing is asked of the file system, not even whether it is a path. */
int key_resolve(context *ctx, ortto_setting s, const char *value, enum origin from, char **key);

/* ORTTO_ERROR, with what would be right. */
int bad_setting(context *ctx, ortto_setting s, const char *value);

#endif
