/* The passes of `scan` over one server's files: count who uses which account and how often, then judge by the very evidence that the
 * daemon uses, then fetch the lines that prove it. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "scan.h"

enum { SAME_POLL_MS = 2000, POLL_ASSUMED_MS = 60000, POLL_FACTOR = 3, BACKWARDS_MS = 1000 };

/* ---- who is who ---- */

static struct scan_account *account_of(struct scan_server *server, struct text name, bool make)
{
    uint64_t key = hash_text(name.data, name.size);
    size_t slot = key % SCAN_ACCOUNTS;
    for (size_t i = 0; i < SCAN_ACCOUNTS; i++, slot = (slot + 1) % SCAN_ACCOUNTS) {
        struct scan_account *account = server->accounts[slot];
        if (account && account->key == key)
            return account;
        if (account)
            continue;
        if (!make)
            return NULL;
        account = calloc(1, sizeof *account);
        if (!account || !(account->parties = calloc(SCAN_PARTIES, sizeof *account->parties)))
            abort();
        account->key = key;
        size_t size = name.size < sizeof account->name - 1 ? name.size : sizeof account->name - 1;
        memcpy(account->name, name.data, size);
        server->accounts[slot] = account;
        server->account_count++;
        return account;
    }
    return NULL;
}

static uint64_t party_key(const struct sighting *sighting)
{
    static const struct address none;
    return memcmp(&sighting->address, &none, sizeof none) != 0
               ? hash_text((const char *)sighting->address.bytes, sizeof sighting->address.bytes)
               : hash_text(sighting->client.data, sighting->client.size);
}

static struct scan_party *party_of(struct scan_account *account, const struct sighting *sighting, bool make)
{
    static const struct address none;
    uint64_t key = party_key(sighting);
    for (size_t i = 0; i < account->party_count; i++)
        if (account->parties[i].key == key)
            return &account->parties[i];
    if (!make)
        return NULL;
    if (account->party_count == SCAN_PARTIES) {
        account->more_parties++;
        return NULL;
    }
    struct scan_party *party = &account->parties[account->party_count++];
    party->key = key;
    party->address = sighting->address;
    party->node = NODE_FOREIGN;
    if (memcmp(&sighting->address, &none, sizeof none) != 0)
        address_text(&sighting->address, party->client);
    else
        memcpy(party->client, sighting->client.data,
               sighting->client.size < sizeof party->client - 1 ? sighting->client.size : sizeof party->client - 1);
    return party;
}

static bool same_prefix(const struct address *a, const struct address *b, uint8_t bits)
{
    size_t whole = bits / 8;
    if (memcmp(a->bytes, b->bytes, whole) != 0)
        return false;
    unsigned rest = bits % 8U;
    return !rest || (a->bytes[whole] ^ b->bytes[whole]) >> (8 - rest) == 0;
}

/* With --node, nodes are who the operator says. Without, whoever takes may be one, and whoever logs in without ever uploading. */
static void nodes_choose(struct scan_account *account, const struct scan_options *options)
{
    uint8_t next = 0;
    for (size_t i = 0; i < account->party_count; i++) {
        struct scan_party *party = &account->parties[i];
        for (size_t k = 0; k < options->node_count; k++) {
            const struct scan_node *node = &options->nodes[k];
            if (node->literal ? same_prefix(&node->address, &party->address, node->prefix) : strcmp(node->client, party->client) == 0)
                party->node = node->index;
        }
        if (!options->node_count && (party->takes || party->removals || (party->polls && !party->stores)) && next < NODES_MAX)
            party->node = next++;
        account->ours_seen |= party->node != NODE_FOREIGN && (party->polls || party->takes);
    }
}

/* ---- how often ---- */

static size_t gap_bucket(stamp_t gap)
{
    size_t octave = 0;
    uint64_t scaled = (uint64_t)gap / 250; /* six and a half buckets to an octave are fine enough: each keeps its mean */
    while (scaled >= 16 && octave < GAP_BUCKETS / 8 - 1) {
        scaled >>= 1;
        octave++;
    }
    size_t bucket = octave * 8 + (scaled >= 8 ? scaled - 8 : 0);
    return bucket < GAP_BUCKETS ? bucket : GAP_BUCKETS - 1;
}

static void poll_count(struct scan_party *party, stamp_t at)
{
    party->polls++;
    stamp_t gap = at - party->last_poll;
    if (party->last_poll && gap >= SAME_POLL_MS) {
        size_t bucket = gap_bucket(gap);
        party->gap_counts[bucket]++;
        party->gap_sums[bucket] += (uint64_t)gap;
        party->gaps++;
    }
    if (at > party->last_poll)
        party->last_poll = at;
}

static stamp_t gap_median(const struct scan_party *party)
{
    uint64_t seen = 0;
    for (size_t i = 0; i < GAP_BUCKETS; i++) {
        seen += party->gap_counts[i];
        if (party->gap_counts[i] && seen * 2 >= party->gaps)
            return (stamp_t)(party->gap_sums[i] / party->gap_counts[i]);
    }
    return 0;
}

/* The rhythm of the client that polls most. */
static void poll_choose(struct scan_account *account, const struct scan_options *options)
{
    const struct scan_party *most = NULL;
    for (size_t i = 0; i < account->party_count; i++) {
        const struct scan_party *party = &account->parties[i];
        if (party->node != NODE_FOREIGN && party->gaps >= GAPS_ENOUGH && (!most || party->gaps > most->gaps))
            most = party;
    }
    account->poll = options->poll ? options->poll : most ? gap_median(most) : POLL_ASSUMED_MS;
    account->gaps = most && !options->poll ? most->gaps : 0;
}

/* ---- the passes ---- */

struct pass {
    struct scan_server *server;
    const struct scan_options *options;
    uint64_t first_line;
    bool judging;
    stamp_t newest;
};

static void sighting_count(struct scan_server *server, struct scan_account *account, const struct sighting *sighting)
{
    struct scan_party *party = party_of(account, sighting, true);
    if (!party)
        return;
    bool take = sighting->grade == GRADE_TAKE && sighting->complete, close = sighting->grade == GRADE_CLOSE && sighting->whole_session;
    party->takes += take && !sighting->removed ? 1 : close ? sighting->takes : 0;
    party->removals += take && sighting->removed;
    party->stores += sighting->grade == GRADE_STORE;
    party->refused += sighting->grade == GRADE_REFUSED;
    party->failed += sighting->grade == GRADE_FAILED;
    account->locked += sighting->grade == GRADE_REFUSED && sighting->session;
    if (sighting->grade == GRADE_POLL || close || (take && !server->format->has_logins))
        poll_count(party, sighting->begin);
    if (!party->first || sighting->begin < party->first)
        party->first = sighting->begin;
    if (sighting->end > party->last)
        party->last = sighting->end;
}

static void sighting_judge(struct scan_account *account, const struct sighting *sighting, uint64_t line)
{
    struct scan_party *party = party_of(account, sighting, false);
    if (!party)
        return;
    struct event event = event_of(sighting, line);
    event.node = party->node;
    event.address = party->address;
    struct scan_step before = {account->evidence.last_node, account->evidence.last_begin};
    struct finding finding;
    evidence_event(&account->policy, &account->evidence, &event, &finding);
    scan_follow(account, &event, &before, &finding);
    if (party->node != NODE_FOREIGN) {
        scan_visits(account, &event);
    } else if (account->ours_seen && ((event.grade == GRADE_TAKE && event.complete) || (event.grade == GRADE_CLOSE && event.takes))) {
        if (party->visits < 3)
            party->proof[party->visits].line = line;
        party->visits++;
        party->intruder = true;
    }
}

static bool pass_line(void *context, const char *line, size_t size, bool cut, uint64_t number)
{
    struct pass *pass = context;
    struct scan_server *server = pass->server;
    struct sighting sighting = {0};
    enum parsed parsed = cut ? PARSED_ALIEN : server->format->parse(NULL, server->state, line, size, &sighting);
    if (!pass->judging) {
        server->lines++;
        server->cut += cut;
        server->alien += parsed == PARSED_ALIEN;
        server->understood += parsed == PARSED_SIGHTING;
        if (parsed == PARSED_SIGHTING || parsed == PARSED_STAMP) {
            server->backwards += sighting.end + BACKWARDS_MS < pass->newest;
            pass->newest = sighting.end;
            server->first = !server->first || sighting.end < server->first ? sighting.end : server->first;
            server->last = sighting.end > server->last ? sighting.end : server->last;
        }
    }
    if (parsed != PARSED_SIGHTING || !sighting.account.size)
        return true;
    const char *only = pass->options->account;
    if (only && (strlen(only) != sighting.account.size || memcmp(only, sighting.account.data, sighting.account.size) != 0))
        return true;
    struct scan_account *account = account_of(server, sighting.account, !pass->judging);
    if (!account)
        server->more_accounts += !pass->judging;
    else if (pass->judging)
        sighting_judge(account, &sighting, pass->first_line + number);
    else
        sighting_count(server, account, &sighting);
    return true;
}

static void pass_run(struct scan_server *server, const struct scan_options *options, bool judging)
{
    struct pass pass = {.server = server, .options = options, .judging = judging};
    memset(server->state, 0, sizeof *server->state);
    time_t seconds = (time_t)(server->files[0].changed / 1000);
    struct tm tm;
    if (gmtime_r(&seconds, &tm)) {
        server->state->year = (int16_t)(tm.tm_year + 1900);
        server->state->month = (int16_t)(tm.tm_mon + 1);
    }
    for (size_t i = 0; i < server->file_count; i++) {
        struct scan_file *file = &server->files[i];
        if (!judging)
            file->first_line = server->lines;
        pass.first_line = file->first_line;
        file->damaged |= scan_each_line(file->path, pass_line, &pass) != 0;
    }
}

void scan_count(struct scan_server *server, const struct scan_options *options)
{
    server->state = calloc(1, sizeof *server->state);
    if (!server->state)
        abort();
    pass_run(server, options, false);
    for (size_t i = 0; i < SCAN_ACCOUNTS; i++) {
        struct scan_account *account = server->accounts[i];
        if (!account)
            continue;
        nodes_choose(account, options);
        poll_choose(account, options);
        account->policy = (struct evidence_policy){
            .window = POLL_FACTOR * account->poll, .server_may_lock = account->locked > 0, .resolution = server->format->resolution_ms};
        evidence_reset(&account->evidence);
    }
}

/* ---- the lines that prove it ---- */

struct wanted {
    struct scan_proof **proofs; /* sorted by line */
    size_t count, next;
    const struct scan_file *file;
};

static int by_line(const void *a, const void *b)
{
    uint64_t left = (*(struct scan_proof *const *)a)->line, right = (*(struct scan_proof *const *)b)->line;
    return left < right ? -1 : left > right;
}

static bool wanted_line(void *context, const char *line, size_t size, bool cut, uint64_t number)
{
    struct wanted *wanted = context;
    (void)cut;
    while (wanted->next < wanted->count && wanted->proofs[wanted->next]->line <= wanted->file->first_line + number) {
        struct scan_proof *proof = wanted->proofs[wanted->next++];
        size_t kept = size < sizeof proof->text - 1 ? size : sizeof proof->text - 1;
        proof->path = wanted->file->path;
        proof->number = number;
        memcpy(proof->text, line, kept);
        for (size_t i = 0; i < kept; i++)
            if (!proof->text[i])
                proof->text[i] = ' ';
    }
    return wanted->next < wanted->count;
}

static void wanted_add(struct wanted *wanted, struct scan_proof *proofs, size_t count)
{
    for (size_t i = 0; i < count && proofs[i].line; i++) {
        struct scan_proof **grown = realloc(wanted->proofs, (wanted->count + 1) * sizeof(struct scan_proof *));
        if (!grown)
            abort();
        wanted->proofs = grown;
        wanted->proofs[wanted->count++] = &proofs[i];
    }
}

static void proofs_fetch(struct scan_server *server)
{
    struct wanted wanted = {0};
    for (size_t i = 0; i < SCAN_ACCOUNTS; i++) {
        struct scan_account *account = server->accounts[i];
        for (size_t k = 0; account && k < account->episode_count; k++)
            wanted_add(&wanted, account->episodes[k].proof, EVIDENCE_PROOF);
        for (size_t k = 0; account && k < account->party_count; k++)
            if (account->parties[k].intruder)
                wanted_add(&wanted, account->parties[k].proof, 3);
    }
    if (wanted.count)
        qsort(wanted.proofs, wanted.count, sizeof wanted.proofs[0], by_line);
    for (size_t i = 0; i < server->file_count && wanted.next < wanted.count; i++) {
        uint64_t end = i + 1 < server->file_count ? server->files[i + 1].first_line : UINT64_MAX;
        wanted.file = &server->files[i];
        if (wanted.proofs[wanted.next]->line <= end)
            scan_each_line(wanted.file->path, wanted_line, &wanted);
    }
    free(wanted.proofs);
}

/* Who visited, and did nothing else but visit, is no node. */
static void visitors_choose(struct scan_account *account)
{
    nodes_t doubled = 0;
    for (size_t i = 0; i < account->episode_count; i++)
        doubled |= account->episodes[i].nodes;
    for (size_t i = 0; i < account->party_count; i++) {
        struct scan_party *party = &account->parties[i];
        party->intruder = party->visits && party->visits == party->visit_runs && !(doubled & node_bit(party->node));
        for (size_t k = 0; party->intruder && k < account->handovers_kept; k++) {
            struct scan_handover *handover = &account->handovers[k];
            if (handover->from != party->node && handover->to != party->node)
                continue;
            memmove(handover, handover + 1, (account->handovers_kept - k - 1) * sizeof *handover);
            account->handovers_kept--;
            account->handover_count--;
            k--;
        }
    }
}

void scan_judge(struct scan_server *server, const struct scan_options *options)
{
    pass_run(server, options, true);
    for (size_t i = 0; i < SCAN_ACCOUNTS && !options->node_count; i++)
        if (server->accounts[i])
            visitors_choose(server->accounts[i]);
    proofs_fetch(server);
}

bool scan_found(const struct scan_account *account)
{
    bool found = account->episode_count > 0;
    for (size_t i = 0; i < account->party_count; i++)
        found |= account->parties[i].intruder;
    return found;
}

void scan_server_free(struct scan_server *server)
{
    for (size_t i = 0; i < SCAN_ACCOUNTS; i++)
        if (server->accounts[i]) {
            free(server->accounts[i]->parties);
            free(server->accounts[i]);
        }
    free(server->state);
    free(server->files);
}
