/* xferlog, as wu-ftpd began it and vsftpd, proftpd and pure-ftpd write it: transfers only, at their end. No logins: it can prove
 * activity, never silence. Names may hold spaces, so a line is read from both ends. Pure. */
#include "line.h"

enum { TOKENS_BEHIND = 9, SECONDS_MAX = 7 * 86400 };

/* Takes the last word off `text`. */
static bool word_last(struct text *text, struct text *word)
{
    size_t i = text->size;
    while (i && text->data[i - 1] != ' ')
        i--;
    if (!i || i == text->size)
        return false;
    *word = (struct text){text->data + i, text->size - i};
    text->size = i - 1;
    return true;
}

enum parsed xferlog_parse(const struct custom_format *custom, struct format_state *state, const char *line, size_t size,
                          struct sighting *out)
{
    (void)custom;
    struct cursor cursor = {line, line + size};
    struct text client, bytes, name, behind[TOKENS_BEHIND];
    int64_t seconds;
    stamp_t stamp;
    if (!stamp_asctime(state, &cursor, &stamp) || !cursor_skip(&cursor, " "))
        return PARSED_ALIEN;
    /* some servers pad the seconds */
    while (cursor_skip(&cursor, " "))
        ;
    if (!cursor_number(&cursor, 9, &seconds) || !cursor_skip(&cursor, " ") || !cursor_until(&cursor, " ", &client) ||
        !cursor_until(&cursor, " ", &bytes) || !client.size)
        return PARSED_ALIEN;
    *out = (struct sighting){.client = client, .bytes = -1};
    if (!text_number(bytes, &out->bytes))
        return PARSED_ALIEN;
    name = (struct text){cursor.at, cursor_left(&cursor)};
    for (size_t i = TOKENS_BEHIND; i-- > 0;)
        if (!word_last(&name, &behind[i]))
            return PARSED_ALIEN;
    /* type flag direction access user service method authuser status */
    char direction = behind[2].data[0], status = behind[8].data[0];
    if (behind[2].size != 1 || behind[8].size != 1 || !strchr("oid", direction) || !strchr("ci", status) || !direction || !status)
        return PARSED_ALIEN;
    out->complete = status == 'c';
    out->grade = direction == 'i' ? GRADE_STORE : out->complete ? GRADE_TAKE : GRADE_FAILED;
    out->removed = direction == 'd' && out->complete;
    out->object = name;
    out->account = behind[4];
    /* a resolved name is no address: such a client is nobody's */
    address_parse(client.data, client.size, &out->address);
    sighting_span(out, stamp, seconds < SECONDS_MAX ? seconds * 1000 : 0);
    return PARSED_SIGHTING;
}
