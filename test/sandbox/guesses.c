/* guesses.c: see guesses.h. */
#define _GNU_SOURCE
#include "guesses.h"

#include <stdatomic.h>
#include <string.h>

#define MOST_READINGS 5

typedef struct Row {
  const char *name;
  const char *reading[MOST_READINGS]; /* the first is the sandbox's own */
  const char *section;                /* of the facts */
  const char *what;
} Row;

static const Row ROWS[] = {
    [G_CURSOR] = {"cursor", {"snapshot", "live"}, "3",
        "later pages come from the list as it was, or as it is"},
    [G_LAST_CURSOR] = {"last-cursor", {"id", "zero"}, "3", "cursor_id of the last page"},
    [G_LAST_OFFSET] = {"last-offset", {"sum", "zero", "absent"}, "3", "next_offset of the last page"},
    [G_LAST_MORE] = {"last-more", {"false", "absent"}, "3", "has_more of the last page"},
    [G_ROW_ORDER] = {"row-order", {"newest", "oldest"}, "6", "what comes first where no sort is asked for"},
    [G_MISSING_SORTS] = {"missing-sorts", {"last", "first"}, "6",
        "where a sort puts records without a value"},
    [G_TIME_SORT] = {"time-sort", {"sorted", "ignored", "refused"}, "6", "a sort by a time, such as e"},
    [G_STR_IS] = {"str-is", {"exact", "loose"}, "5.2", "$str::is: loose knows no case, no blanks around"},
    [G_MATCHES] = {"matches", {"sent", "absent"}, "2.1", "meta.total_matches"},
    [G_TOTAL_NAME] = {"total-name", {"total_organizations", "total_accounts"}, "2.1", "its name in meta"},
    [G_FIELDS_MOST] = {"fields-most", {"150", "20"}, "4.6", "field ids in a request; more are refused"},
    [G_IDS_MOST] = {"ids-most", {"100", "20"}, "2.2", "ids in a get-by-ids; more are refused"},
    [G_ARCHIVED_IDS] = {"archived-ids", {"returned", "left-out"}, "2.2", "archived records in a get-by-ids"},
    [G_UNKNOWN_IDS] = {"unknown-ids", {"left-out", "null", "refused"}, "2.2",
        "ids in a get-by-ids that nobody has"},
    [G_NO_VALUE] = {"no-value", {"absent", "null"}, "4.3", "fields without a value"},
    [G_NUMBERS] = {"numbers", {"number", "text"}, "4.3", "integers, scaled ones too"},
    [G_BOOLEANS] = {"booleans", {"bool", "text", "number"}, "4.3", "true and false"},
    [G_SHAPES] = {"shapes", {"object", "text"}, "4.3", "dates, phones and places"},
    [G_ERROR_BODY] = {"error-body", {"text", "object", "message", "html", "empty"}, "7.1",
        "the body of an error other than 400"},
    [G_MERGE_ROWS] = {"merge-rows", {"all", "good"}, "2.3",
        "rows of an answer to a merge of which some failed"},
    [G_QUEUED_ID] = {"queued-id", {"absent", "sent"}, "2.3", "the id in the answer to an async merge"},
    [G_ACCOUNT_ANSWER] = {"account-answer", {"accounts", "organizations"}, "2.10",
        "words of the answer to accounts/merge"},
    [G_ACCOUNT_KEY] = {"account-key", {"both", "account_id", "organization_id"}, "2.10",
        "str:o:..., the key of a merge by the account's id"},
    [G_ACTIVITY_ANSWER] = {"activity-answer", {"queued", "ingested"}, "2.12",
        "the status of an activity that was not sent async"}};

static atomic_int in_force[GUESSES];

int guess(Guess g) { return atomic_load_explicit(&in_force[g], memory_order_relaxed); }

bool guess_set(const char *name, const char *reading) {
  for (int g = 0; g < GUESSES; g++) {
    if (strcmp(ROWS[g].name, name)) continue;
    for (int k = 0; k < MOST_READINGS && ROWS[g].reading[k]; k++) {
      if (strcmp(ROWS[g].reading[k], reading)) continue;
      in_force[g] = k;
      return true;
    }
  }
  return false;
}

void put_guesses(Buf *b) {
  for (int g = 0; g < GUESSES; g++) {
    const Row *row = &ROWS[g];
    put_format(b, "%s{\"name\":\"%s\",\"section\":\"%s\",\"what\":\"%s\",\"readings\":[", g ? ",\n" : "[",
               row->name, row->section, row->what);
    for (int k = 0; k < MOST_READINGS && row->reading[k]; k++)
      put_format(b, "%s\"%s\"", k ? "," : "", row->reading[k]);
    put_format(b, "],\"reading\":\"%s\"}", row->reading[guess((Guess)g)]);
  }
  LIT(b, "]\n");
}

void print_guesses(FILE *to) {
  for (int g = 0; g < GUESSES; g++) {
    const Row *row = &ROWS[g];
    fprintf(to, "  %s=%s", row->name, row->reading[0]);
    for (int k = 1; k < MOST_READINGS && row->reading[k]; k++) fprintf(to, "|%s", row->reading[k]);
    fprintf(to, "\n      %s (section %s)\n", row->what, row->section);
  }
}
