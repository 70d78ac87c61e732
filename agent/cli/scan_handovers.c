/* What the second pass of `scan` keeps of one account's evidence: episodes of duplicates, hand-overs, visits. */
#include <string.h>

#include "scan.h"

enum { RHYTHM_GAPS = 5 };

static struct scan_episode *episode_newest(struct scan_account *account)
{
    return account->episode_count ? &account->episodes[account->episode_count - 1] : NULL;
}

static void proof_keep(struct scan_episode *episode, const struct finding *finding)
{
    memset(episode->proof, 0, sizeof episode->proof);
    for (size_t i = 0; i < EVIDENCE_PROOF && finding->lines[i]; i++)
        episode->proof[i].line = finding->lines[i];
}

/* When the first of the beginnings happened that prove it. */
static stamp_t proof_begin(const struct evidence *evidence, const struct finding *finding)
{
    stamp_t first = finding->at;
    for (size_t i = 0; i < evidence->run_count; i++) {
        const struct evidence_run *run = &evidence->runs[i];
        if ((run->first_line == finding->lines[0] || run->last_line == finding->lines[0]) && run->last < first)
            return run->first_line == finding->lines[0] ? run->first : run->last;
    }
    return first;
}

static void handovers_drop_since(struct scan_account *account, stamp_t since)
{
    while (account->handovers_kept && account->handovers[account->handovers_kept - 1].at >= since) {
        account->handovers_kept--;
        account->handover_count -= account->handover_count > 0;
    }
}

static void episode_open(struct scan_account *account)
{
    const struct evidence *evidence = &account->evidence;
    account->episode_since = evidence->many_since;
    if (account->episode_count == SCAN_EPISODES) {
        account->more_episodes++;
        memmove(account->episodes + 1, account->episodes + 2, (SCAN_EPISODES - 2) * sizeof account->episodes[0]);
        account->episode_count--;
    }
    struct scan_episode *episode = &account->episodes[account->episode_count++];
    *episode = (struct scan_episode){.first = proof_begin(evidence, &evidence->many), .reason = evidence->many.reason};
    proof_keep(episode, &evidence->many);
    /* what looked like hand-overs were these two, taking turns */
    handovers_drop_since(account, episode->first - account->policy.window);
}

static void episode_follow(struct scan_account *account, const struct finding *finding)
{
    const struct evidence *evidence = &account->evidence;
    if (account->episode_since && account->episode_since != evidence->many_since) {
        struct scan_episode *last = episode_newest(account);
        /* taken back: the login was for an upload */
        if (!evidence->many.reason && last && last->last == account->episode_since && !last->confirmed)
            account->episode_count--;
        account->episode_since = 0;
    }
    if (!evidence->many_since)
        return;
    if (!account->episode_since)
        episode_open(account);
    struct scan_episode *episode = episode_newest(account);
    episode->proofs += evidence->many.at != episode->last;
    episode->last = evidence->many.at > episode->last ? evidence->many.at : episode->last;
    episode->nodes |= evidence->many.nodes;
    if (finding->confirmed && !episode->confirmed) {
        episode->confirmed = true;
        episode->has_object = finding->object != 0;
        episode->reason = finding->reason;
        episode->take_class = finding->take_class;
        proof_keep(episode, finding);
    }
}

static void handover_follow(struct scan_account *account, const struct event *event, const struct scan_step *before)
{
    const struct evidence *evidence = &account->evidence;
    if (evidence->last_node == before->last_node || before->last_node == NODE_NONE)
        return;
    if (event->grade == GRADE_STORE) { /* an uploader's login was withdrawn */
        handovers_drop_since(account, before->last_begin);
        return;
    }
    if (evidence->many_since)
        return;
    if (account->handovers_kept == SCAN_HANDOVERS) {
        memmove(account->handovers, account->handovers + 1, sizeof account->handovers - sizeof account->handovers[0]);
        account->handovers_kept--;
    }
    account->handovers[account->handovers_kept++] = (struct scan_handover){
        .at = evidence->last_begin, .gap = evidence->last_begin - before->last_begin, .from = before->last_node, .to = evidence->last_node};
    account->handover_count++;
}

void scan_follow(struct scan_account *account, const struct event *event, const struct scan_step *before, const struct finding *finding)
{
    handover_follow(account, event, before);
    episode_follow(account, finding);
    if (finding->reason == REASON_TAKEN_TWICE)
        account->classes[finding->take_class]++;
}

/* A client took something between two polls of another that kept its rhythm all the while: no hand-over explains that.
 * Told only where nobody said which addresses are nodes. */
void scan_visits(struct scan_account *account, const struct event *event)
{
    const struct evidence *evidence = &account->evidence;
    if (evidence->run_count < 2 || event->line != evidence->runs[evidence->run_count - 1].first_line)
        return;
    const struct evidence_run *newest = &evidence->runs[evidence->run_count - 1], *visit = newest - 1;
    for (size_t i = 0; i < account->party_count; i++) {
        struct scan_party *party = &account->parties[i];
        if (party->node == newest->node)
            party->visit_runs++;
        if (party->node != visit->node || !visit->took || evidence->run_count < 3 || account->gaps < RHYTHM_GAPS)
            continue;
        const struct evidence_run *before = newest - 2;
        if (before->node != newest->node)
            continue;
        stamp_t off = newest->first - before->last - account->poll;
        if (off > account->poll / 4 || off < -account->poll / 4)
            continue;
        if (party->visits < 3)
            party->proof[party->visits].line = visit->last_line;
        party->visits++;
    }
}
