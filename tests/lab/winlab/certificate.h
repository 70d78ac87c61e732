/* winlab's own certification authority: a CA that is kept in a folder, and certificates for nodes that are not. */
#ifndef SOLOWARDEN_WINLAB_CERTIFICATE_H
#define SOLOWARDEN_WINLAB_CERTIFICATE_H

#include <stdbool.h>
#include <stdio.h>

struct authority;
/* folder/ca.pem, ca.key and node.key (the one key of all nodes: their pin stays the same) are read, or made if there are none.
 * NULL: said why. */
struct authority *authority_open(const char *folder, FILE *complaints);
void authority_close(struct authority *authority);
/* The nodes' key as PEM; lives as long as the authority. */
const char *authority_key(const struct authority *authority);
/* A certificate as PEM for this name and address, made now; the caller frees it. */
char *authority_certify(const struct authority *authority, const char *name, const char *address);

#endif
