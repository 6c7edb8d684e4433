/*
** progress.c - see progress.h.
*/
#include "progress.h"

#include <stdio.h>
#include <string.h>

#include "../os.h"
#include "../text.h"

#define PATIENCE 2000000           /* what is over by then shows nothing */
#define AGAIN 200000               /* five times a second is enough to be read */

void progress_begin(progress *p, const void *of, const char *what){
  if( p->of ) return;
  *p = (progress){ .of = of, .begun = now_us() };
  snprintf(p->what, sizeof p->what, "%s", what);
}

progress_part *progress_part_of(progress *p, const void *of, const char *name){
  if( p->of==NULL ) return NULL;
  for(int i=0; i<p->parts; i++) if( p->part[i].of==of ) return &p->part[i];
  if( p->parts==PROGRESS_PARTS ) return NULL;
  progress_part *part = &p->part[p->parts++];
  *part = (progress_part){ .of = of, .total = -1 };
  snprintf(part->name, sizeof part->name, "%s", name);
  return part;
}

void progress_row(progress *p, const void *of, const char *name){
  progress_part *part = progress_part_of(p, of, name);
  if( part ) part->rows++;
}

void progress_rows(progress *p, const void *of, const char *name, int64_t rows, int64_t total){
  progress_part *part = progress_part_of(p, of, name);
  if( part==NULL ) return;
  part->rows = rows;
  if( total>=0 ) part->total = total;
}

void progress_sending(progress *p, const void *of, const char *name, int64_t before, int64_t total){
  progress_rows(p, of, name, before, total);
  p->sending = p->parts>0 && p->part[0].of==of;
  p->before = before;
}

void progress_sent(progress *p){
  p->sending = 0;
}

/* ---- on the terminal ---- */

/* Over what stands there, whose end is wiped out, and no longer than the terminal is wide. */
static void line_put(progress *p, const char *text){
  int columns = os_error_columns(), drawn = 0;
  size_t n = 0, length = strlen(text);
  if( columns<2 ) columns = 80;
  for(; n<length && drawn<columns-1; drawn++){
    size_t bytes = utf8_length(text+n, text+length);
    n += bytes ? bytes : 1;
  }
  fprintf(stderr, "\r%.*s%*s", (int)n, text, p->drawn>drawn ? p->drawn-drawn : 0, "");
  p->drawn = drawn;
}

void progress_yield(progress *p){
  if( p->drawn==0 || !os_output_is_terminal() ) return;
  line_put(p, "");
  fprintf(stderr, "\r");
  fflush(stderr);
}

void progress_end(progress *p, const void *of){
  if( p->of!=of ) return;
  if( p->drawn ){
    line_put(p, "");
    fprintf(stderr, "\r");
    fflush(stderr);
  }
  p->of = NULL;
}

/* ---- its words ---- */

/* How long yet is told by the first that knows how many there are. */
static void how_far(const progress *p, buf *out){
  double seconds = (double)(now_us() - p->begun + 1)/1e6, speed = 0, left = -1;
  for(int i=0; i<p->parts; i++){
    const progress_part *part = &p->part[i];
    double own = (double)(part->rows - part->from)/seconds;
    speed += own;
    buf_printf(out, "%s: %lld", part->name, (long long)part->rows);
    if( part->total>=part->rows ) buf_printf(out, " of %lld", (long long)part->total);
    buf_puts(out, " rows, ");
    if( left<0 && own>0 && part->total>part->rows ) left = (double)(part->total - part->rows)/own;
  }
  if( p->parts==0 ) buf_printf(out, "%s: ", p->what);
  else buf_printf(out, "%.0f rows/s, ", speed);
  if( left>=0 ) buf_printf(out, "%.0f s left, ", left + 0.5);
}

static void what_for(const ortto_client *client, buf *out){
  int64_t ms, seconds;
  ortto_waiting waiting = ortto_waits_for(client, &ms);
  seconds = (ms + 999)/1000;
  switch( waiting ){
    case ORTTO_FOR_RATE: buf_printf(out, "waiting for the rate"); break;
    case ORTTO_FOR_RETRY: buf_printf(out, "tries again in %lld s", (long long)seconds); break;
    case ORTTO_FOR_REFUSAL:
      buf_printf(out, "goes on in %lld s: the server said 429 (too many requests)", (long long)seconds);
      break;
    case ORTTO_FOR_ANSWER: buf_printf(out, "waiting for the server"); break;
    default: buf_printf(out, "at work"); break;
  }
}

/* A bad setting is told where it is used otherwise; here it is off. */
static int is_wanted(ortto_client *client){
  long wanted;
  if( !os_error_is_terminal() ) return 0;
  return ortto_config_number(client, NULL, ORTTO_PROGRESS, &wanted)==ORTTO_OK && wanted;
}

void progress_draw(progress *p, ortto_client *client){
  if( p->of==NULL ) return;
  int64_t now = now_us();
  if( now - p->begun<PATIENCE || now - p->looked<AGAIN ) return;
  p->looked = now;
  if( !is_wanted(client) ) return;
  if( p->sending ) p->part[0].rows = p->before + ortto_records_settled(client);
  buf text = { 0 };
  how_far(p, &text);
  what_for(client, &text);
  if( text.p ) line_put(p, text.p);
  fflush(stderr);
  p->shown = 1;
  buf_free(&text);
}

void progress_stay(progress *p, const void *of){
  if( p->of!=of ) return;
  if( p->shown ){
    char text[120];
    int64_t rows = p->parts ? p->part[0].rows : 0;
    snprintf(text, sizeof text, "%s: %lld rows in %.1f s", p->what, (long long)rows,
             (double)(now_us() - p->begun)/1e6);
    line_put(p, text);
    fprintf(stderr, "\n");
    fflush(stderr);
    p->drawn = 0;
  }
  progress_end(p, of);
}
