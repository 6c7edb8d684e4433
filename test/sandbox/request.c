/* request.c: see request.h. */
#define _GNU_SOURCE
#include "request.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <microhttpd.h>
#include <zlib.h>

#include "text.h"
#include "json.h"
#include "instance.h"
#include "call.h"
#include "faults.h"
#include "log.h"
#include "control.h"
#include "routes.h"

void nap(int64_t ms) {
  int64_t until = now_ns() + ms * 1000000;
  for (int64_t left; !S.stop && (left = until - now_ns()) > 0;) {
    if (left > 50000000) left = 50000000;
    struct timespec t = {0, (long)left};
    nanosleep(&t, NULL);
  }
}

static void add_header(Request *r, const char *name, const char *text) {
  put(&r->header, name, strlen(name) + 1);
  put(&r->header, text, strlen(text) + 1);
}

/* number [documented]; the other shapes are what a client should bear. */
static int too_fast(Request *r, int64_t seconds, const char *shape) {
  Call *c = &r->call;
  bool number = !shape || !strcmp(shape, "number"), top = shape && !strcmp(shape, "top");
  char text[24];
  snprintf(text, sizeof text, "%" PRId64, seconds);
  c->out.n = 0;
  LIT(&c->out, "{\"error\":{\"code\":\"rate-limit\",\"message\":\"rate limit\"");
  if (number) put_format(&c->out, ",\"try-in-seconds\":%s", text);
  else if (!strcmp(shape, "text")) put_format(&c->out, ",\"try-in-seconds\":\"%s\"", text);
  else if (!strcmp(shape, "header")) add_header(r, "Retry-After", text);
  putc_to(&c->out, '}');
  if (top) put_format(&c->out, ",\"try-in-seconds\":%s", text);
  putc_to(&c->out, '}');
  return 429;
}

/* True if this request is one too many within a second. */
static bool over_rate(int rate, int64_t *window, size_t *n) {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  bool over = false;
  int64_t t = now_ns();
  pthread_mutex_lock(&lock);
  size_t keep = 0;
  for (size_t k = 0; k < *n; k++)
    if (window[k] > t - RATE_WINDOW) window[keep++] = window[k];
  *n = keep;
  over = *n >= (size_t)rate;
  if (!over) window[(*n)++] = t;
  pthread_mutex_unlock(&lock);
  return over;
}

#define MOST_RATE 1000

/* One feed a second [documented]; the same for all else is an option, the number depends on the plan. */
static bool limited(const Call *c) {
  static int64_t all[MOST_RATE], feed[1];
  static size_t nAll, nFeed;
  int rate = S.rate;
  if (rate > 0 && over_rate(rate < MOST_RATE ? rate : MOST_RATE, all, &nAll)) return true;
  return S.feedLimit && !strcmp(c->path, "/v1/person/get/activities") && over_rate(1, feed, &nFeed);
}

static int fault_status(Request *r, const Fault *f) {
  Call *c = &r->call;
  for (char **h = f->header; h && h[0]; h += 2) add_header(r, h[0], h[1]);
  if (f->contentType) r->contentType = f->contentType;
  if (!f->body) return fail(c, (int)f->status, "sandbox: a fault was asked for");
  puts_to(&c->out, f->body);
  return (int)f->status;
}

/* The status of an answer that a fault gives instead of the API, or 0. */
static int early_fault(Request *r) {
  Call *c = &r->call;
  const Fault *f;
  if ((f = fault(c, F_STATUS))) return fault_status(r, f);
  if ((f = fault(c, F_429))) return too_fast(r, f->seconds, f->shape);
  if ((f = fault(c, F_REPLACE))) {
    puts_to(&c->out, f->body ? f->body : "");
    return 200;
  }
  if ((f = fault(c, F_REDIRECT))) {
    add_header(r, "Location", f->location ? f->location : "http://127.0.0.1:9/");
    return 302;
  }
  if (fault(c, F_EMPTY)) return 200;
  if (fault(c, F_NOT_JSON)) {
    r->contentType = "text/html";
    LIT(&c->out, "<!DOCTYPE html><html><body><h1>Welcome to the proxy</h1></body></html>\n");
    return 200;
  }
  return 0;
}

static void hang(Call *c) {
  uint64_t era = fault_era();
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(c->connection,
                                                                 MHD_CONNECTION_INFO_CONNECTION_FD);
  char byte;
  while (!S.stop && era == fault_era() && info) {
    struct pollfd p = {info->connect_fd, POLLIN, 0};
    if (poll(&p, 1, 50) > 0 && recv(info->connect_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0) return;
    if (p.revents) nap(20);
  }
}

/* Ends the connection with a reset. The descriptor stays open, on nothing, for its owner to close. */
static void cut(Call *c) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(c->connection,
                                                                 MHD_CONNECTION_INFO_CONNECTION_FD);
  struct linger hard = {1, 0};
  int other = socket(AF_INET, SOCK_STREAM, 0);
  if (!info || other < 0) return;
  setsockopt(info->connect_fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  dup2(other, info->connect_fd);
  close(other);
}

static void drop_member(Buf *b, const char *name) {
  Reader r;
  Json *v = read_json(&r, b->p ? b->p : "", b->n);
  if (!v) return;
  Buf out = {0};
  for (const Json *m = v->type == J_OBJECT ? v->child : NULL; m; m = m->next) {
    if (!strcmp(m->key, name)) continue;
    putc_to(&out, out.n ? ',' : '{');
    put_string(&out, m->key, m->keyLen);
    putc_to(&out, ':');
    put(&out, m->raw, m->len);
  }
  if (v->type == J_OBJECT) {
    puts_to(&out, out.n ? "}" : "{}");
    b->n = 0;
    put(b, out.p, out.n);
  }
  drop(&out);
  reader_free(&r);
}

static void splice(Buf *b, const Fault *f) {
  Buf out = {0};
  if (f->from < 0 || f->to < f->from || (uint64_t)f->to > b->n) return;
  put(&out, b->p, (size_t)f->from);
  puts_to(&out, f->body ? f->body : "");
  put(&out, b->p + f->to, b->n - (size_t)f->to);
  drop(b);
  *b = out;
}

static void late_fault(Call *c) {
  const Fault *f;
  if ((f = fault(c, F_MISSING)) && f->member) drop_member(&c->out, f->member);
  if (fault(c, F_NO_META)) drop_member(&c->out, "meta");
  if ((f = fault(c, F_SPLICE))) splice(&c->out, f);
  if (fault(c, F_CUT_JSON)) c->out.n /= 2;
}

/* A body sent in pieces: slowly, not to its end, or with much white space put in. */
typedef struct Stream {
  char *data;
  uint64_t n;
  uint64_t pad;   /* spaces after the first byte */
  uint64_t stop;  /* where the connection breaks, or UINT64_MAX */
  int64_t ms;     /* pause before each piece */
  uint64_t piece; /* bytes */
} Stream;

static ssize_t stream_read(void *cls, uint64_t pos, char *to, size_t max) {
  Stream *s = cls;
  uint64_t total = s->n + s->pad, n = max < s->piece ? max : s->piece;
  if (pos >= s->stop) return MHD_CONTENT_READER_END_WITH_ERROR;
  if (pos >= total) return MHD_CONTENT_READER_END_OF_STREAM;
  if (s->ms) nap(s->ms);
  if (S.stop) return MHD_CONTENT_READER_END_WITH_ERROR;
  if (n > total - pos) n = total - pos;
  if (n > s->stop - pos) n = s->stop - pos;
  for (uint64_t k = 0; k < n;) {
    uint64_t at = pos + k, run = n - k;
    if (at == 0) {
      to[k++] = s->data[0];
    } else if (at <= s->pad) {
      if (run > s->pad + 1 - at) run = s->pad + 1 - at;
      memset(to + k, ' ', run);
      k += run;
    } else {
      memcpy(to + k, s->data + (at - s->pad), run);
      k += run;
    }
  }
  return (ssize_t)n;
}

static void stream_free(void *cls) {
  Stream *s = cls;
  free(s->data);
  free(s);
}

/* Compresses the body, with pad spaces after its first byte. */
static void zip(Buf *b, uint64_t pad) {
  char spaces[4096];
  Buf out = {0};
  memset(spaces, ' ', sizeof spaces);
  z_stream z = {0};
  if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) != Z_OK) die("zlib fails");
  for (uint64_t at = 0, total = b->n + pad;;) {
    uint64_t n;
    if (at > 0 && at <= pad) {
      n = pad + 1 - at < sizeof spaces ? pad + 1 - at : sizeof spaces;
      z.next_in = (Bytef *)spaces;
    } else {
      n = at == 0 && pad ? 1 : total - at;
      z.next_in = (Bytef *)(at ? b->p + (at - pad) : b->p);
    }
    z.avail_in = (uInt)n;
    at += n;
    int rc;
    do {
      room(&out, 65536);
      z.next_out = (Bytef *)out.p + out.n;
      z.avail_out = 65536;
      rc = deflate(&z, at == total ? Z_FINISH : Z_NO_FLUSH);
      out.n += 65536 - z.avail_out;
    } while (z.avail_out == 0);
    if (rc == Z_STREAM_END || rc == Z_STREAM_ERROR) break;
  }
  deflateEnd(&z);
  drop(b);
  *b = out;
}

static bool takes_gzip(const Call *c) {
  const char *v = MHD_lookup_connection_value(c->connection, MHD_HEADER_KIND, "Accept-Encoding");
  return v && strstr(v, "gzip");
}

static struct MHD_Response *make_response(Request *r) {
  Call *c = &r->call;
  const Fault *truncate_ = fault(c, F_TRUNCATE), *drip = fault(c, F_DRIP), *huge = fault(c, F_HUGE);
  uint64_t pad = huge ? (uint64_t)huge->mb << 20 : 0;
  bool zipped = (huge && huge->gzip) || (S.gzip && !r->control && c->out.n > 200 && takes_gzip(c));
  if (!c->out.n) pad = 0;
  if (zipped) {
    zip(&c->out, pad);
    add_header(r, "Content-Encoding", "gzip");
    pad = 0;
  }
  size_t n = c->out.n;
  char *data = ended(&c->out);
  c->out = (Buf){0};
  if (!truncate_ && !drip && !pad) return MHD_create_response_from_buffer(n, data, MHD_RESPMEM_MUST_FREE);
  Stream *s = zeroed(1, sizeof *s);
  *s = (Stream){data,
                n,
                pad,
                truncate_ ? (n + pad) / 2 : UINT64_MAX,
                drip ? drip->ms : 0,
                drip && drip->bytes > 0 ? (uint64_t)drip->bytes : 65536};
  return MHD_create_response_from_callback(truncate_ && truncate_->chunked ? MHD_SIZE_UNKNOWN : n + pad,
                                           65536, stream_read, s, stream_free);
}

static void put_http_date(Buf *b, int64_t t) {
  static const char *const day[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
  static const char *const month[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  int y, m, d;
  civil(t / 86400, &y, &m, &d);
  put_format(b, "%s, %02d %s %d %02d:%02d:%02d GMT", day[t / 86400 % 7], d, month[m - 1], y,
             (int)(t / 3600 % 24), (int)(t / 60 % 60), (int)(t % 60));
}

void leave(Request *r) {
  if (r->started && !r->control && !r->left) log_leave();
  r->left = true;
}

static enum MHD_Result respond(Request *r) {
  Call *c = &r->call;
  size_t size = c->out.n;
  struct MHD_Response *response = make_response(r);
  if (!response) die("cannot make a response");
  const char *type = r->contentType ? r->contentType : "application/json";
  MHD_add_response_header(response, "Content-Type", type);
  if (!r->control) MHD_add_response_header(response, "X-Version", "sandbox-1");
  if (S.date) {
    Buf date = {0};
    pthread_rwlock_rdlock(&S.lock);
    int64_t clock = S.clock;
    pthread_rwlock_unlock(&S.lock);
    if (!strcmp(S.date, "fake")) put_http_date(&date, clock);
    else puts_to(&date, S.date);
    MHD_add_response_header(response, "Date", ended(&date));
    drop(&date);
  }
  for (size_t at = 0; at < r->header.n;) {
    const char *name = r->header.p + at, *text = name + strlen(name) + 1;
    MHD_add_response_header(response, name, text);
    at = (size_t)(text + strlen(text) + 1 - r->header.p);
  }
  if (!r->control) log_answer(c->n, c->status, size);
  if (!fault(c, F_DRIP) && !fault(c, F_HUGE)) leave(r);
  enum MHD_Result ok = MHD_queue_response(c->connection, (unsigned)c->status, response);
  MHD_destroy_response(response);
  return ok;
}

static const char *header_of(const Call *c, const char *name) {
  const char *v = MHD_lookup_connection_value(c->connection, MHD_HEADER_KIND, name);
  return v ? v : "";
}

/* Most calls want an object; custom-field/get also takes no body at all [recorded]. */
static int parse_body(Call *c, bool segment) {
  if (!c->nBody && (segment || strstr(c->path, "custom-field/get"))) return 0;
  c->in = read_json(&c->reader, c->body, c->nBody);
  if (!c->in) return fail(c, 400, "sandbox: Failed to parse request: invalid JSON");
  if (!segment && c->in->type != J_OBJECT)
    return fail(c, 400, "sandbox: Failed to parse request: an object is expected");
  return 0;
}

/* 401, 404, 413 [documented], their bodies [guess: error-body]. */
static int run_api(Request *r) {
  Call *c = &r->call;
  const char *bearer = header_of(c, "Authorization");
  bool segment = !strncmp(bearer, "Bearer ", 7);
  if (S.regionError) return fail(c, 401, "Unauthorized");
  if (limited(c)) return too_fast(r, 1, NULL);
  int status = early_fault(r);
  if (status) return status;
  if (segment ? strcmp(bearer + 7, S.segmentKey) : strcmp(header_of(c, "X-Api-Key"), S.key))
    return fail(c, 401, "Unauthorized");
  char *path = copy(c->path);
  c->old = !strncmp(path, "/v1/organizations/", 18);
  if (c->old) memmove(path + 4, "accounts", 8), memmove(path + 12, path + 17, strlen(path + 17) + 1);
  const Route *found = segment ? segment_route(c->method, path) : api_route(c->method, path);
  free(path);
  if (!found) return fail(c, 404, "Unknown endpoint or method");
  if (r->tooBig) return fail(c, 413, "Request entity too large");
  if ((status = parse_body(c, segment))) return status;
  return run_route(c, found);
}

static int run_control(Request *r) {
  Call *c = &r->call;
  const Route *found = control_route(c->method, c->path);
  r->contentType = "application/json";
  if (!found) return refuse(c, "no such control call");
  if (c->nBody) {
    c->in = read_json(&c->reader, c->body, c->nBody);
    if (!c->in) return refuse(c, "the body is not JSON");
  }
  return run_route(c, found);
}

enum MHD_Result serve(Request *r) {
  Call *c = &r->call;
  c->nBody = r->body.n;
  c->body = ended(&r->body);
  if (r->control) {
    c->status = run_control(r);
    return respond(r);
  }
  log_body(c->n, c->body, c->nBody);
  match_faults(c);
  nap(S.latency);
  if (fault(c, F_LATENCY)) nap(fault(c, F_LATENCY)->ms);
  if (fault(c, F_HANG)) return hang(c), MHD_NO;
  if (fault(c, F_RESET)) return cut(c), MHD_NO;
  c->status = run_api(r);
  if (fault(c, F_RESET_AFTER)) return cut(c), MHD_NO;
  late_fault(c);
  return respond(r);
}
