/* The report of `scan` as JSON: the same facts as the text, for programs. */
#include <jansson.h>
#include <string.h>
#include <time.h>

#include "scan.h"

/* A log's bytes need not be UTF-8; what is not is written byte by byte. */
static json_t *text_json(const char *text)
{
    json_t *json = json_string(text);
    if (json)
        return json;
    char safe[4 * 4096 + 1];
    size_t used = 0;
    for (const unsigned char *c = (const unsigned char *)text; *c && used + 5 < sizeof safe; c++)
        used += (size_t)snprintf(safe + used, sizeof safe - used, *c < 0x80 ? "%c" : "\\x%02x", *c);
    return json_string(safe);
}

static json_t *stamp_json(stamp_t stamp)
{
    char text[32];
    time_t seconds = (time_t)(stamp / 1000);
    struct tm tm;
    if (!stamp || !gmtime_r(&seconds, &tm) || !strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm))
        return json_null();
    return json_string(text);
}

static json_t *number_json(uint64_t number)
{
    return json_integer((json_int_t)number);
}

static json_t *proofs_json(const struct scan_proof *proofs, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count && proofs[i].path; i++)
        json_array_append_new(list, json_pack("{s:o, s:o, s:o}", "file", text_json(proofs[i].path), "line", number_json(proofs[i].number),
                                              "text", text_json(proofs[i].text)));
    return list;
}

static json_t *parties_json(const struct scan_account *account, const struct scan_options *options)
{
    json_t *list = json_array();
    for (size_t i = 0; i < account->party_count; i++) {
        const struct scan_party *party = &account->parties[i];
        json_t *row =
            json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "address", text_json(party->client), "polls",
                      number_json(party->polls), "takes", number_json(party->takes), "removals", number_json(party->removals), "stores",
                      number_json(party->stores), "refused", number_json(party->refused), "failed", number_json(party->failed), "first",
                      stamp_json(party->first), "last", stamp_json(party->last), "intruder", party->intruder);
        if (options->node_count && party->node != NODE_FOREIGN)
            json_object_set_new(row, "node", text_json(scan_node_name(options, account, party->node)));
        if (party->intruder)
            json_object_set_new(row, "proof", proofs_json(party->proof, 3));
        json_array_append_new(list, row);
    }
    return list;
}

static json_t *episodes_json(const struct scan_account *account, const struct scan_options *options)
{
    json_t *list = json_array();
    for (size_t i = 0; i < account->episode_count; i++) {
        const struct scan_episode *episode = &account->episodes[i];
        json_t *nodes = json_array();
        for (uint8_t node = 0; node < (uint8_t)NODES_MAX; node++)
            if (episode->nodes & node_bit(node))
                json_array_append_new(nodes, text_json(scan_node_name(options, account, node)));
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "state", episode->confirmed ? "confirmed" : "suspected", "class",
                            episode->confirmed ? take_class_name(episode->take_class) : "none", "reason", reason_name(episode->reason),
                            "first", stamp_json(episode->first), "last", stamp_json(episode->last), "nodes", nodes, "proofs",
                            number_json(episode->proofs), "proof", proofs_json(episode->proof, EVIDENCE_PROOF)));
    }
    return list;
}

static json_t *account_json(const struct scan_account *account, const struct scan_options *options)
{
    json_t *handovers = json_array();
    for (size_t i = 0; i < account->handovers_kept; i++) {
        const struct scan_handover *handover = &account->handovers[i];
        json_array_append_new(handovers, json_pack("{s:o, s:o, s:o, s:f}", "at", stamp_json(handover->at), "from",
                                                   text_json(scan_node_name(options, account, handover->from)), "to",
                                                   text_json(scan_node_name(options, account, handover->to)), "gap_seconds",
                                                   (double)handover->gap / 1000));
    }
    return json_pack("{s:o, s:b, s:f, s:s, s:o, s:f, s:o, s:o, s:o, s:o, s:o}", "account", text_json(account->name), "found",
                     scan_found(account), "poll_seconds", (double)account->poll / 1000, "poll_source",
                     options->poll   ? "given"
                     : account->gaps ? "measured"
                                     : "assumed",
                     "poll_gaps", number_json(account->gaps), "window_seconds", (double)account->policy.window / 1000, "clients",
                     parties_json(account, options), "handover_count", number_json(account->handover_count), "handovers", handovers,
                     "duplicates", episodes_json(account, options), "lock_refusals", number_json(account->locked));
}

json_t *scan_json(const struct scan_server *server, const struct scan_options *options)
{
    json_t *accounts = json_array(), *files = json_array();
    for (size_t i = 0; i < SCAN_ACCOUNTS; i++)
        if (server->accounts[i])
            json_array_append_new(accounts, account_json(server->accounts[i], options));
    for (size_t i = 0; i < server->file_count; i++)
        json_array_append_new(files,
                              json_pack("{s:o, s:b}", "path", text_json(server->files[i].path), "damaged", server->files[i].damaged));
    return json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "server", text_json(server->name), "files", files,
                     "format", server->format->name, "lines", number_json(server->lines), "understood", number_json(server->understood),
                     "alien", number_json(server->alien), "cut", number_json(server->cut), "clock_backwards",
                     number_json(server->backwards), "lines_of_accounts_not_judged", number_json(server->more_accounts), "first",
                     stamp_json(server->first), "last", stamp_json(server->last), "accounts", accounts);
}
