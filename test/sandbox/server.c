/* server.c: see server.h. */
#define _GNU_SOURCE
#include "server.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <microhttpd.h>

#include "text.h"
#include "json.h"
#include "instance.h"
#include "faults.h"
#include "log.h"
#include "request.h"

static void *on_uri(void *cls, const char *uri, struct MHD_Connection *connection) {
  (void)cls;
  (void)connection;
  Request *r = zeroed(1, sizeof *r);
  r->uri = copy(uri);
  return r;
}

static void on_done(void *cls, struct MHD_Connection *connection, void **con,
                    enum MHD_RequestTerminationCode why) {
  Request *r = *con;
  (void)cls;
  (void)connection;
  (void)why;
  if (!r) return;
  leave(r);
  release_faults(&r->call);
  if (r->call.in) reader_free(&r->call.reader);
  drop(&r->call.out);
  drop(&r->body);
  drop(&r->header);
  free(r->uri);
  free(r);
  *con = NULL;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data, size_t *size,
                                  void **con) {
  Request *r = *con;
  (void)cls;
  (void)version;
  if (!r->started) {
    const char *query = strchr(r->uri, '?');
    r->started = true;
    r->control = !strncmp(url, "/sandbox/", 9);
    r->call.method = method;
    r->call.path = url;
    r->call.connection = connection;
    if (!r->control && S.jitter) nap((int64_t)(mix((uint64_t)now_ns()) % (uint64_t)(S.jitter + 1)));
    if (!r->control) r->call.n = log_arrival(method, url, query ? query + 1 : "");
    return MHD_YES;
  }
  if (*size) {
    size_t most = r->control ? MOST_CONTROL : MOST_API;
    if (r->tooBig || r->body.n + *size > most) r->tooBig = true;
    else put(&r->body, data, *size);
    *size = 0;
    return MHD_YES;
  }
  return serve(r);
}

struct MHD_Daemon *start_server(void) {
  struct sockaddr_in at = {0};
  at.sin_family = AF_INET;
  at.sin_port = htons((uint16_t)S.port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL;
  if (S.date) flags |= MHD_USE_SUPPRESS_DATE_NO_CLOCK;
  return MHD_start_daemon(flags, 0, NULL, NULL, on_request, NULL, MHD_OPTION_SOCK_ADDR, &at,
                          MHD_OPTION_URI_LOG_CALLBACK, on_uri, NULL, MHD_OPTION_NOTIFY_COMPLETED, on_done,
                          NULL, MHD_OPTION_CONNECTION_LIMIT, 512u, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                          (size_t)(256 << 10), MHD_OPTION_THREAD_STACK_SIZE, (size_t)(4 << 20),
                          MHD_OPTION_END);
}

static int wake[2]; /* a signal writes to it */

static void on_signal(int number) {
  char byte = (char)number;
  if (write(wake[1], &byte, 1) < 0) _exit(1);
}

void watch_signals(void) {
  if (pipe(wake)) die("cannot make a pipe");
  signal(SIGPIPE, SIG_IGN);
  signal(SIGTERM, on_signal);
  signal(SIGINT, on_signal);
}

void wait_for_end(void) {
  struct pollfd p[2] = {{wake[0], POLLIN, 0}, {S.untilEof ? STDIN_FILENO : -1, POLLIN, 0}};
  char bytes[256];
  for (;;) {
    if (poll(p, 2, -1) < 0 && errno != EINTR) return;
    if (p[0].revents) return;
    if (p[1].revents && read(STDIN_FILENO, bytes, sizeof bytes) <= 0) return;
  }
}
