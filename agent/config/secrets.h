/* Secret files. Owns reading and wiping; nothing here keeps, prints or passes on a secret by itself. */
#ifndef SOLOWARDEN_CONFIG_SECRETS_H
#define SOLOWARDEN_CONFIG_SECRETS_H

#include <stdbool.h>
#include <stddef.h>

/* Read a secret file: first line, at most 255 bytes, trailing newline removed; refuses world-readable files.
 * Returns its length, or -1 with a message for people (that never holds any of the content). Wipe with secret_wipe. */
int secret_read(const char *path, char *buffer, size_t size, char *error, size_t error_size);
/* The same judgement of a file that is not read here, as a keytab: private and readable. False: a message for people. */
bool secret_private(const char *path, char *error, size_t error_size);
void secret_wipe(void *buffer, size_t size);

/* For a process that will hold secrets, before it reads any: no core dump, and no other process of this user may look inside. */
void secret_guard(void);

#endif
