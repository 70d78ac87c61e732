/* The report of `scan` for people: per account one line that says how it stands, then who, how often, what proves it, what to do. */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "scan.h"

enum { NAME_BYTES = 96, HANDOVERS_SHOWN = 5, PARTIES_SHOWN = 12 };

static const char *stamp_text(stamp_t stamp, char *buffer, size_t size)
{
    time_t seconds = (time_t)(stamp / 1000);
    struct tm tm;
    if (!gmtime_r(&seconds, &tm) || !strftime(buffer, size, "%Y-%m-%d %H:%M:%S", &tm))
        snprintf(buffer, size, "?");
    return buffer;
}

static const char *clock_text(stamp_t stamp, char *buffer, size_t size)
{
    return strchr(stamp_text(stamp, buffer, size), ' ') ? strchr(buffer, ' ') + 1 : buffer;
}

static const char *span_text(stamp_t span, char *buffer, size_t size)
{
    if (span < 10000)
        snprintf(buffer, size, "%.1f s", (double)span / 1000);
    else if (span < 600000)
        snprintf(buffer, size, "%" PRId64 " s", span / 1000);
    else if (span < 7200000)
        snprintf(buffer, size, "%" PRId64 " min", span / 60000);
    else
        snprintf(buffer, size, "%.1f h", (double)span / 3600000);
    return buffer;
}

/* A log's text is a stranger's: nothing of it may steer the terminal. */
static void safe_put(FILE *out, const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        bool control = *c < ' ' || *c == 0x7f || (*c >= 0x80 && *c < 0xa0 && (c == (const unsigned char *)text || c[-1] == 0xc2));
        if (control)
            fprintf(out, "\\x%02x", *c);
        else
            fputc(*c, out);
    }
}

static void colored(FILE *out, const struct scan_options *options, const char *code, const char *text)
{
    fprintf(out, options->color ? "\033[%sm%s\033[0m" : "%.0s%s", code, text);
}

const char *scan_node_name(const struct scan_options *options, const struct scan_account *account, uint8_t node)
{
    for (size_t i = 0; i < options->node_count; i++)
        if (options->nodes[i].index == node)
            return options->nodes[i].name;
    for (size_t i = 0; i < account->party_count; i++)
        if (account->parties[i].node == node)
            return account->parties[i].client;
    return "?";
}

static void party_name(const struct scan_options *options, const struct scan_account *account, const struct scan_party *party, char *buffer)
{
    if (options->node_count && party->node != NODE_FOREIGN)
        snprintf(buffer, NAME_BYTES, "%.24s (%s)", scan_node_name(options, account, party->node), party->client);
    else
        snprintf(buffer, NAME_BYTES, "%s", party->client);
}

static const char *party_role(const struct scan_options *options, const struct scan_party *party)
{
    if (party->intruder)
        return "INTRUDER";
    if (!party->takes && !party->removals && party->stores)
        return "uploads only";
    if (!party->takes && !party->removals && !party->polls)
        return party->refused ? "never let in" : "nothing completed";
    if (!party->takes && !party->removals)
        return "polls, took nothing";
    return options->node_count && party->node == NODE_FOREIGN ? "no node of yours" : "";
}

static void figure_put(FILE *out, uint64_t number, const char *one, const char *many)
{
    fprintf(out, "  %6" PRIu64 " %-5s", number, number == 1 ? one : many);
}

/* Who retrieves and then removes took one object; who only removes took it too. */
static uint64_t objects_of(const struct scan_party *party)
{
    return party->takes ? party->takes : party->removals;
}

static void parties_show(FILE *out, const struct scan_options *options, const struct scan_account *account, bool has_logins)
{
    int width = 12;
    char name[NAME_BYTES], first[32], last[32];
    for (size_t i = 0; i < account->party_count; i++) {
        party_name(options, account, &account->parties[i], name);
        width = (int)strlen(name) > width ? (int)strlen(name) : width;
    }
    for (size_t i = 0; i < account->party_count && i < PARTIES_SHOWN; i++) {
        const struct scan_party *party = &account->parties[i];
        party_name(options, account, party, name);
        fprintf(out, "  %-10s", i ? "" : "who");
        safe_put(out, name);
        fprintf(out, "%*s", width - (int)strlen(name), "");
        if (has_logins)
            figure_put(out, party->polls, "poll", "polls");
        figure_put(out, objects_of(party), "take", "takes");
        fprintf(out, "  %s to %s", stamp_text(party->first, first, sizeof first), stamp_text(party->last, last, sizeof last));
        const char *role = party_role(options, party);
        if (*role)
            fprintf(out, "  %s", role);
        fputc('\n', out);
    }
    uint64_t more = account->more_parties + (account->party_count > PARTIES_SHOWN ? account->party_count - PARTIES_SHOWN : 0);
    if (more)
        fprintf(out, "  %-10sand %s clients not shown\n", "", account->more_parties ? "many more" : "a few more");
}

static void proof_show(FILE *out, const struct scan_proof *proof)
{
    if (!proof->path)
        return;
    const char *slash = strrchr(proof->path, '/');
    fprintf(out, "    %s:%" PRIu64 ": ", slash ? slash + 1 : proof->path, proof->number);
    safe_put(out, proof->text);
    fputc('\n', out);
}

static void nodes_put(FILE *out, const struct scan_options *options, const struct scan_account *account, nodes_t nodes)
{
    const char *separator = "";
    for (uint8_t node = 0; node < (uint8_t)NODES_MAX; node++)
        if (nodes & node_bit(node)) {
            fputs(separator, out);
            safe_put(out, scan_node_name(options, account, node));
            separator = ", ";
        }
}

static void episodes_show(FILE *out, const struct scan_options *options, const struct scan_account *account)
{
    char first[32], last[32];
    for (size_t i = 0; i < account->episode_count; i++) {
        const struct scan_episode *episode = &account->episodes[i];
        fprintf(out, "  duplicate %s to %s  ", stamp_text(episode->first, first, sizeof first),
                stamp_text(episode->last, last, sizeof last));
        colored(out, options, episode->confirmed ? "1;31" : "33", episode->confirmed ? "confirmed" : "suspected");
        if (episode->confirmed)
            fprintf(out, " (%s)", take_class_name(episode->take_class));
        fputs("  ", out);
        nodes_put(out, options, account, episode->nodes);
        fprintf(out, "\n    %s\n",
                episode->confirmed && !episode->has_object ? "two sessions of one mailbox overlapped, and both retrieved"
                                                           : reason_text(episode->reason));
        for (size_t k = 0; k < EVIDENCE_PROOF; k++)
            proof_show(out, &episode->proof[k]);
    }
    if (account->more_episodes)
        fprintf(out, "  and %" PRIu64 " more times\n", account->more_episodes);
    for (size_t i = 0; i < account->party_count; i++) {
        const struct scan_party *party = &account->parties[i];
        if (!party->intruder)
            continue;
        fputs("  intruder  ", out);
        safe_put(out, party->client);
        fprintf(out, "  took %" PRIu64 " object%s; ", objects_of(party), objects_of(party) == 1 ? "" : "s");
        fputs(options->node_count ? "it is no node of yours\n" : "it came and went while another kept its rhythm\n", out);
        for (size_t k = 0; k < 3; k++)
            proof_show(out, &party->proof[k]);
    }
}

static void handovers_show(FILE *out, const struct scan_options *options, const struct scan_account *account)
{
    size_t kept = account->handovers_kept, from = kept > HANDOVERS_SHOWN ? kept - HANDOVERS_SHOWN : 0;
    char at[32], gap[24];
    if (account->locked) /* turns, not hand-overs */
        return;
    for (size_t i = from; i < kept; i++) {
        const struct scan_handover *handover = &account->handovers[i];
        fprintf(out, "  %-10s%s  ", i == from ? "hand-over" : "", stamp_text(handover->at, at, sizeof at));
        safe_put(out, scan_node_name(options, account, handover->from));
        fputs(" to ", out);
        safe_put(out, scan_node_name(options, account, handover->to));
        fprintf(out, ", %s apart\n", span_text(handover->gap, gap, sizeof gap));
    }
    if (account->handover_count > kept - from)
        fprintf(out, "  %-10s%" PRIu64 " in all\n", "", account->handover_count);
}

static bool has_takers(const struct scan_account *account)
{
    for (size_t i = 0; i < account->party_count; i++)
        if (account->parties[i].polls || account->parties[i].takes || account->parties[i].removals)
            return true;
    return false;
}

static void verdict_show(FILE *out, const struct scan_options *options, const struct scan_account *account)
{
    bool confirmed = false, intruder = false;
    for (size_t i = 0; i < account->episode_count; i++)
        confirmed |= account->episodes[i].confirmed;
    for (size_t i = 0; i < account->party_count; i++)
        intruder |= account->parties[i].intruder;
    fputs("account ", out);
    safe_put(out, account->name);
    fputs(": ", out);
    if (account->episode_count)
        colored(out, options, confirmed ? "1;31" : "33", confirmed ? "DUPLICATE, confirmed" : "DUPLICATE, suspected");
    if (account->episode_count && intruder)
        fputs(" and ", out);
    if (intruder)
        colored(out, options, "1;31", "INTRUDER");
    if (options->node_count && !account->ours_seen && has_takers(account))
        colored(out, options, "33", "used by none of the named nodes");
    else if (!account->episode_count && !intruder)
        colored(out, options, "32",
                !has_takers(account)                         ? "nobody polls it"
                : account->locked && account->handover_count ? "in turn, kept apart by the server's lock"
                : account->handover_count                    ? "one at a time, with hand-overs"
                                                             : "one at a time");
    fputc('\n', out);
}

static void advice_show(FILE *out, const struct scan_options *options, const struct scan_account *account)
{
    if (options->node_count && !account->ours_seen && has_takers(account))
        fputs("  note      check the addresses given with --node, or is there address translation?\n", out);
    if (account->locked)
        fprintf(out, "  note      the server locks the mailbox (%" PRIu64 " login%s refused): several pollers are correct here\n",
                account->locked, account->locked == 1 ? "" : "s");
    if (account->episode_count)
        fputs("  do        look which of them should run, stop the other, look for doubled messages\n", out);
    if (account->episode_count && !options->node_count)
        fputs("            (if these addresses are one machine: --node NAME=ADDRESS for each, with one NAME)\n", out);
    for (size_t i = 0; i < account->party_count; i++)
        if (account->parties[i].intruder) {
            fputs("  do        find out who uses this account from there; change its password if nobody should\n", out);
            return;
        }
}

static void account_show(FILE *out, const struct scan_server *server, const struct scan_options *options,
                         const struct scan_account *account)
{
    char poll[24], window[24];
    fputc('\n', out);
    verdict_show(out, options, account);
    if (has_takers(account)) {
        fprintf(out, "  poll      every %s", span_text(account->poll, poll, sizeof poll));
        if (account->gaps)
            fprintf(out, " (median of %" PRIu64 " gaps)", account->gaps);
        else
            fputs(options->poll ? " (given)" : " (assumed: too few polls to measure; --poll sets it)", out);
        fprintf(out, ", judged within %s\n", span_text(account->policy.window, window, sizeof window));
    }
    parties_show(out, options, account, server->format->has_logins);
    handovers_show(out, options, account);
    episodes_show(out, options, account);
    uint64_t reread = account->classes[TAKE_AFTER_HANDOVER], retained = account->classes[TAKE_RETAINED];
    if (!account->episode_count && reread)
        fprintf(out, "  note      %" PRIu64 " object%s read again after a hand-over\n", reread, reread == 1 ? "" : "s");
    if (!account->episode_count && retained)
        fprintf(out, "  note      %" PRIu64 " object%s left in place and read again by the same node\n", retained,
                retained == 1 ? "" : "s");
    advice_show(out, options, account);
}

static int by_name(const struct scan_account *a, const struct scan_account *b)
{
    int worse = (int)scan_found(b) - (int)scan_found(a);
    return worse ? worse : strcmp(a->name, b->name);
}

void scan_show_text(FILE *out, const struct scan_server *server, const struct scan_options *options)
{
    char first[32], last[32];
    safe_put(out, server->name);
    if (server->file_count > 1)
        fprintf(out, " (%zu files)", server->file_count);
    fprintf(out, "  %s  %" PRIu64 " lines  ", server->format->name, server->lines);
    if (server->last)
        fprintf(out, "%s to %s\n", stamp_text(server->first, first, sizeof first),
                server->last - server->first < 43200000 && strncmp(stamp_text(server->last, last, sizeof last), first, 10) == 0
                    ? clock_text(server->last, last, sizeof last)
                    : stamp_text(server->last, last, sizeof last));
    else
        fputs("nothing understood\n", out);
    if (server->alien)
        fprintf(out, "  %" PRIu64 " line%s not of this format\n", server->alien, server->alien == 1 ? "" : "s");
    if (server->cut)
        fprintf(out, "  %" PRIu64 " line%s longer than %d bytes, not judged\n", server->cut, server->cut == 1 ? "" : "s", LINE_MAX_BYTES);
    if (server->backwards)
        fprintf(out, "  the log's clock went backwards %" PRIu64 " time%s: order across that is not judged\n", server->backwards,
                server->backwards == 1 ? "" : "s");
    if (server->more_accounts)
        fprintf(out, "  %" PRIu64 " lines of accounts beyond the first %d were not judged\n", server->more_accounts, SCAN_ACCOUNTS);
    for (size_t i = 0; i < server->file_count; i++)
        if (server->files[i].damaged) {
            safe_put(out, server->files[i].path);
            fputs(" is damaged: what follows the damage was not read\n", out);
        }
    const struct scan_account *shown = NULL;
    for (size_t round = 0; round < server->account_count; round++) {
        const struct scan_account *next = NULL;
        for (size_t i = 0; i < SCAN_ACCOUNTS; i++) {
            const struct scan_account *account = server->accounts[i];
            if (account && (!shown || by_name(shown, account) < 0) && (!next || by_name(account, next) < 0))
                next = account;
        }
        if (!next)
            break;
        account_show(out, server, options, next);
        shown = next;
    }
}
