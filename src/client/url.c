/*
** url.c - see url.h.
*/
#include "url.h"

#include <stdlib.h>
#include <string.h>
#include <curl/curl.h>

#include "../os.h"
#include "../text.h"

static int is_loopback(const char *host){
  static const unsigned char six[16] = { [15] = 1 };
  unsigned char address[16];
  if( same_word(host, "localhost") ) return 1;
  int version = os_ip_parse(host, address);
  return version==4 ? address[0]==127 : version==6 && memcmp(address, six, sizeof six)==0;
}

/* A copy by malloc, NULL if absent; *failed if that cannot be told. */
static char *url_part(CURLU *url, CURLUPart part, int *failed){
  char *got = NULL, *copy = NULL;
  CURLUcode code = curl_url_get(url, part, &got, 0);
  if( code==CURLUE_OK && got ) copy = text_copy(got);
  if( code==CURLUE_OUT_OF_MEMORY || (code==CURLUE_OK && got && copy==NULL) ) *failed = 1;
  curl_free(got);
  return copy;
}

int url_is_good(const char *value, int *loopback){
  CURLU *url = curl_url();
  int good = 0, failed = 0;
  if( url==NULL ) return -1;
  CURLUcode code = has_controls(value) ? CURLUE_MALFORMED_INPUT : curl_url_set(url, CURLUPART_URL, value, 0);
  if( code==CURLUE_OUT_OF_MEMORY ) failed = 1;
  if( code==CURLUE_OK ){
    char *scheme = url_part(url, CURLUPART_SCHEME, &failed), *host = url_part(url, CURLUPART_HOST, &failed);
    char *user = url_part(url, CURLUPART_USER, &failed);
    char *password = url_part(url, CURLUPART_PASSWORD, &failed);
    char *query = url_part(url, CURLUPART_QUERY, &failed);
    char *fragment = url_part(url, CURLUPART_FRAGMENT, &failed);
    if( !failed && scheme && host && host[0] && !user && !password && !query && !fragment ){
      size_t n = strlen(host);
      if( host[0]=='[' && host[n-1]==']' ){      /* curl keeps the brackets of an IPv6 address */
        memmove(host, host+1, n-2);
        host[n-2] = 0;
      }
      *loopback = is_loopback(host);
      good = strcmp(scheme, "https")==0 || (strcmp(scheme, "http")==0 && *loopback);
    }
    free(scheme); free(host); free(user); free(password); free(query); free(fragment);
  }
  curl_url_cleanup(url);
  return failed ? -1 : good;
}
