/*
** settings.h - names of settings, where they are looked up, forms of a key.
**
** Order: argument of the table, ortto_config, environment, default. A key is never shown: errors name the setting, not the value.
** May use: text, context, url. Must not know: hosts, requests.
*/
#ifndef ORTTO_CLIENT_SETTINGS_H
#define ORTTO_CLIENT_SETTINGS_H

#include <stddef.h>

#include "../../ortto_client.h"
#include "client.h"

#define RATE_MAX 1000

enum origin { FROM_NOWHERE, FROM_DEFAULT, FROM_ENVIRONMENT, FROM_CONFIG, FROM_ARGS };

int bad_setting(ortto_client *client, ortto_setting s, const char *value);

/* The value in force, checked and as we keep it; *value is NULL where there is none. */
int setting_value(ortto_client *client, const ortto_args *args, ortto_setting s, char **value, enum origin *from);

/* A key in one of its three forms becomes the key. */
int key_resolve(ortto_client *client, ortto_setting s, const char *value, char **key);

#endif
