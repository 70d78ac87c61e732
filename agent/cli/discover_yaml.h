/* Writes a YAML document in block style, texts quoted where they need it. Knows no configuration. */
#ifndef SOLOWARDEN_CLI_DISCOVER_YAML_H
#define SOLOWARDEN_CLI_DISCOVER_YAML_H

#include <stdbool.h>
#include <stddef.h>

struct yaml_writer;
struct yaml_writer *yaml_writer_open(void);
void yaml_key(struct yaml_writer *writer, const char *key);    /* of the mapping that is open */
void yaml_text(struct yaml_writer *writer, const char *text);  /* a value that is text, however it looks */
void yaml_plain(struct yaml_writer *writer, const char *text); /* a number, a duration, a word of ours */
void yaml_map(struct yaml_writer *writer);
void yaml_map_end(struct yaml_writer *writer);
void yaml_list(struct yaml_writer *writer); /* on one line */
void yaml_list_end(struct yaml_writer *writer);
/* The document, or NULL: out of memory. The caller frees it. Closes the writer. */
char *yaml_writer_close(struct yaml_writer *writer);

#endif
