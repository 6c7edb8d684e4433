/*
** pace.c - see pace.h.
*/
#include "pace.h"

#include <stdlib.h>
#include <string.h>

#include "../text.h"

void lanes_free(lane *l){
  while( l ){
    lane *next = l->next;
    free(l->key);
    free(l->refused_why);
    free(l);
    l = next;
  }
}

lane *lane_of(ortto_client *client, const char *key){
  for(lane *l=client->lanes; l; l=l->next) if( strcmp(l->key, key)==0 ) return l;
  lane *l = calloc(1, sizeof *l);
  if( l==NULL || (l->key = text_copy(key))==NULL ){
    free(l);
    return NULL;
  }
  l->next = client->lanes;
  client->lanes = l;
  return l;
}
