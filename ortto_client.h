/*
** ortto_client.h - what Ortto can do for us: HTTP, JSON and Ortto's API, and nothing of SQLite's virtual
** tables.
**
** In order of use:
**
**     ortto_client_new            one per SQLite connection: connection pool, rate limit, request log
**     ortto_config_set            settings of this client, over the environment and the defaults
**     ortto_endpoint_open         settings and a table's arguments become a host and a key
**     ortto_fields_list           the fields of people or accounts, with column names and types
**     ortto_reader_open/_next     rows of any table, as typed values, page by page
**     ortto_send                  contacts, accounts and activities, in batches, with an outcome for each
**     ortto_check                 one cheap request that proves the settings
**
** Rules that hold for every function below:
** - A client and all that came from it belong to one thread at a time. Two clients share nothing.
** - A function that returns int returns ORTTO_OK (or ORTTO_ROW, ORTTO_DONE where it says so) or an error
**   code; then ortto_error(client) is a whole sentence for the user, which begins with "ortto: " and never
**   holds a key.
** - A function that may send something blocks; it asks ortto_host.interrupted at least every 40 ms.
** - Strings are UTF-8. Text from the server is sound UTF-8 here: what was not is U+FFFD.
** - Times in milliseconds (_ms) are wall-clock durations; sizes are bytes.
**
** Facts about the API are taken from Ortto's documentation and from recorded answers; what is a guess is
** marked so where the code in src/client relies on it.
*/
#ifndef ORTTO_CLIENT_H
#define ORTTO_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#define ORTTO_VERSION "0.1.0"

enum {
  ORTTO_OK = 0,
  ORTTO_ERROR,                 /* ortto_error() says what and what to do */
  ORTTO_NOMEM,                 /* an allocation failed; nothing is half done */
  ORTTO_INTERRUPT,             /* ortto_host.interrupted said so */
  ORTTO_ROW,                   /* ortto_reader_next: a record is there */
  ORTTO_DONE                   /* ortto_reader_next: there are no more */
};

typedef struct ortto_client ortto_client;
typedef struct ortto_endpoint ortto_endpoint;
typedef struct ortto_reader ortto_reader;
typedef struct ortto_cache ortto_cache;
typedef struct ortto_audiences ortto_audiences;

/* ---- client -------------------------------------------------------------------------------------------- */

typedef struct ortto_host {
  int (*interrupted)(void *ctx);   /* non-zero: give up what is waited for. Called on the caller's thread */
  void *ctx;
} ortto_host;

/* Returns NULL when out of memory or when libcurl cannot start. Free with ortto_client_free, after all
** endpoints and readers that came from it. Sends nothing. */
ortto_client *ortto_client_new(const ortto_host *host);
void ortto_client_free(ortto_client *client);

/* The last error of this client; "" if none. Valid until the next call with this client. */
const char *ortto_error(const ortto_client *client);

/* ---- settings ------------------------------------------------------------------------------------------ */

typedef enum ortto_setting {
  ORTTO_REGION, ORTTO_KEY, ORTTO_SEGMENT_KEY, ORTTO_API_URL, ORTTO_TIMEOUT_MS, ORTTO_RETRIES, ORTTO_RATE,
  ORTTO_CONCURRENCY, ORTTO_MAX_DELETES, ORTTO_MAX_UPDATES, ORTTO_WRITE, ORTTO_PROGRESS, ORTTO_CA_FILE,
  ORTTO_SETTINGS               /* their number */
} ortto_setting;

/* Settings written in a table's arguments: value[i] is NULL where none was given. Owned by the caller. */
typedef struct ortto_args {
  char *value[ORTTO_SETTINGS];
} ortto_args;

/* The setting of that name, or -1 with an error that lists the names. */
int ortto_setting_find(ortto_client *client, const char *name);
const char *ortto_setting_name(ortto_setting setting);

/* Is `value` good for this setting, as an argument of a table (in_args: then `file:` and foreign `env:`
** names are refused) or of ortto_config? On success *normal, if asked for, is the value as we keep it; the
** caller frees it. */
int ortto_setting_check(ortto_client *client, ortto_setting setting, const char *value, int in_args,
                        char **normal);

/* Set for this client, or reset with value NULL. */
int ortto_config_set(ortto_client *client, ortto_setting setting, const char *value);

/* When key, region or api_url were last set for this client, by the clock of os.h's now_us; 0: never. */
int64_t ortto_config_changed(const ortto_client *client);

/* What is in force for this client (configuration, environment, default), as text that may be shown: a key is
** masked. *text is NULL where nothing is set; the caller frees it. */
int ortto_config_get(ortto_client *client, ortto_setting setting, char **text);

/* Where that comes from: "ortto_config", the name of a variable of the environment, or "default", also where
** nothing is set. And what the setting means, in a few words. */
const char *ortto_config_origin(const ortto_client *client, ortto_setting setting);
const char *ortto_setting_meaning(ortto_setting setting);

/* Is a value in force, wherever it comes from? */
int ortto_config_is_set(const ortto_client *client, ortto_setting setting);

/* The number in force for one of the numeric settings or, for progress and write, 0 or 1 (concurrency: 0 is
** auto); args may be NULL. */
int ortto_config_number(ortto_client *client, const ortto_args *args, ortto_setting setting, long *number);

/* ---- endpoint: a host with a key ----------------------------------------------------------------------- */

typedef enum ortto_protocol {
  ORTTO_API,                   /* Ortto's public API, custom API key */
  ORTTO_SEGMENT                /* the Segment (Actions) data source */
} ortto_protocol;

/* Puts together host, key and limits; args may be NULL. Fails where a setting is missing or bad, and where
** the key must not go to that host. Sends nothing. Release with ortto_endpoint_close. */
int ortto_endpoint_open(ortto_client *client, const ortto_args *args, ortto_protocol protocol,
                        ortto_endpoint **out);
void ortto_endpoint_close(ortto_endpoint *endpoint);

/* A hash of host and key: equal for two endpoints that see the same data. */
uint64_t ortto_endpoint_identity(const ortto_endpoint *endpoint);

/* One cheap request (API: one contact; Segment: GET /me) that proves host, region and key. */
int ortto_check(ortto_endpoint *endpoint);

/* ---- tables, fields, values ---------------------------------------------------------------------------- */

typedef enum ortto_table {
  ORTTO_PEOPLE, ORTTO_ACCOUNTS, ORTTO_AUDIENCES, ORTTO_TAGS, ORTTO_PERSON_CUSTOM_FIELDS,
  ORTTO_ACCOUNT_CUSTOM_FIELDS, ORTTO_ACTIVITIES, ORTTO_FIELDS, ORTTO_AUDIENCE_MEMBERS, ORTTO_ACTIVITY_TYPES,
  ORTTO_TABLES                 /* their number */
} ortto_table;

const char *ortto_table_name(ortto_table table);          /* "people", "accounts", ... */

typedef enum ortto_type {      /* how a value is encoded by Ortto, and what it becomes here */
  ORTTO_TEXT,                  /* string */
  ORTTO_INTEGER,               /* integer, exact over int64 */
  ORTTO_REAL,                  /* integer x 1000 in Ortto (decimal, currency): divided here */
  ORTTO_BOOLEAN,               /* 1 or 0 */
  ORTTO_DATE,                  /* {year,month,day,timezone}: YYYY-MM-DD */
  ORTTO_TIME,                  /* RFC 3339 text as sent */
  ORTTO_PLACE,                 /* {id,name}: the name */
  ORTTO_PHONE,                 /* {c,n}: + and both */
  ORTTO_JSON,                  /* JSON text as sent */
  ORTTO_TAG_TYPE,              /* a tag's "" or "organization": person or account */
  ORTTO_RENDERED               /* the activity feed's render_cmds: their text, joined */
} ortto_type;

const char *ortto_type_sql(ortto_type type);   /* the declared type of a column: "TEXT", "JSON", ... */

typedef struct ortto_field {
  const char *id;              /* Ortto's field id ("str::email"), or the record's member ("created_at") */
  const char *name;            /* as Ortto shows it */
  const char *column;          /* the SQL column's name, unique in its list whatever the case of letters */
  const char *display_type;    /* Ortto's word for what it means */
  const char *choices;         /* JSON array of a select's choices, or NULL */
  ortto_type type;
  unsigned read_only : 1;
  unsigned hidden : 1;
  unsigned custom : 1;
  unsigned listed : 1;         /* the server itself said that this instance has it */
  unsigned key : 1;            /* part of the key of its table */
} ortto_field;

typedef struct ortto_field_list {
  const ortto_field *field;
  int count;
  void *memory;                /* owner of the strings */
} ortto_field_list;

/* The columns of any table but people and accounts: constant, not to be freed. */
const ortto_field_list *ortto_table_fields(ortto_table table);

/* Columns that steer a read of people and accounts instead of holding a value: "filter", "q", "scope",
** "sort", "audience" (people only); NULL past the last. */
const char *ortto_hidden_column(ortto_table table, int i);

/* What fields an account has is asked once and then known to all that see the same data. Where that is not
** enough, `since` says from when on it counts: a time by the clock of os.h's now_us, or one of these. */
#define ORTTO_KNOWN ((int64_t)0)   /* whenever it was asked */
#define ORTTO_ANEW INT64_MAX       /* it is asked in any case */

/* The fields of people or accounts, the id first; what is not known of them is asked, in up to two
** requests. `selection` is NULL or "standard", "all", or field ids separated by spaces or commas; an
** unknown id is an error that names what would do. With by_ids the columns are named by field id. Free
** with ortto_fields_free. */
int ortto_fields_list(ortto_endpoint *endpoint, ortto_table table, const char *selection, int by_ids,
                      int64_t since, ortto_field_list **out);
/* Would ortto_fields_list send nothing? */
int ortto_fields_are_known(const ortto_endpoint *endpoint, ortto_table table, const char *selection,
                           int64_t since);
/* For whoever is about to read ORTTO_FIELDS or ORTTO_ACTIVITY_TYPES: asks for what was not asked since
** then. For another table nothing. */
int ortto_known_renew(ortto_endpoint *endpoint, ortto_table table, int64_t since);
/* For when the server cannot be asked: the built-in fields or, where the selection names fields, these, of
** which nothing is known but what their ids say. Sends nothing. */
int ortto_fields_guessed(ortto_client *client, ortto_table table, const char *selection, int by_ids,
                         ortto_field_list **out);
void ortto_fields_free(ortto_field_list *list);
/* Equal for two lists with the same ids, column names and types in the same order. */
uint64_t ortto_fields_identity(const ortto_field_list *list);
/* Compares two of Ortto's times, whatever their number of fraction digits: below, equal to or above 0. */
int ortto_time_compare(const char *a, size_t a_length, const char *b, size_t b_length);

/* Does this instance's schema list the built-in field? Asked once, then known; an answer that cannot be had
** counts as no. May return ORTTO_INTERRUPT or ORTTO_NOMEM. */
int ortto_field_is_listed(ortto_endpoint *endpoint, const ortto_field *field, int *listed);

typedef enum ortto_kind { ORTTO_VALUE_NULL, ORTTO_VALUE_INTEGER, ORTTO_VALUE_REAL, ORTTO_VALUE_TEXT,
                          ORTTO_VALUE_JSON } ortto_kind;

typedef struct ortto_value {
  ortto_kind kind;
  int64_t integer;             /* ORTTO_VALUE_INTEGER */
  double real;                 /* ORTTO_VALUE_REAL */
  const char *text;            /* TEXT, JSON: not terminated, may hold NUL */
  size_t length;
} ortto_value;

/* ---- reading ------------------------------------------------------------------------------------------- */

/* Conditions that the server can be asked to apply. Sound ones only: it finds what SQLite would, or more. */
typedef enum ortto_test { ORTTO_IS, ORTTO_HAS_VALUE, ORTTO_HAS_NO_VALUE } ortto_test;

typedef struct ortto_condition {
  const ortto_field *field;
  ortto_test test;
  const char *const *values;   /* ORTTO_IS: any of these */
  int count;
} ortto_condition;

/* May this text be sent as the value of ORTTO_IS without risk that the server finds less than an exact
** comparison? (No blanks at the ends, nothing that JSON or Unicode processing could change, not empty, at
** most 255 characters.) */
int ortto_text_is_exact(const char *text, size_t length);

/* Is this the form of a person's, account's or audience's id: 24 lower-case hexadecimal digits? */
int ortto_is_id(const char *text, size_t length);

typedef struct ortto_query {   /* all zero: every row. Strings and arrays are copied by ortto_reader_open */
  ortto_table table;
  const ortto_field *const *fields;   /* the values wanted, in the record's order; must outlive the reader */
  int field_count;
  const char *const *ids;      /* people, accounts: only these, by get-by-ids; activities: of these people;
                               ** audience members: of these audiences */
  int id_count;
  int by_ids;                  /* ids is to be obeyed, even if it is empty */
  const ortto_condition *conditions;  /* all of these hold */
  int condition_count;
  const char *filter;          /* a filter object of Ortto's own, as JSON text */
  const char *q;               /* Ortto's text search */
  const ortto_field *sort;     /* the server's own order by this field */
  int descending;
  int archived;                /* archived records only */
  const char *const *audiences;       /* ids: the members of any of these are wanted, each once; audience
                                      ** members: names, of these audiences */
  int audience_count;
  int64_t limit;               /* no more rows than this will be read: sizes the pages. 0: unknown */
  int one_by_one;              /* never ask ahead: the read may end at any row */
  const char *cursor_id;       /* go on under this cursor ... */
  int64_t offset;              /* ... from this offset */
  ortto_cache *cache;          /* by_ids: what was fetched before with the same fields; or NULL */
  const char *note;            /* a constant for the log's error of its requests that succeed; or NULL */
} ortto_query;

/* Opens a read; sends nothing yet. Close with ortto_reader_close, which cancels what is in flight. */
int ortto_reader_open(ortto_endpoint *endpoint, const ortto_query *query, ortto_reader **out);
void ortto_reader_close(ortto_reader *reader);

/* ORTTO_ROW: (*values)[0..field_count-1] hold the record until the next call. ORTTO_DONE: the read is
** complete, which is never said of a read that is not. Pages are asked for as rows are: the first alone, then
** several at once under one cursor, delivered in order. */
int ortto_reader_next(ortto_reader *reader, const ortto_value **values);

/* At the end of a page, where the next one has arrived already: enters it, so that ortto_reader_next gives
** its first row without waiting. Else 0; what is wrong with a page is told by ortto_reader_next. */
int ortto_reader_enter(ortto_reader *reader);

/* Which of the query's audiences the present record was found in. */
int ortto_reader_audience(const ortto_reader *reader);

/* Instead of reading: the number of rows, from one request. *count is -1 if the server does not say. */
int ortto_reader_count(ortto_reader *reader, int64_t *count);

typedef struct ortto_progress {
  int64_t page;                /* pages that have been entered; the record last returned is from the last */
  int page_ends;               /* the record last returned was the last of its page */
  int64_t total;               /* rows in all as the server estimates, -1 unknown */
  int64_t everybody;           /* people or accounts without any condition, -1 unsaid */
  int at_hand;                 /* what is left of the read needs no further request */
  int64_t count;               /* what ortto_reader_count would give, said by the first page; -1: read on */
  const char *cursor_id;       /* under which another scan could go on, or NULL */
  int64_t next_offset;         /* where the page after this one begins */
  int64_t requests, retries;   /* of this read so far */
  const char *fell_back;       /* why the scan reads one page at a time, or NULL */
  const char *anew;            /* why a new scan may not have this error, or NULL: this one was to go on under
                               ** query.cursor_id and cannot, or rows are missing */
  int unsure;                  /* rows may be missing so far: the list's end would tell */
  const char *server_time;     /* its clock at the first answer, UTC: 2025-11-04T19:10:31Z; "" unsaid */
} ortto_progress;

void ortto_reader_progress(const ortto_reader *reader, ortto_progress *progress);

/* Remembers records fetched by id, so that a join does not fetch them again; above 8 MB it starts anew. */
ortto_cache *ortto_cache_new(void);
void ortto_cache_free(ortto_cache *cache);

/* The ids of the audiences with these names or ids, in their order, from one list of all; unknown and
** ambiguous names are errors. ids[] is NULL before; what is there afterwards is freed by the caller, after
** an error too. known: NULL, or where that list is kept for further calls; NULL before the first. */
int ortto_audiences_find(ortto_endpoint *endpoint, const char *const *names, int count, char **ids,
                         ortto_audiences **known);
void ortto_audiences_free(ortto_audiences *all);

/* Is this JSON text, and an object? Strict: nothing behind it. */
int ortto_json_is_object(const char *text, size_t length);

/* ---- writing ------------------------------------------------------------------------------------------- */

typedef enum ortto_verb {        /* what the records are */
  ORTTO_UPSERT,                /* contacts */
  ORTTO_TRACK,                 /* activities */
  ORTTO_UPSERT_ACCOUNTS,       /* accounts, in the same form */
  ORTTO_ARCHIVE,               /* {"id":"..."} of contacts to be archived; archived already is success */
  ORTTO_ARCHIVE_ACCOUNTS
} ortto_verb;

typedef struct ortto_options ortto_options;
typedef struct ortto_sending ortto_sending;

/* The options of a call, from JSON text (NULL: none): via, to, batch, merge_by, merge_strategy,
** find_strategy, async, skip_non_existing, suppression_list_field_id, nulls, create. An unknown or bad one is
** an error. */
int ortto_options_read(ortto_client *client, const char *text, size_t length, ortto_options **out);
void ortto_options_free(ortto_options *options);
const char *ortto_options_via(const ortto_options *options);              /* name of a table, or NULL */
int ortto_options_protocol(const ortto_options *options, ortto_protocol *protocol);   /* 0: not said */

typedef struct ortto_reason {    /* why a record was refused here */
  const char *field;           /* the name that it is given under, NULL: of no single one */
  const char *message;
} ortto_reason;

typedef struct ortto_outcome {   /* of one record */
  int status;                  /* 200, the server's, 400 or 413 where refused here; 0: unknown, or not sent */
  const char *errortype;       /* NULL, or PAYLOAD_VALIDATION_FAILED, REFUSED, NOT_SENT, UNKNOWN_OUTCOME */
  const char *message;         /* with errortype */
  const char *body;            /* without: what a person may read */
  const char *person_id;       /* the API's id of the contact, or NULL */
  const char *request_id;      /* Ortto's, of a refusal, or NULL */
  const char *result;          /* the API's word: created, merged, queued, ..., or NULL */
  const ortto_reason *reasons; /* all of them, where it was refused here: message is the first */
  int reason_count;
  int repeated;                /* an activity of a call that repeats the one before: the server merges it */
  const char *sent;            /* JSON: the record as sent, or as given if it was refused here */
  size_t sent_length;
} ortto_outcome;

/* Sends records (a JSON object, or a list of them; members as the SQL interface names them) in batches,
** several in flight, those of one contact in their order. ORTTO_OK and ORTTO_INTERRUPT: *out has an outcome
** for every record, which may be a refusal. Any other error means that nothing was sent (bad JSON, bad
** options). `options` must outlive the sending. Free with ortto_sending_free. */
int ortto_send(ortto_endpoint *endpoint, ortto_verb verb, const char *json, size_t length,
               const ortto_options *options, ortto_sending **out);

/* 1: a request failed so that no further one was begun (key refused, server or network down past the
** retries). */
int ortto_sending_stopped(const ortto_sending *sending);
int ortto_sending_count(const ortto_sending *sending);
int ortto_sending_is_list(const ortto_sending *sending);
const ortto_outcome *ortto_sending_outcome(ortto_sending *sending, int i);
void ortto_sending_free(ortto_sending *sending);

/* Can this JSON value be written into the field? ORTTO_OK, or an error that says why not ("the column x
** ..."). Sends nothing. */
int ortto_value_check(ortto_client *client, const ortto_field *field, const char *json, size_t length);

/* What such a value, which was found good, becomes: as it will be read. Its text is *text, by malloc, NULL if
** it has none. ORTTO_OK, or ORTTO_NOMEM. */
int ortto_value_becomes(const ortto_field *field, const char *json, size_t length, ortto_value *out,
                        char **text);

/* ---- what was sent ------------------------------------------------------------------------------------- */

#define ORTTO_LOG_SIZE 1000

typedef struct ortto_log_entry {
  int64_t number;              /* counts from 1 */
  char at[25];                 /* start, UTC: 2025-11-04T19:10:31.123Z */
  char method[8];
  char path[64];               /* without host, without key */
  int status;                  /* HTTP status, 0 if there was no answer */
  int attempt;                 /* 1 is the first */
  int64_t ms;
  int64_t sent_bytes, received_bytes;   /* bodies; received as decompressed */
  int64_t rows;                /* records in the answer, -1 where it has none */
  char request_id[64];         /* Ortto's, "" if none */
  char error[256];             /* "" if none; or the note of the query */
} ortto_log_entry;

/* Entry `number`, or the oldest one kept that comes after it; NULL if there is none. Valid until the next
** request. */
const ortto_log_entry *ortto_log_at(const ortto_client *client, int64_t number);
/* The number of the newest entry, 0 if there is none. */
int64_t ortto_log_last(const ortto_client *client);

typedef enum ortto_waiting {   /* in order: where several hold, the later one is what holds up */
  ORTTO_FOR_NOTHING,
  ORTTO_FOR_ANSWER,            /* what is asked for is on its way */
  ORTTO_FOR_RATE,              /* more could be asked, but for the rate */
  ORTTO_FOR_RETRY,             /* after a lost connection, or an answer that is worth another try */
  ORTTO_FOR_REFUSAL            /* the server said 429 */
} ortto_waiting;

/* What holds up a call that blocks, for whoever shows it when ortto_host.interrupted is asked. *ms is how
** long yet, 0 where it cannot be told. */
ortto_waiting ortto_waits_for(const ortto_client *client, int64_t *ms);
/* For the same: how many records of the ortto_send that is at work have their outcome; of the last one where
** none is. */
int64_t ortto_records_settled(const ortto_client *client);

#endif
