/*
** schema.c - see schema.h.
*/
#include "schema.h"

#include <string.h>

#include "../text.h"

/* Built-in fields that are not derived from activities, as a recorded instance schema lists them. */
static const built_in person_fields[] = {
  { "a",                "Archived",                       "time",                1, 0 },
  { "bol::gdpr",        "GDPR",                           "bool",                0, 0 },
  { "bol::hb",          "Hard bounced",                   "bool",                1, 1 },
  { "bol::p",           "Email permission",               "bool",                0, 0 },
  { "bol::sp",          "SMS permission",                 "bool",                0, 0 },
  { "c",                "Created",                        "time",                1, 0 },
  { "dtz::b",           "Birthday",                       "date",                0, 0 },
  { "e",                "Edited",                         "time",                1, 0 },
  { "f",                "First seen",                     "time",                1, 0 },
  { "geo::city",        "City",                           "geo",                 0, 0 },
  { "geo::country",     "Country",                        "geo",                 0, 0 },
  { "geo::ll",          "Last location",                  "geo",                 1, 0 },
  { "geo::ll-cnt",      "Last country",                   "geo",                 1, 0 },
  { "geo::ll-cty",      "Last city",                      "geo",                 1, 0 },
  { "geo::ll-r",        "Last region",                    "geo",                 1, 0 },
  { "geo::region",      "Region",                         "geo",                 0, 0 },
  { "idt::o",           "Account",                        "id",                  1, 0 },
  { "idt::pe_",         "Last sticky field",              "id",                  1, 1 },
  { "int::e",           "Engagement",                     "engagement",          1, 0 },
  { "int::ta",          "Total attributed",               "currency",            1, 0 },
  { "int::v",           "Total spent",                    "currency",            1, 0 },
  { "l",                "Last seen",                      "time",                1, 0 },
  { "o",                "SMS subscribe date",             "time",                1, 0 },
  { "phn::phone",       "Phone number",                   "phone",               0, 0 },
  { "proximity::loc",   "Proximity",                      "proximity",           1, 0 },
  { "r",                "Restored",                       "time",                1, 0 },
  { "s",                "Email subscribe date",           "time",                1, 0 },
  { "str::as",          "Archive source",                 "text",                1, 0 },
  { "str::ei",          "External ID",                    "text",                0, 0 },
  { "str::email",       "Email",                          "email",               0, 0 },
  { "str::first",       "First name",                     "text",                0, 0 },
  { "str::is",          "Initial source",                 "text",                1, 0 },
  { "str::iu",          "Initial URL",                    "text",                1, 0 },
  { "str::iuc",         "Initial UTM campaign content",   "text",                0, 0 },
  { "str::ium",         "Initial UTM campaign medium",    "text",                0, 0 },
  { "str::iun",         "Initial UTM campaign name",      "text",                0, 0 },
  { "str::ius",         "Initial UTM campaign source",    "text",                0, 0 },
  { "str::iut",         "Initial UTM campaign term",      "text",                0, 0 },
  { "str::language",    "Language",                       "single_select",       0, 0 },
  { "str::last",        "Last name",                      "text",                0, 0 },
  { "str::lb",          "Last browser",                   "text",                1, 0 },
  { "str::lt",          "Last timezone",                  "single_select",       0, 0 },
  { "str::name",        "Name",                           "text",                0, 0 },
  { "str::postal",      "Postal code",                    "text",                0, 0 },
  { "str::s-ctx",       "Email subscribe context",        "text",                0, 0 },
  { "str::soi-ctx",     "SMS subscribe context",          "text",                0, 0 },
  { "str::soo-ctx",     "SMS unsubscribe context",        "text",                1, 0 },
  { "str::su",          "Subscribed via URL",             "url",                 1, 0 },
  { "str::u-ctx",       "Email unsubscribe context",      "text",                1, 0 },
  { "tme::c_",          "Is in campaign",                 "campaign_member",     0, 1 },
  { "tme::ct",          "Current time",                   "text",                1, 0 },
  { "tme::ds_",         "Data source",                    "text_dictionary",     0, 1 },
  { "tme::hnlc_",       "Has not left campaign",          "campaign_member",     0, 1 },
  { "tme::hnsc_",       "Has not started campaign",       "campaign_member",     0, 1 },
  { "tme::l_",          "Left audience",                  "audience_member",     0, 1 },
  { "tme::lj_",         "Last journey",                   "campaign_member",     0, 1 },
  { "tme::llc_",        "Has left campaign",              "campaign_member",     0, 1 },
  { "tme::lp_",         "Last playbook",                  "campaign_member",     0, 1 },
  { "tme::m_",          "Member of audience",             "audience_member",     0, 1 },
  { "tme::oo_",         "Subscriber of SMS audience",     "audience_member",     0, 1 },
  { "tme::s_",          "Subscriber of audience",         "audience_subscriber", 0, 1 },
  { "tme::sa",          "Suppressed at",                  "time",                1, 0 },
  { "tme::sc_",         "Has started campaign",           "campaign_member",     0, 1 },
  { "tme::soo",         "SMS unsubscribe date",           "time",                1, 0 },
  { "tme::u_",          "Unsubscriber of audiences",      "audience_subscriber", 0, 1 },
  { "tme::ua",          "Unsuppressed at",                "time",                1, 0 },
  { "u",                "Email unsubscribe date",         "time",                1, 0 },
  { "u4s::t",           "Tag",                            "tags",                1, 0 },
};

static const built_in account_fields[] = {
  { "geo:o:city",       "City",                           "geo",                 0, 0 },
  { "geo:o:country",    "Country",                        "geo",                 0, 0 },
  { "geo:o:ll",         "Last location",                  "geo",                 1, 0 },
  { "geo:o:ll-cnt",     "Last country",                   "geo",                 1, 0 },
  { "geo:o:ll-cty",     "Last city",                      "geo",                 1, 0 },
  { "geo:o:ll-r",       "Last region",                    "geo",                 1, 0 },
  { "geo:o:region",     "Region",                         "geo",                 0, 0 },
  { "ids:o:p",          "People",                         "people",              1, 0 },
  { "int:o:e",          "Engagement",                     "engagement",          1, 0 },
  { "int:o:employees",  "Employees",                      "integer",             0, 0 },
  { "oc",               "Created",                        "time",                1, 0 },
  { "oe",               "Edited",                         "time",                1, 0 },
  { "of",               "First seen",                     "time",                1, 0 },
  { "ol",               "Last seen",                      "time",                1, 0 },
  { "str:o:address",    "Address",                        "text",                0, 0 },
  { "str:o:as",         "Archive source",                 "text",                0, 1 },
  { "str:o:industry",   "Industry",                       "text",                0, 0 },
  { "str:o:lt",         "Last timezone",                  "single_select",       0, 0 },
  { "str:o:name",       "Name",                           "text",                0, 0 },
  { "str:o:owner",      "Owner",                          "text",                0, 0 },
  { "str:o:postal",     "Postal code",                    "text",                0, 0 },
  { "str:o:source",     "Initial source",                 "text",                0, 0 },
  { "str:o:website",    "Website",                        "link",                0, 0 },
  { "tme:o:ds_",        "Datasource prefix",              "time",                0, 1 },
  { "u4s:o:t",          "Tag",                            "tags",                0, 0 },
};

/* What people look for first stands first; the rest in the order above. */
static const char *const leading[] = {
  "str::email", "str::first", "str::last", "str::name", "phn::phone", "str::ei", "idt::o",
  "str:o:name", "str:o:website", "str:o:industry",
};

/* Names that the contract fixes and that do not follow from the field's name. */
static const struct { const char *id, *column; } named[] = {
  { "u4s::t", "tag_ids" }, { "u4s:o:t", "tag_ids" }, { "idt::o", "account_id" },
};

static const struct { const char *display_type; ortto_type type; } display_types[] = {
  { "text", ORTTO_TEXT }, { "email", ORTTO_TEXT }, { "url", ORTTO_TEXT }, { "link", ORTTO_TEXT },
  { "single_select", ORTTO_TEXT }, { "large_text", ORTTO_TEXT }, { "id", ORTTO_TEXT },
  { "integer", ORTTO_INTEGER }, { "engagement", ORTTO_INTEGER },
  { "decimal", ORTTO_REAL }, { "currency", ORTTO_REAL },
  { "bool", ORTTO_BOOLEAN }, { "date", ORTTO_DATE }, { "time", ORTTO_TIME },
  { "geo", ORTTO_PLACE }, { "phone", ORTTO_PHONE },
  { "multi_select", ORTTO_JSON }, { "text_list", ORTTO_JSON }, { "object", ORTTO_JSON },
  { "tags", ORTTO_JSON }, { "people", ORTTO_JSON },
};

static const struct { const char *prefix; ortto_type type; } prefixes[] = {
  { "str", ORTTO_TEXT }, { "txt", ORTTO_TEXT }, { "strc", ORTTO_TEXT }, { "idt", ORTTO_TEXT },
  { "int", ORTTO_INTEGER }, { "bol", ORTTO_BOOLEAN }, { "dtz", ORTTO_DATE }, { "tme", ORTTO_TIME },
  { "phn", ORTTO_PHONE }, { "geo", ORTTO_PLACE },
};

/* Fields of these kinds exist for filters, or are no values of a contact. */
static const char *const valueless[] = {
  "activity", "activity_template", "campaign_member", "audience_member", "audience_subscriber", "proximity",
};

static const char *const type_names[] = {
  [ORTTO_TEXT] = "TEXT", [ORTTO_INTEGER] = "INTEGER", [ORTTO_REAL] = "REAL", [ORTTO_BOOLEAN] = "BOOLEAN",
  [ORTTO_DATE] = "DATE", [ORTTO_TIME] = "DATETIME", [ORTTO_PLACE] = "TEXT", [ORTTO_PHONE] = "TEXT",
  [ORTTO_JSON] = "JSON", [ORTTO_TAG_TYPE] = "TEXT", [ORTTO_RENDERED] = "TEXT",
};

static const char *const table_names[ORTTO_TABLES] = {
  "people", "accounts", "audiences", "tags", "person_custom_fields", "account_custom_fields", "activities",
  "fields", "audience_members", "activity_types",
};

/* Members of the API's records, under the API's names. */
#define MEMBER(name, type) { name, name, name, "", NULL, type, 1, 0, 0, 1, 0 }
#define KEY(name, type)    { name, name, name, "", NULL, type, 1, 0, 0, 1, 1 }
#define AS(column, member, type) { member, column, column, "", NULL, type, 1, 0, 0, 1, 0 }

static const ortto_field audience_fields[] = {
  KEY("id", ORTTO_TEXT), MEMBER("name", ORTTO_TEXT), MEMBER("instance_id", ORTTO_TEXT),
  MEMBER("folder_id", ORTTO_TEXT), MEMBER("data_source_id", ORTTO_TEXT), MEMBER("icon_id", ORTTO_TEXT),
  MEMBER("type", ORTTO_TEXT), MEMBER("building", ORTTO_BOOLEAN), MEMBER("ready", ORTTO_BOOLEAN),
  MEMBER("is_public", ORTTO_BOOLEAN), MEMBER("sms_is_public", ORTTO_BOOLEAN),
  MEMBER("sms_public_name", ORTTO_TEXT), MEMBER("sms_public_description", ORTTO_TEXT),
  MEMBER("filter", ORTTO_JSON), MEMBER("filter_sha", ORTTO_TEXT), MEMBER("last_built_at", ORTTO_TIME),
  MEMBER("new_filter", ORTTO_JSON), MEMBER("new_filter_sha", ORTTO_TEXT), MEMBER("last_used", ORTTO_TIME),
  MEMBER("created", ORTTO_TIME), MEMBER("created_by_id", ORTTO_TEXT),
  MEMBER("created_by_name", ORTTO_TEXT), MEMBER("edited_at", ORTTO_TIME),
  MEMBER("archived_at", ORTTO_TIME), MEMBER("public_name", ORTTO_TEXT),
  MEMBER("public_description", ORTTO_TEXT), MEMBER("template_id", ORTTO_TEXT),
  MEMBER("exit_selection", ORTTO_TEXT), MEMBER("new_exit_criteria_filter", ORTTO_JSON),
  MEMBER("ds_destinations", ORTTO_JSON), MEMBER("sms_opted_in", ORTTO_INTEGER),
  MEMBER("subscribers", ORTTO_INTEGER), MEMBER("members", ORTTO_INTEGER),
  MEMBER("added_last_30_days", ORTTO_INTEGER), MEMBER("engagement", ORTTO_INTEGER),
  MEMBER("revenue", ORTTO_INTEGER), MEMBER("is_cold", ORTTO_BOOLEAN),
};
static const ortto_field tag_members[] = {
  KEY("type", ORTTO_TAG_TYPE), KEY("id", ORTTO_INTEGER), MEMBER("name", ORTTO_TEXT),
  MEMBER("instance_id", ORTTO_TEXT), MEMBER("source", ORTTO_TEXT), MEMBER("created_by_id", ORTTO_TEXT),
  MEMBER("created_by_name", ORTTO_TEXT), MEMBER("created_by_email", ORTTO_TEXT),
  MEMBER("created_at", ORTTO_TIME), MEMBER("last_used", ORTTO_TIME), MEMBER("count", ORTTO_INTEGER),
  MEMBER("sms_opted_in", ORTTO_INTEGER), MEMBER("subscribers", ORTTO_INTEGER),
};
static const ortto_field person_definition[] = {
  KEY("id", ORTTO_TEXT), MEMBER("name", ORTTO_TEXT), MEMBER("display_type", ORTTO_TEXT),
  MEMBER("liquid_name", ORTTO_TEXT), MEMBER("dic_items", ORTTO_JSON),
  MEMBER("tracked_value", ORTTO_BOOLEAN),
};
static const ortto_field account_definition[] = {
  KEY("id", ORTTO_TEXT), MEMBER("name", ORTTO_TEXT), MEMBER("display_type", ORTTO_TEXT),
  MEMBER("liquid_name", ORTTO_TEXT), MEMBER("dic_items", ORTTO_JSON),
};
static const ortto_field activity_members[] = {
  KEY("id", ORTTO_TEXT), MEMBER("person_id", ORTTO_TEXT), AS("activity_id", "field_id", ORTTO_TEXT),
  MEMBER("created_at", ORTTO_TIME), AS("attributes", "attr", ORTTO_JSON),
  AS("text", "render_cmds", ORTTO_RENDERED),
};
static const ortto_field field_members[] = {
  KEY("entity", ORTTO_TEXT), KEY("id", ORTTO_TEXT), MEMBER("name", ORTTO_TEXT),
  MEMBER("column_name", ORTTO_TEXT), MEMBER("display_type", ORTTO_TEXT), MEMBER("sql_type", ORTTO_TEXT),
  MEMBER("read_only", ORTTO_BOOLEAN), MEMBER("hidden", ORTTO_BOOLEAN), MEMBER("custom", ORTTO_BOOLEAN),
  MEMBER("choices", ORTTO_JSON),
};
static const ortto_field member_fields[] = {
  KEY("audience_id", ORTTO_TEXT), MEMBER("audience_name", ORTTO_TEXT), KEY("person_id", ORTTO_TEXT),
};
static const ortto_field activity_type_fields[] = {
  KEY("id", ORTTO_TEXT), MEMBER("name", ORTTO_TEXT), MEMBER("namespace", ORTTO_TEXT),
  MEMBER("attributes", ORTTO_JSON),
};
#define LIST(members) { members, COUNT(members), NULL }
static const ortto_field_list table_fields[ORTTO_TABLES] = {
  [ORTTO_AUDIENCES] = LIST(audience_fields), [ORTTO_TAGS] = LIST(tag_members),
  [ORTTO_PERSON_CUSTOM_FIELDS] = LIST(person_definition),
  [ORTTO_ACCOUNT_CUSTOM_FIELDS] = LIST(account_definition), [ORTTO_ACTIVITIES] = LIST(activity_members),
  [ORTTO_FIELDS] = LIST(field_members), [ORTTO_AUDIENCE_MEMBERS] = LIST(member_fields),
  [ORTTO_ACTIVITY_TYPES] = LIST(activity_type_fields),
};

const char *ortto_table_name(ortto_table table){
  return table_names[table];
}

const char *ortto_type_sql(ortto_type type){
  return type_names[type];
}

const ortto_field_list *ortto_table_fields(ortto_table table){
  return &table_fields[table];
}

const char *ortto_hidden_column(ortto_table table, int i){
  static const char *const columns[] = { "filter", "q", "scope", "sort", "audience" };
  int count = table==ORTTO_PEOPLE ? 5 : table==ORTTO_ACCOUNTS ? 4 : 0;   /* accounts have no audiences */
  return i<count ? columns[i] : NULL;
}

int has_value(const ortto_field *f){
  size_t n = strlen(f->id);
  if( n==0 || f->id[n-1]=='_' || strncmp(f->id, "act:", 4)==0 || strcmp(f->id, "tme::ct")==0 ) return 0;
  for(int i=0; i<COUNT(valueless); i++) if( strcmp(f->display_type, valueless[i])==0 ) return 0;
  return 1;
}

ortto_type type_of(const char *id, const char *display_type){
  const char *colon = strchr(id, ':');
  for(int i=0; i<COUNT(display_types); i++)
    if( strcmp(display_type, display_types[i].display_type)==0 ) return display_types[i].type;
  if( colon==NULL ) return ORTTO_TIME;           /* ids without colons are the built-in times */
  size_t n = (size_t)(colon - id);
  for(int i=0; i<COUNT(prefixes); i++){
    const char *prefix = prefixes[i].prefix;
    if( strlen(prefix)==n && memcmp(id, prefix, n)==0 ) return prefixes[i].type;
  }
  return ORTTO_JSON;
}

const char *definitions_path(ortto_table table){
  int people = table==ORTTO_PEOPLE || table==ORTTO_PERSON_CUSTOM_FIELDS;
  return people ? "/v1/person/custom-field/get" : "/v1/accounts/custom-field/get";
}

int ortto_is_id(const char *text, size_t length){
  if( length!=24 ) return 0;
  for(size_t i=0; i<24; i++) if( hex_digit(text[i])<0 ) return 0;
  return 1;
}

int is_zero_id(const char *id){
  return id[strspn(id, "0")]==0;
}

const built_in *schema_built_in(ortto_table table, int *count){
  *count = table==ORTTO_PEOPLE ? COUNT(person_fields) : COUNT(account_fields);
  return table==ORTTO_PEOPLE ? person_fields : account_fields;
}

int schema_leading_count(void){
  return COUNT(leading);
}

const char *schema_leading(int i){
  return leading[i];
}

const char *schema_column(const char *id){
  for(int i=0; i<COUNT(named); i++) if( strcmp(named[i].id, id)==0 ) return named[i].column;
  return NULL;
}
