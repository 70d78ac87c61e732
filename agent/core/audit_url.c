/* Addresses of receive locations, as far as their shape is known. Owns no rule. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "audit.h"

static void copy(char *out, size_t size, const char *from, size_t length, bool lower)
{
    if (length >= size)
        length = size - 1;
    for (size_t i = 0; i < length; i++)
        out[i] = lower && from[i] >= 'A' && from[i] <= 'Z' ? (char)(from[i] + 32) : from[i];
    out[length] = '\0';
}

static uint16_t own_port(const char *scheme)
{
    static const struct {
        const char *scheme;
        uint16_t port;
    } ports[] = {{"ftp", 21}, {"ftps", 990}, {"sftp", 22}, {"pop3", 110}, {"pop3s", 995}};
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++)
        if (strcmp(ports[i].scheme, scheme) == 0)
            return ports[i].port;
    return 0;
}

/* host, host:port, [v6], [v6]:port */
static bool parse_authority(const char *text, size_t length, struct location_url *url)
{
    const char *colon = NULL, *end = text + length, *host_end = end;
    const char *bracket = length && text[0] == '[' ? memchr(text, ']', length) : NULL;
    if (length && text[0] == '[' && !bracket)
        return false;
    for (const char *at = bracket ? bracket : text; at < end; at++)
        if (*at == ':') {
            colon = at;
            host_end = at;
        }
    if (bracket)
        copy(url->host, sizeof url->host, text + 1, (size_t)(bracket - text) - 1, true);
    else
        copy(url->host, sizeof url->host, text, (size_t)(host_end - text), true);
    unsigned port = 0;
    for (const char *at = colon ? colon + 1 : end; at < end; at++) {
        if (*at < '0' || *at > '9' || (port = port * 10 + (unsigned)(*at - '0')) > 65535)
            return false;
    }
    url->port = port ? (uint16_t)port : own_port(url->scheme);
    return url->host[0] != '\0';
}

bool location_url_parse(const char *text, struct location_url *url)
{
    *url = (struct location_url){.port = 0};
    const char *colon = strstr(text, "://");
    if (!colon || colon == text || (size_t)(colon - text) >= sizeof url->scheme)
        return false;
    copy(url->scheme, sizeof url->scheme, text, (size_t)(colon - text), true);
    const char *begin = colon + 3;
    size_t length = strcspn(begin, "/#"); /* of the authority */
    const char *path = begin + length;
    for (size_t i = length; i > 0; i--)
        if (begin[i - 1] == '@') {
            copy(url->user, sizeof url->user, begin, i - 1, false);
            begin += i;
            length -= i;
            break;
        }
    const char *mark = strncmp(url->scheme, "pop3", 4) == 0 ? strchr(path, '#') : NULL; /* POP3://server#mailbox */
    if (mark)
        copy(url->user, sizeof url->user, mark + 1, strlen(mark + 1), false);
    size_t path_length = mark ? (size_t)(mark - path) : strlen(path);
    while (path_length && path[path_length - 1] == '/')
        path_length--;
    copy(url->path, sizeof url->path, path, path_length, false);
    return parse_authority(begin, length, url);
}

static const char *find_caseless(const char *text, const char *part)
{
    for (size_t size = strlen(part); *text; text++)
        if (strncasecmp(text, part, size) == 0)
            return text;
    return NULL;
}

bool location_queue_machine(const char *text, char machine[LOCATION_PART])
{
    static const char *const direct[] = {"DIRECT=OS:", "DIRECT=TCP:"};
    const char *begin = text, *scheme = strstr(text, "://");
    machine[0] = '\0';
    for (size_t i = 0; i < sizeof direct / sizeof *direct; i++) {
        const char *at = find_caseless(text, direct[i]);
        if (at) {
            begin = at + strlen(direct[i]);
            scheme = NULL;
        }
    }
    if (scheme)
        begin = scheme + 3;
    size_t length = strcspn(begin, "\\/");
    if (!length || !begin[length] || memchr(begin, '=', length))
        return false;
    copy(machine, LOCATION_PART, begin, length, false);
    return true;
}
