/* The table of log formats, the memory of open sessions that they share, and the recognition of a format by its lines. Pure. */
#include "line.h"

enum { WAYS = 4, SETS = FORMAT_SESSIONS / WAYS };

const struct format formats[] = {
    {"vsftpd", "vsftpd's own log (dual_log_enable or xferlog_std_format=NO), also through syslog", true, true, 1000, vsftpd_parse},
    /* stamps in whole seconds, and durations too */
    {"xferlog", "transfers of vsftpd, proftpd, pure-ftpd; it has no logins, so it cannot prove silence", false, true, 2000, xferlog_parse},
    {"dovecot-pop3", "Dovecot's log, from its own file or from syslog", true, true, 1, dovecot_parse},
    {"custom", "your own patterns, with named groups", true, true, 1000, custom_parse},
    {NULL, NULL, false, false, 0, NULL},
};

const struct format *format_by_name(const char *name)
{
    for (const struct format *format = formats; format->name; format++)
        if (strcmp(format->name, name) == 0)
            return format;
    return NULL;
}

const struct format *format_recognise(const struct text *lines, size_t count)
{
    const struct format *best = NULL;
    size_t most = 0;
    for (const struct format *format = formats; format->name; format++) {
        struct format_state state = {0};
        size_t understood = 0;
        if (format->parse == custom_parse)
            continue;
        for (size_t i = 0; i < count; i++) {
            struct sighting sighting;
            enum parsed parsed = format->parse(NULL, &state, lines[i].data, lines[i].size, &sighting);
            understood += parsed == PARSED_SIGHTING ? 4 : parsed != PARSED_ALIEN;
        }
        if (understood > most) {
            most = understood;
            best = format;
        }
    }
    return best;
}

static struct format_session *session_set(struct format_state *state, uint64_t session)
{
    return state->sessions + session % SETS * WAYS;
}

void format_session_keep(struct format_state *state, const struct format_session *session)
{
    struct format_session *set = session_set(state, session->session), *place = NULL;
    for (size_t i = 0; i < WAYS && !place; i++)
        if (!set[i].session || set[i].session == session->session)
            place = set + i;
    if (!place)
        place = set + state->session_age++ % WAYS;
    *place = *session;
}

struct format_session *format_session_find(struct format_state *state, uint64_t session)
{
    struct format_session *set = session_set(state, session);
    for (size_t i = 0; i < WAYS; i++)
        if (set[i].session == session && session)
            return set + i;
    return NULL;
}

struct format_session *format_session_of_account(struct format_state *state, uint64_t account)
{
    struct format_session *oldest = NULL;
    bool doubtful = false;
    for (size_t i = 0; i < FORMAT_SESSIONS; i++) {
        struct format_session *session = state->sessions + i;
        if (!session->session || session->account != account)
            continue;
        doubtful |= oldest && memcmp(&oldest->address, &session->address, sizeof session->address) != 0;
        if (!oldest || session->begin < oldest->begin)
            oldest = session;
    }
    if (!doubtful)
        return oldest;
    *oldest = (struct format_session){0};
    return NULL;
}
