/*
** settings.c - see settings.h.
*/
#include "settings.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../os.h"
#include "../text.h"
#include "url.h"

typedef struct setting_info {
  const char *name, *variable, *fallback;
  long least, most;                /* numbers */
  const char *good;                /* what would be right */
  const char *meaning;
} setting_info;

static const char key_forms[] = "the key itself, env:NAME or file:PATH";

static const setting_info known[ORTTO_SETTINGS] = {
  [ORTTO_REGION]      = { "region", "ORTTO_REGION", "global", 0, 0, "global, au or eu",
                          "where the account is: its host at Ortto" },
  [ORTTO_KEY]         = { "key", "ORTTO_API_KEY", NULL, 0, 0, key_forms,
                          "the custom API key" },
  [ORTTO_SEGMENT_KEY] = { "segment_key", "ORTTO_SEGMENT_KEY", NULL, 0, 0, key_forms,
                          "the key of a Segment (Actions) data source" },
  [ORTTO_API_URL]     = { "api_url", "ORTTO_API_URL", NULL, 0, 0,
                          "https://HOST[:PORT], or http:// on 127.0.0.1, [::1] or localhost",
                          "the base address; replaces that of the region" },
  [ORTTO_TIMEOUT_MS]  = { "timeout_ms", "ORTTO_TIMEOUT_MS", "60000", 1, 86400000,
                          "a whole number of milliseconds from 1 to 86400000",
                          "milliseconds for one request, whole" },
  [ORTTO_RETRIES]     = { "retries", "ORTTO_RETRIES", "5", 0, 100, "a whole number from 0 to 100",
                          "attempts after the first" },
  [ORTTO_RATE]        = { "rate", "ORTTO_RATE", "10", 0, 1000,
                          "a whole number of requests per second from 0 (unlimited) to 1000",
                          "requests in any one second, over all that use the same key here; 0: no limit" },
  [ORTTO_CONCURRENCY] = { "concurrency", "ORTTO_CONCURRENCY", "auto", 1, 64,
                          "auto, or a whole number from 1 to 64",
                          "requests in flight at most; auto: what the rate and the latency need" },
  [ORTTO_MAX_DELETES] = { "max_deletes", "ORTTO_MAX_DELETES", "100", 0, 1000000000,
                          "a whole number from 0 to 1000000000",
                          "rows that one transaction may archive" },
  [ORTTO_MAX_UPDATES] = { "max_updates", "ORTTO_MAX_UPDATES", "1000", 0, 1000000000,
                          "a whole number from 0 to 1000000000",
                          "rows that the UPDATEs of one transaction may change" },
  [ORTTO_WRITE]       = { "write", "ORTTO_WRITE", "on", 0, 0, "on or off",
                          "off: nothing is written to Ortto" },
  [ORTTO_PROGRESS]    = { "progress", "ORTTO_PROGRESS", "off", 0, 0, "on or off",
                          "on: a line on standard error while something takes long" },
  [ORTTO_CA_FILE]     = { "ca_file", "ORTTO_CA_FILE", NULL, 0, 0,
                          "the path of a file with certificates of authorities (PEM)",
                          "a file with the certificates of authorities to trust instead (PEM)" },
};

static const struct { const char *name, *region; } region_names[] = {
  { "global", "global" }, { "au", "au" }, { "australia", "au" }, { "eu", "eu" }, { "europe", "eu" },
};

const char *ortto_setting_name(ortto_setting setting){
  return known[setting].name;
}

int settings_find(context *ctx, const char *name){
  buf names = { 0 };
  for(int i=0; i<ORTTO_SETTINGS; i++) if( same_word(known[i].name, name) ) return i;
  for(int i=0; i<ORTTO_SETTINGS; i++) buf_printf(&names, "%s%s", i ? ", " : "", known[i].name);
  set_error(ctx, "ortto: there is no setting '%.40s'; the settings are %s", name, names.p ? names.p : "");
  buf_free(&names);
  return -1;
}

static int is_secret(ortto_setting s){
  return s==ORTTO_KEY || s==ORTTO_SEGMENT_KEY;
}

int bad_setting(context *ctx, ortto_setting s, const char *value){
  if( strchr(value, '@') ) value = "...";        /* a password may stand in front of it */
  return fail(ctx, "ortto: %s cannot be '%.60s'; it takes %s", known[s].name, value, known[s].good);
}

static int number_parse(ortto_setting s, const char *value, long *number){
  char *end;
  errno = 0;
  long n = strtol(value, &end, 10);
  if( errno || end==value || *end || !isdigit((unsigned char)value[value[0]=='-']) ) return 0;
  *number = n;
  return n>=known[s].least && n<=known[s].most;
}

/* As many requests in flight as the rate needs: the number is 0. */
static int is_auto(ortto_setting s, const char *value){
  return s==ORTTO_CONCURRENCY && same_word(value, "auto");
}

static const char *region_parse(const char *value){
  for(size_t i=0; i<sizeof region_names/sizeof *region_names; i++)
    if( same_word(value, region_names[i].name) ) return region_names[i].region;
  return NULL;
}

static int is_reference(const char *value){     /* to where the key stands */
  return strncmp(value, "env:", 4)==0 || strncmp(value, "file:", 5)==0;
}

static const char *key_fault(const char *key){
  return key[0] ? "not a key (it has control characters in it)" : "empty";
}

/* A text of n bytes without so many of them at its ends; how many are left. */
static size_t cut_ends(char *text, size_t n, size_t ahead, size_t behind){
  n -= ahead + behind;
  memmove(text, text + ahead, n);
  text[n] = 0;
  return n;
}

static size_t trim_blanks(char *text, size_t n){
  static const char blank[] = " \t\r\n";
  size_t ahead = strspn(text, blank), behind = 0;
  while( ahead+behind<n && strchr(blank, text[n-behind-1]) ) behind++;
  return cut_ends(text, n, ahead, behind);
}

/* What people paste with a key is no part of it: a byte order mark, blanks, a line end, quotes around it, in
** whatever order; what is left has none of them. */
static void trim_key(char *text){
  size_t n = strlen(text), before = n + 1;
  while( n<before ){
    before = n;
    n = trim_blanks(text, n);
    if( strncmp(text, "\xEF\xBB\xBF", 3)==0 ) n = cut_ends(text, n, 3, 0);
    if( n>=2 && (text[0]=='"' || text[0]=='\'') && text[n-1]==text[0] ) n = cut_ends(text, n, 1, 1);
  }
}

/* May a key be given in this form? */
static int key_form_check(context *ctx, ortto_setting s, const char *value, int in_args){
  const char *name = known[s].name;
  if( value[0]==0 || has_controls(value) )
    return fail(ctx, "ortto: %s is %s; it takes %s", name, key_fault(value), known[s].good);
  if( !in_args ) return ORTTO_OK;
  if( strncmp(value, "file:", 5)==0 )
    return fail(ctx, "ortto: a table's arguments cannot take %s=file:..., because a database file from "
                "somebody else could name any file; use SELECT ortto_config('%s', 'file:...'), "
                "or %s=env:ORTTO_...", name, name, name);
  if( strncmp(value, "env:", 4)==0 && strncmp(value+4, "ORTTO_", 6)!=0 )
    return fail(ctx, "ortto: in a table's arguments %s=env:NAME takes only names that begin with ORTTO_, "
                "not '%.40s'", name, value+4);
  return ORTTO_OK;
}

static int is_readable(const char *path){
  FILE *file = os_open_to_read(path);
  char byte;
  int readable = file && fread(&byte, 1, 1, file)==1;
  if( file ) fclose(file);
  return readable;
}

/* The value as we keep it, *length bytes of it; NULL if it is not good. Of all but keys. */
static const char *kept_form(ortto_setting s, const char *value, size_t *length){
  const char *kept = value;
  long number;
  int loopback;
  switch( s ){
    case ORTTO_REGION: kept = region_parse(value); break;
    case ORTTO_API_URL: if( url_is_good(value, &loopback)<=0 ) kept = NULL; break;
    case ORTTO_CA_FILE: if( !is_readable(value) ) kept = NULL; break;
    case ORTTO_PROGRESS: case ORTTO_WRITE:
      if( same_word(value, "on") ) kept = "on";
      else kept = same_word(value, "off") ? "off" : NULL;
      break;
    default:
      if( is_auto(s, value) ) kept = "auto";
      else if( !number_parse(s, value, &number) ) kept = NULL;
  }
  *length = kept ? strlen(kept) : 0;
  while( s==ORTTO_API_URL && *length && kept[*length-1]=='/' ) --*length;
  return kept;
}

/* A key as we keep it; what stands around env: or file: too is left out before anybody looks for them. */
static int normal_key(context *ctx, ortto_setting s, const char *value, int in_args, char **normal){
  char *kept = text_copy(value);
  if( kept==NULL ) return no_memory(ctx);
  trim_key(kept);
  int rc = key_form_check(ctx, s, kept, in_args);
  if( rc==ORTTO_OK && normal ) *normal = kept;
  else free(kept);
  return rc;
}

/* Checks the value; as we keep it, it goes to *normal (malloc) if that is asked for. */
static int normal_setting(context *ctx, ortto_setting s, const char *value, int in_args, char **normal){
  size_t n;
  if( is_secret(s) ) return normal_key(ctx, s, value, in_args, normal);
  const char *kept = kept_form(s, value, &n);
  if( kept==NULL ) return bad_setting(ctx, s, value);
  if( normal==NULL ) return ORTTO_OK;
  *normal = text_copy_n(kept, n);
  return *normal ? ORTTO_OK : no_memory(ctx);
}

int settings_check(context *ctx, ortto_setting setting, const char *value, int in_args, char **normal){
  int of_connection = setting==ORTTO_MAX_DELETES || setting==ORTTO_MAX_UPDATES || setting==ORTTO_PROGRESS
                   || setting==ORTTO_CA_FILE;
  if( in_args && of_connection )
    return fail(ctx, "ortto: %s is no argument of a table; use SELECT ortto_config('%s', ...)",
                known[setting].name, known[setting].name);
  return normal_setting(ctx, setting, value, in_args, normal);
}

/* The value in force, as it was written, and where it stands; set: its variable of the environment. */
static const char *setting_raw(const settings *own, const ortto_args *args, ortto_setting s, const char *set,
                               enum origin *from){
  *from = FROM_ENVIRONMENT;
  if( s==ORTTO_WRITE && set && same_word(set, "off") ) return set;      /* the last word */
  *from = FROM_CONFIG;
  if( s==ORTTO_WRITE && own->config[s] && same_word(own->config[s], "off") ) return own->config[s];
  *from = FROM_ARGS;
  if( args && args->value[s] ) return args->value[s];
  *from = FROM_CONFIG;
  if( own->config[s] ) return own->config[s];
  *from = FROM_ENVIRONMENT;
  if( set && set[0] ) return set;
  *from = known[s].fallback ? FROM_DEFAULT : FROM_NOWHERE;
  return known[s].fallback;
}

int setting_value(context *ctx, const settings *own, const ortto_args *args, ortto_setting s, char **value,
                  enum origin *from){
  int failed = 0, rc = ORTTO_OK;
  char *set = os_environment(known[s].variable, &failed);
  *value = NULL;
  if( failed ) return no_memory(ctx);
  const char *raw = setting_raw(own, args, s, set, from);
  if( raw ) rc = normal_setting(ctx, s, raw, *from==FROM_ARGS, value);
  free(set);
  if( rc==ORTTO_ERROR && *from==FROM_ENVIRONMENT ){
    char why[sizeof ctx->error];
    snprintf(why, sizeof why, "%s", ctx->error);
    set_error(ctx, "%.900s (from the environment variable %s)", why, known[s].variable);
  }
  return rc;
}

static int cannot_read(context *ctx, ortto_setting s, const char *path, int why){
  return fail(ctx, "ortto: cannot read %s from the file '%.200s': %s", known[s].name, path, strerror(why));
}

/* First line of a file. */
static int key_from_file(context *ctx, ortto_setting s, const char *path, char **key){
  char line[4096];
  FILE *file = os_open_to_read(path);
  if( file==NULL ) return cannot_read(ctx, s, path, errno);
  size_t n = fread(line, 1, sizeof line - 1, file);
  int broken = ferror(file) ? errno : 0;
  fclose(file);
  if( broken ) return cannot_read(ctx, s, path, broken);
  line[n] = 0;
  if( strlen(line)!=n ) return fail(ctx, "ortto: the file '%.200s' is no text file with a key", path);
  line[strcspn(line, "\r\n")] = 0;
  *key = text_copy(line);
  return *key ? ORTTO_OK : no_memory(ctx);
}

static int key_from_environment(context *ctx, ortto_setting s, const char *variable, char **key){
  int failed = 0;
  char *got = os_environment(variable, &failed);
  if( failed ) return no_memory(ctx);
  if( got && got[0] ){
    *key = got;
    return ORTTO_OK;
  }
  free(got);
  return fail(ctx, "ortto: %s is to come from the environment variable %.60s, which is not set; set it "
              "before the program starts, or give the key with SELECT ortto_config('%s', '...')",
              known[s].name, variable, known[s].name);
}

/* A path where file:PATH was meant; a key holds no slash as far as any was seen [guess], and names no
** file. What begins as paths alone do is one, whether the file is there or not. */
static int is_path(const char *key){
  static const char *const begins[] = { "~/", "./", "../" };
  for(int i=0; i<COUNT(begins); i++) if( strncmp(key, begins[i], strlen(begins[i]))==0 ) return 1;
  return (strchr(key, '/') || strchr(key, '\\')) && os_is_file(key);
}

int key_resolve(context *ctx, ortto_setting s, const char *value, enum origin from, char **key){
  int rc = ORTTO_OK;
  *key = NULL;
  if( strcmp(value, "file:")==0 || strcmp(value, "env:")==0 )
    return fail(ctx, "ortto: %s is %s with nothing behind it; it takes %s", known[s].name, value, key_forms);
  if( strncmp(value, "file:", 5)==0 ) rc = key_from_file(ctx, s, value+5, key);
  else if( strncmp(value, "env:", 4)==0 ) rc = key_from_environment(ctx, s, value+4, key);
  else{
    *key = text_copy(value);
    if( *key==NULL ) rc = no_memory(ctx);
  }
  if( rc!=ORTTO_OK || *key==NULL ) return rc;
  trim_key(*key);
  int path = from!=FROM_ARGS && is_path(*key);
  if( !path && (*key)[0] && !has_controls(*key) ) return ORTTO_OK;
  if( path ) set_error(ctx, "ortto: %s is the path of a file: write file: in front of it", known[s].name);
  else
    set_error(ctx, "ortto: %s, read from %s, is %s; nothing was sent", known[s].name,
              is_reference(value) ? value : "the settings", key_fault(*key));
  free(*key);
  *key = NULL;
  return ORTTO_ERROR;
}

int settings_set(context *ctx, settings *own, ortto_setting setting, const char *value){
  char *normal = NULL;
  if( value ){
    int rc = normal_setting(ctx, setting, value, 0, &normal);
    if( normal && is_secret(setting) ){          /* a name or path that leads nowhere is better known now */
      char *key = NULL;
      rc = key_resolve(ctx, setting, normal, FROM_CONFIG, &key);
      free(key);
    }
    if( rc!=ORTTO_OK ){
      free(normal);
      return rc;
    }
  }
  free(own->config[setting]);
  own->config[setting] = normal;
  return ORTTO_OK;
}

static char *masked(const char *key){
  size_t n = strlen(key);
  char shown[16];
  snprintf(shown, sizeof shown, "****%s", n<8 ? "" : key + n - 4);
  for(char *p=shown; *p; p++) if( (unsigned char)*p>=0x80 ) *p = '*';
  return text_copy(shown);
}

int settings_show(context *ctx, const settings *own, ortto_setting setting, char **text){
  enum origin from;
  char *value, *key = NULL;
  int rc = setting_value(ctx, own, NULL, setting, &value, &from);
  *text = value;
  if( rc!=ORTTO_OK || value==NULL || !is_secret(setting) ) return rc;
  rc = key_resolve(ctx, setting, value, from, &key);
  free(value);
  *text = rc==ORTTO_OK && key ? masked(key) : NULL;
  free(key);
  return rc==ORTTO_OK && *text==NULL ? no_memory(ctx) : rc;
}

const char *settings_origin(const settings *own, ortto_setting setting){
  enum origin from;
  int failed = 0;
  char *set = os_environment(known[setting].variable, &failed);
  setting_raw(own, NULL, setting, set, &from);
  free(set);
  if( from==FROM_ENVIRONMENT ) return known[setting].variable;
  return from==FROM_CONFIG ? "ortto_config" : "default";
}

const char *ortto_setting_meaning(ortto_setting setting){
  return known[setting].meaning;
}

int settings_is_set(const settings *own, ortto_setting setting){
  enum origin from;
  int failed = 0;
  char *set = os_environment(known[setting].variable, &failed);
  int is_set = failed || setting_raw(own, NULL, setting, set, &from)!=NULL;
  free(set);
  return is_set;
}

int settings_number(context *ctx, const settings *own, const ortto_args *args, ortto_setting setting,
                    long *number){
  enum origin from;
  char *value;
  int rc = setting_value(ctx, own, args, setting, &value, &from);
  if( rc!=ORTTO_OK ) return rc;
  *number = 0;
  if( setting==ORTTO_PROGRESS || setting==ORTTO_WRITE ) *number = value && strcmp(value, "on")==0;
  else if( value && !is_auto(setting, value) ) number_parse(setting, value, number);
  free(value);
  return ORTTO_OK;
}

void settings_free(settings *own){
  for(int i=0; i<ORTTO_SETTINGS; i++) free(own->config[i]);
}
