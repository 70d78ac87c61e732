/* Dovecot's POP3 lines, from its own file or from syslog, 2.2 to 2.4. A login line names the client, later lines only the session
 * (or, before 2.3, only the user): open sessions are remembered. A login alone proves nothing, a lock may still refuse it. Pure. */
#include "line.h"

/* "host dovecot: " or "host dovecot[12]: " of syslog; nothing in Dovecot's own file */
static bool syslog_skip(struct cursor *cursor)
{
    struct cursor at = *cursor;
    struct text host, process;
    if (!cursor_skip(&at, "dovecot") && !(cursor_until(&at, " dovecot", &host) && host.size < 256 && !text_has(host, " ")))
        return false;
    if (cursor_skip(&at, "[") && !cursor_until(&at, "]", &process))
        return false;
    if (!cursor_skip(&at, ": "))
        return false;
    *cursor = at;
    return true;
}

/* "Info: " and its sisters: present in Dovecot's own file, absent in syslog */
static bool level_skip(struct cursor *cursor)
{
    static const char *const levels[] = {"Info: ", "Error: ", "Warning: ", "Debug: ", "Fatal: ", "Panic: "};
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
        if (cursor_skip(cursor, levels[i]))
            return true;
    return false;
}

/* The last `key` among the elements of a line, up to `end`: what a stranger chose, the user's name, stands before the others. */
static bool element_find(struct text elements, const char *key, const char *end, struct text *out)
{
    size_t size = strlen(key);
    struct cursor at = {elements.data, elements.data + elements.size};
    const char *last = NULL;
    for (const char *found; (found = memmem(at.at, cursor_left(&at), key, size)); at.at = found + size)
        last = found;
    if (!last)
        return false;
    at.at = last + size;
    if (!cursor_until(&at, end, out))
        *out = (struct text){at.at, cursor_left(&at)};
    return true;
}

/* `retr=2/853274` → 2 */
static bool figure_find(struct text text, const char *key, int64_t *out)
{
    const char *found = memmem(text.data, text.size, key, strlen(key));
    if (!found)
        return false;
    struct cursor at = {found + strlen(key), text.data + text.size};
    return cursor_number(&at, 9, out);
}

static uint64_t account_hash(struct text account)
{
    return hash_text(account.data, account.size);
}

/* "Login: user=<u>, method=PLAIN, rip=10.0.0.1, lip=…, mpid=1, session=<s>"; 2.4 says "Logged in: " */
static bool login_read(struct format_state *state, struct cursor *cursor, struct sighting *out, stamp_t stamp)
{
    bool opened = cursor_skip(cursor, "Login: ") || cursor_skip(cursor, "Logged in: ");
    struct text rest = {cursor->at, cursor_left(cursor)};
    if (!opened && !text_has(rest, "(auth failed"))
        return false;
    struct text session = {0};
    struct cursor name = *cursor;
    struct text before;
    if (!cursor_until(&name, "user=<", &before) || !cursor_until(&name, ">", &out->account) || !out->account.size)
        return false;
    if (!element_find(rest, " rip=", ",", &out->client) || !address_parse(out->client.data, out->client.size, &out->address))
        return false;
    sighting_span(out, stamp, 0);
    out->grade = GRADE_REFUSED;
    if (!opened)
        return true;
    out->grade = GRADE_OPEN;
    if (element_find(rest, " session=<", ">", &session) && session.size)
        out->session = hash_text(session.data, session.size);
    else
        out->session =
            account_hash(out->account) ^ (uint64_t)stamp ^ hash_text((const char *)out->address.bytes, sizeof out->address.bytes);
    format_session_keep(state, &(struct format_session){out->session, account_hash(out->account), out->address, stamp});
    return true;
}

/* "pop3(user)<12><session>: " or "pop3(user): "; old ones write "POP3(user): " */
static bool user_read(struct cursor *cursor, struct sighting *out)
{
    struct text user, process, session;
    if (!cursor_skip(cursor, "pop3(") && !cursor_skip(cursor, "POP3("))
        return false;
    struct cursor plain = *cursor;
    if (cursor_until(cursor, ")<", &user) && cursor_until(cursor, "><", &process) && cursor_until(cursor, ">: ", &session) &&
        !text_has(user, "): ")) {
        out->account = user;
        out->session = hash_text(session.data, session.size);
        return true;
    }
    *cursor = plain;
    if (!cursor_until(cursor, "): ", &user))
        return false;
    out->account = user;
    return true;
}

static bool close_read(struct cursor *cursor, struct sighting *out)
{
    int64_t takes = 0;
    struct text rest = {cursor->at, cursor_left(cursor)};
    if (cursor_skip(cursor, "Couldn't")) {
        out->grade = GRADE_REFUSED;
        return true;
    }
    out->grade = GRADE_CLOSE;
    out->complete = cursor_skip(cursor, "Logged out");
    out->takes = figure_find(rest, "retr=", &takes) ? (uint32_t)takes : 0;
    out->whole_session = true;
    return true;
}

/* "uid=1, msgid=<shop.1@lab>, size=79" */
static bool expunge_read(struct cursor *cursor, struct sighting *out)
{
    struct text rest = {cursor->at, cursor_left(cursor)}, size;
    if (!element_find(rest, "uid=", ",", &out->object))
        return false;
    if (element_find(rest, " size=", ",", &size))
        text_number(size, &out->bytes);
    out->grade = GRADE_TAKE;
    out->complete = out->removed = true;
    return true;
}

static bool session_read(struct format_state *state, struct cursor *cursor, struct sighting *out, stamp_t stamp)
{
    bool closing = cursor_skip(cursor, "Disconnected: ");
    if (closing ? !close_read(cursor, out) : !cursor_skip(cursor, "expunge: ") || !expunge_read(cursor, out))
        return false;
    struct format_session *session =
        out->session ? format_session_find(state, out->session) : format_session_of_account(state, account_hash(out->account));
    if (!session)
        return false; /* opened before the log began: whose it was is not known */
    out->session = session->session;
    out->address = session->address;
    out->begin = session->begin < stamp ? session->begin : stamp; /* the log's clock may have gone back meanwhile */
    out->end = stamp;
    if (closing)
        *session = (struct format_session){0};
    return true;
}

enum parsed dovecot_parse(const struct custom_format *custom, struct format_state *state, const char *line, size_t size,
                          struct sighting *out)
{
    (void)custom;
    struct cursor cursor = {line, line + size};
    stamp_t stamp;
    if (size < 16 || !stamp_any(state, &cursor, &stamp) || !cursor_skip(&cursor, " "))
        return PARSED_ALIEN;
    bool tagged = syslog_skip(&cursor), understood = false;
    *out = (struct sighting){.bytes = -1, .begin = stamp, .end = stamp};
    if (cursor_skip(&cursor, "pop3-login: ")) {
        level_skip(&cursor);
        understood = login_read(state, &cursor, out, stamp);
    } else if (user_read(&cursor, out)) {
        level_skip(&cursor);
        understood = session_read(state, &cursor, out, stamp);
    } else {
        struct text process;
        if (!tagged && !(cursor_until(&cursor, ": ", &process) && level_skip(&cursor)))
            return PARSED_ALIEN;
    }
    if (understood)
        return PARSED_SIGHTING;
    *out = (struct sighting){.bytes = -1, .begin = stamp, .end = stamp};
    return PARSED_STAMP;
}
