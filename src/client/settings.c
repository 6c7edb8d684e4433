/*
** settings.c - see settings.h.
*/
#include "settings.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../text.h"
#include "context.h"
#include "url.h"

typedef struct setting_info {
  const char *name, *variable, *fallback;
  long least, most;                /* numbers */
  const char *good;                /* what would be right */
} setting_info;

static const setting_info settings[ORTTO_SETTINGS] = {
  [ORTTO_REGION]      = { "region", "ORTTO_REGION", "global", 0, 0, "global, au or eu" },
  [ORTTO_KEY]         = { "key", "ORTTO_API_KEY", NULL, 0, 0, "the key itself, env:NAME or file:PATH" },
  [ORTTO_SEGMENT_KEY] = { "segment_key", "ORTTO_SEGMENT_KEY", NULL, 0, 0, "the key itself, env:NAME or file:PATH" },
  [ORTTO_API_URL]     = { "api_url", "ORTTO_API_URL", NULL, 0, 0, "https://HOST[:PORT], or http:// on 127.0.0.1, [::1] or localhost" },
  [ORTTO_TIMEOUT_MS]  = { "timeout_ms", "ORTTO_TIMEOUT_MS", "60000", 1, 86400000, "a whole number of milliseconds from 1 to 86400000" },
  [ORTTO_RETRIES]     = { "retries", "ORTTO_RETRIES", "5", 0, 100, "a whole number from 0 to 100" },
  [ORTTO_RATE]        = { "rate", "ORTTO_RATE", "10", 0, RATE_MAX, "a whole number of requests per second from 0 (unlimited) to 1000" },
  [ORTTO_CONCURRENCY] = { "concurrency", "ORTTO_CONCURRENCY", "8", 1, 64, "a whole number from 1 to 64" },
  [ORTTO_MAX_DELETES] = { "max_deletes", "ORTTO_MAX_DELETES", "100", 0, 1000000000, "a whole number from 0 to 1000000000" },
  [ORTTO_PROGRESS]    = { "progress", "ORTTO_PROGRESS", "off", 0, 0, "on or off" },
};

static const struct { const char *name, *region; } region_names[] = {
  { "global", "global" }, { "au", "au" }, { "australia", "au" }, { "eu", "eu" }, { "europe", "eu" },
};

const char *ortto_setting_name(ortto_setting setting){
  return settings[setting].name;
}

int ortto_setting_find(ortto_client *client, const char *name){
  buf names = { 0 };
  for(int i=0; i<ORTTO_SETTINGS; i++) if( same_word(settings[i].name, name) ) return i;
  for(int i=0; i<ORTTO_SETTINGS; i++) buf_printf(&names, "%s%s", i ? ", " : "", settings[i].name);
  set_error(client, "ortto: there is no setting '%.40s'; the settings are %s", name, names.p ? names.p : "");
  buf_free(&names);
  return -1;
}

static int is_secret(ortto_setting s){
  return s==ORTTO_KEY || s==ORTTO_SEGMENT_KEY;
}

int bad_setting(ortto_client *client, ortto_setting s, const char *value){
  if( strchr(value, '@') ) value = "...";        /* a password may stand in front of it */
  return fail(client, "ortto: %s cannot be '%.60s'; it takes %s", settings[s].name, value, settings[s].good);
}

static int number_parse(ortto_setting s, const char *value, long *number){
  char *end;
  errno = 0;
  long n = strtol(value, &end, 10);
  if( errno || end==value || *end || !isdigit((unsigned char)value[value[0]=='-']) ) return 0;
  *number = n;
  return n>=settings[s].least && n<=settings[s].most;
}

static const char *region_parse(const char *value){
  for(size_t i=0; i<sizeof region_names/sizeof *region_names; i++)
    if( same_word(value, region_names[i].name) ) return region_names[i].region;
  return NULL;
}

static int key_form_check(ortto_client *client, ortto_setting s, const char *value, int in_args){
  if( !in_args ) return ORTTO_OK;
  if( strncmp(value, "file:", 5)==0 )
    return fail(client, "ortto: a table's arguments cannot take %s=file:..., because a database file from somebody else "
                "could name any file; use SELECT ortto_config('%s', 'file:...'), or %s=env:ORTTO_...",
                settings[s].name, settings[s].name, settings[s].name);
  if( strncmp(value, "env:", 4)==0 && strncmp(value+4, "ORTTO_", 6)!=0 )
    return fail(client, "ortto: in a table's arguments %s=env:NAME takes only names that begin with ORTTO_, not '%.40s'",
                settings[s].name, value+4);
  return ORTTO_OK;
}

/* The value as we keep it, in *normal (malloc). */
static int setting_normal(ortto_client *client, ortto_setting s, const char *value, int in_args, char **normal){
  const char *kept = value;
  char *trimmed = NULL;
  long number;
  int loopback, rc = ORTTO_OK;
  switch( s ){
    case ORTTO_REGION:
      kept = region_parse(value);
      break;
    case ORTTO_KEY: case ORTTO_SEGMENT_KEY:
      if( value[0]==0 || has_controls(value) )
        return fail(client, "ortto: %s is %s; it takes %s", settings[s].name,
                    value[0] ? "not a key (it has control characters in it)" : "empty", settings[s].good);
      rc = key_form_check(client, s, value, in_args);
      break;
    case ORTTO_API_URL:
      if( !url_is_good(value, &loopback) ) kept = NULL;
      else{
        size_t n = strlen(value);
        while( n && value[n-1]=='/' ) n--;
        kept = trimmed = text_copy_n(value, n);
        if( kept==NULL ) return no_memory(client);
      }
      break;
    case ORTTO_PROGRESS:
      kept = same_word(value, "on") ? "on" : same_word(value, "off") ? "off" : NULL;
      break;
    default:
      if( !number_parse(s, value, &number) ) kept = NULL;
  }
  if( rc==ORTTO_OK && kept==NULL ) rc = bad_setting(client, s, value);
  if( rc==ORTTO_OK && normal && (*normal = text_copy(kept))==NULL ) rc = no_memory(client);
  free(trimmed);
  return rc;
}

int ortto_setting_check(ortto_client *client, ortto_setting setting, const char *value, int in_args, char **normal){
  if( in_args && (setting==ORTTO_MAX_DELETES || setting==ORTTO_PROGRESS) )
    return fail(client, "ortto: %s is no argument of a table; use SELECT ortto_config('%s', ...)",
                settings[setting].name, settings[setting].name);
  return setting_normal(client, setting, value, in_args, normal);
}

/* The value in force, as it was written, and where it stands. */
static const char *setting_raw(const ortto_client *client, const ortto_args *args, ortto_setting s, enum origin *from){
  const char *value;
  *from = FROM_ARGS;
  if( args && args->value[s] ) return args->value[s];
  *from = FROM_CONFIG;
  if( client->config[s] ) return client->config[s];
  *from = FROM_ENVIRONMENT;
  if( (value = getenv(settings[s].variable))!=NULL && value[0] ) return value;
  *from = settings[s].fallback ? FROM_DEFAULT : FROM_NOWHERE;
  return settings[s].fallback;
}

int setting_value(ortto_client *client, const ortto_args *args, ortto_setting s, char **value, enum origin *from){
  const char *raw = setting_raw(client, args, s, from);
  *value = NULL;
  if( raw==NULL ) return ORTTO_OK;
  int rc = setting_normal(client, s, raw, *from==FROM_ARGS, value);
  if( rc==ORTTO_ERROR && *from==FROM_ENVIRONMENT ){
    char why[sizeof client->error];
    snprintf(why, sizeof why, "%s", client->error);
    set_error(client, "%.900s (from the environment variable %s)", why, settings[s].variable);
  }
  return rc;
}

/* First line of a file, without blanks at its ends. */
static int key_from_file(ortto_client *client, ortto_setting s, const char *path, char **key){
  char line[4096];
  FILE *file = fopen(path, "r");
  if( file==NULL )
    return fail(client, "ortto: cannot read %s from the file '%.200s': %s", settings[s].name, path, strerror(errno));
  size_t n = fread(line, 1, sizeof line - 1, file);
  int broken = ferror(file) ? errno : 0;
  fclose(file);
  if( broken ) return fail(client, "ortto: cannot read %s from the file '%.200s': %s", settings[s].name, path, strerror(broken));
  line[n] = 0;
  if( strlen(line)!=n ) return fail(client, "ortto: the file '%.200s' is no text file with a key", path);
  line[strcspn(line, "\r\n")] = 0;
  char *start = line + strspn(line, " \t");
  for(n = strlen(start); n && (start[n-1]==' ' || start[n-1]=='\t'); n--) start[n-1] = 0;
  *key = text_copy(start);
  return *key ? ORTTO_OK : no_memory(client);
}

int key_resolve(ortto_client *client, ortto_setting s, const char *value, char **key){
  int rc = ORTTO_OK;
  if( strncmp(value, "file:", 5)==0 ) rc = key_from_file(client, s, value+5, key);
  else if( strncmp(value, "env:", 4)==0 ){
    const char *got = getenv(value+4);
    if( got==NULL || got[0]==0 )
      return fail(client, "ortto: %s is to come from the environment variable %.60s, which is not set; set it before the "
                  "program starts, or give the key with SELECT ortto_config('%s', '...')",
                  settings[s].name, value+4, settings[s].name);
    *key = text_copy(got);
  }else *key = text_copy(value);
  if( rc!=ORTTO_OK ) return rc;
  if( *key==NULL ) return no_memory(client);
  size_t n = strlen(*key), blank = strspn(*key, " ");
  while( n>blank && (*key)[n-1]==' ' ) n--;
  memmove(*key, *key + blank, n - blank);        /* blanks around a key are no part of it */
  (*key)[n-blank] = 0;
  if( (*key)[0] && !has_controls(*key) ) return ORTTO_OK;
  set_error(client, "ortto: %s, read from %s, is %s; nothing was sent", settings[s].name,
       strncmp(value, "env:", 4)==0 || strncmp(value, "file:", 5)==0 ? value : "the settings",
       (*key)[0] ? "not a key (it has control characters in it)" : "empty");
  free(*key);
  *key = NULL;
  return ORTTO_ERROR;
}

int ortto_config_set(ortto_client *client, ortto_setting setting, const char *value){
  char *normal = NULL;
  if( value ){
    int rc = setting_normal(client, setting, value, 0, &normal);
    if( rc==ORTTO_OK && is_secret(setting) ){    /* a name or path that leads nowhere is better known now */
      char *key = NULL;
      rc = key_resolve(client, setting, normal, &key);
      free(key);
    }
    if( rc!=ORTTO_OK ){
      free(normal);
      return rc;
    }
  }
  free(client->config[setting]);
  client->config[setting] = normal;
  return ORTTO_OK;
}

static char *masked(const char *key){
  size_t n = strlen(key);
  char shown[16];
  snprintf(shown, sizeof shown, "****%s", n<8 ? "" : key + n - 4);
  for(char *p=shown; *p; p++) if( (unsigned char)*p>=0x80 ) *p = '*';
  return text_copy(shown);
}

int ortto_config_get(ortto_client *client, ortto_setting setting, char **text){
  enum origin from;
  char *value, *key = NULL;
  int rc = setting_value(client, NULL, setting, &value, &from);
  *text = value;
  if( rc!=ORTTO_OK || value==NULL || !is_secret(setting) ) return rc;
  rc = key_resolve(client, setting, value, &key);
  free(value);
  *text = rc==ORTTO_OK ? masked(key) : NULL;
  free(key);
  return rc==ORTTO_OK && *text==NULL ? no_memory(client) : rc;
}

int ortto_config_is_set(const ortto_client *client, ortto_setting setting){
  enum origin from;
  return setting_raw(client, NULL, setting, &from)!=NULL;
}

int ortto_config_number(ortto_client *client, const ortto_args *args, ortto_setting setting, long *number){
  enum origin from;
  char *value;
  int rc = setting_value(client, args, setting, &value, &from);
  if( rc!=ORTTO_OK ) return rc;
  *number = 0;
  if( setting==ORTTO_PROGRESS ) *number = value && strcmp(value, "on")==0;
  else if( value ) number_parse(setting, value, number);
  free(value);
  return ORTTO_OK;
}
