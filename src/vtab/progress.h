/*
** progress.h - the line on a terminal while somebody waits: rows of how many, how fast, how long yet, and
** what is waited for.
**
** One line for each connection, of whoever began first: a statement's first scan, a sync, a COMMIT;
** whoever else reads in the meantime has a part in it. It is drawn where the setting `progress` is on and the
** standard error is a terminal, from two seconds on, whenever the client asks whether to go on.
** May use: os, text, the client. Must not know: SQLite, and whose line it is.
** Nothing in here fails, and nothing blocks but the terminal.
*/
#ifndef ORTTO_VTAB_PROGRESS_H
#define ORTTO_VTAB_PROGRESS_H

#include "../../ortto_client.h"

#define PROGRESS_PARTS 3           /* tables that a line names */

typedef struct progress_part {
  const void *of;
  char name[48];
  int64_t rows, total, from;       /* total -1: unknown; from: rows that were there before */
} progress_part;

typedef struct progress {          /* all zero at first */
  const void *of;                  /* who began it; NULL: nobody */
  char what[48];
  int64_t begun, looked;           /* by now_us; looked: when it was drawn, or not wanted */
  progress_part part[PROGRESS_PARTS];
  int parts;
  int sending;                     /* the first part: what the client settles, behind `before` */
  int64_t before;
  int drawn;                       /* columns of what stands on the terminal */
  int shown;                       /* it was drawn at all */
} progress;

/* Nothing where a line is somebody's already. */
void progress_begin(progress *p, const void *of, const char *what);
/* Nothing for anybody but who began it. */
void progress_end(progress *p, const void *of);
/* The end, where a line that was shown stays and has a line end. */
void progress_stay(progress *p, const void *of);

/* The part of `of`, or a new one by that name; NULL where there is no line, or no place in it. */
progress_part *progress_part_of(progress *p, const void *of, const char *name);
void progress_row(progress *p, const void *of, const char *name);
void progress_rows(progress *p, const void *of, const char *name, int64_t rows, int64_t total);
/* An ortto_send begins, after so many rows of that many; it is over. */
void progress_sending(progress *p, const void *of, const char *name, int64_t before, int64_t total);
void progress_sent(progress *p);

/* Draws it anew if it is time to. */
void progress_draw(progress *p, ortto_client *client);
/* Rows may go to the terminal now: what stands there goes, if it is the same one. */
void progress_yield(progress *p);

#endif
