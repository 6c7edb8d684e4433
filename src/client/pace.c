/*
** pace.c - see pace.h.
*/
#include "pace.h"

#include <stdlib.h>
#include <string.h>

#include "../text.h"

void key_limits_free(key_limits *l){
  while( l ){
    key_limits *next = l->next;
    free(l->key);
    free(l->refused_why);
    free(l);
    l = next;
  }
}

key_limits *key_limits_of(ortto_client *client, const char *key){
  for(key_limits *l=client->limits; l; l=l->next) if( strcmp(l->key, key)==0 ) return l;
  key_limits *l = calloc(1, sizeof *l);
  if( l==NULL || (l->key = text_copy(key))==NULL ){
    free(l);
    return NULL;
  }
  l->next = client->limits;
  client->limits = l;
  return l;
}
