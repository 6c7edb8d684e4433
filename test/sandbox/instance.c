/* instance.c: see instance.h. */
#define _GNU_SOURCE
#include "instance.h"

#include <pthread.h>
#include <stdint.h>

#include "text.h"

Instance S = {
    .seed = 1, .people = 1200, .accounts = 60, .audiences = 45, .tags = 30, .custom = 14, .accountCustom = 5,
    .sparse = -1, .key = "sandbox-key", .segmentKey = "psb-sandbox-segment-key",
    .lock = PTHREAD_RWLOCK_INITIALIZER};

uint64_t draw(const Entity *en, uint32_t i, uint64_t salt) {
  return mix(mix(en->seed + i * 0x9e3779b97f4a7c15u) ^ salt);
}

pthread_mutex_t cacheLock = PTHREAD_MUTEX_INITIALIZER;
