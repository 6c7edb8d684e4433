/*
** os.c - see os.h.
*/
#define _GNU_SOURCE
#include "os.h"

#include <stdio.h>
#include <time.h>

int64_t now_us(void){
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * SECOND + t.tv_nsec / 1000;
}

int64_t os_wall_ms(void){
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return (int64_t)t.tv_sec*1000 + t.tv_nsec/1000000;
}

void os_utc_text(int64_t wall_ms, char text[25]){
  time_t seconds = (time_t)(wall_ms / 1000);
  struct tm utc;
  char at[40];
  gmtime_r(&seconds, &utc);
  size_t n = strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%S", &utc);
  snprintf(at + n, sizeof at - n, ".%03dZ", (int)(wall_ms % 1000));
  snprintf(text, 25, "%.24s", at);
}
