/* The command line's side of the control socket, and the options that all verbs share. Every message for people is printed here. */
#ifndef SOLOWARDEN_CLI_CLIENT_H
#define SOLOWARDEN_CLI_CLIENT_H

#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>

/* An option of one verb, beside the shared ones. */
struct client_option {
    const char *name;    /* "for"; NULL ends a table */
    const char *operand; /* "TIME"; NULL = a switch */
    const char *help;
    const char **value; /* set to the operand, or to "" for a switch */
};

struct client_options {
    const char *verb, *config, *socket;
    char *const *arguments;
    int argument_count;
    bool json, wide;
};

/* Reads argv. Returns -1 to go on, else the exit status (help was asked for, or the usage is wrong and was shown). `own` may be NULL. */
int client_options_with(struct client_options *options, int argc, char **argv, const char *operands, int least, int most,
                        const struct client_option *own);
int client_options(struct client_options *options, int argc, char **argv, const char *operands, int least, int most);

/* Asks the daemon; takes over `request`. Returns its answer when "ok" is true. Otherwise NULL: the error and its cure were printed and
 * *status is the exit status (69 the agent does not run, 1 refused). descriptor: where to put one that came along, or NULL. */
json_t *client_ask(const struct client_options *options, json_t *request, int *descriptor, int *status);

/* Asks and prints the answer's text. Returns the exit status. */
int client_order(const struct client_options *options, json_t *request);

/* "90s", "15m", "2h", "3d" → seconds; -1 if it is none. */
long client_seconds(const char *text);

#endif
