/* One arena per configuration: everything read lives in it and is freed with it at once. Out of memory aborts. */
#ifndef SOLOWARDEN_CONFIG_ARENA_H
#define SOLOWARDEN_CONFIG_ARENA_H

#include <stddef.h>

struct arena;
struct arena *arena_open(void);
void *arena_take(struct arena *arena, size_t size);                   /* zeroed, aligned for anything; never NULL */
char *arena_text(struct arena *arena, const char *data, size_t size); /* a terminated copy */
char *arena_print(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
void arena_close(struct arena *arena);

#endif
