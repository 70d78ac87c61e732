/* All groups at once: what fell together, what is under way, and when a common cause is over. */
#include "facts.h"

#include <string.h>

#include "parts.h"

static bool is_fallen(const struct group_state *state)
{
    uint32_t wrong = state->wrong ? 1U << (state->wrong - 1) : 0;
    return wrong == FACT_NONE || wrong == FACT_IDLE;
}

/* ---- under way ---- */

static bool is_in_flight(const struct group_state *state, msec_t now)
{
    return state->phase == PHASE_ACTING || state->phase == PHASE_VERIFYING || now < state->orphan_until;
}

static void count_flights(const struct policy *policy, const struct group_state *groups, msec_t now, struct fleet *fleet)
{
    memset(fleet->in_flight, 0, policy->cluster_count * sizeof *fleet->in_flight);
    for (uint16_t i = 0; i < policy->group_count; i++)
        if (is_in_flight(&groups[i], now) && fleet->in_flight[policy->groups[i].cluster] < UINT8_MAX)
            fleet->in_flight[policy->groups[i].cluster]++;
}

/* ---- together ---- */

/* Groups that stand duplicate and turned so within the window of one another: then we misread, rather than all of them. */
static uint16_t count_doubles(const struct policy *policy, const struct group_state *groups)
{
    uint16_t doubles = 0;
    for (uint16_t i = 0; i < policy->group_count; i++) {
        bool together = false;
        for (uint16_t j = 0; groups[i].double_since && j < policy->group_count && !together; j++) {
            msec_t apart = groups[i].double_since - groups[j].double_since;
            together = j != i && groups[j].double_since && apart < policy->common_window && -apart < policy->common_window;
        }
        doubles = (uint16_t)(doubles + together);
    }
    return doubles;
}

/* The servers that a group depends on: what it names itself, then those that its handlers poll. */
static uint16_t cause_at(const struct policy *policy, const struct policy_group *group, unsigned i)
{
    if (i < group->need_count)
        return policy->needs[group->first_need + i];
    return policy->handlers[policy->group_handlers[group->first_handler + i - group->need_count]].server;
}

/* Is everything that this group is declared to depend on up for `settle`? No declared cause: then only an operator can say. */
static bool is_cause_over(const struct model *model, uint16_t group, msec_t now)
{
    const struct policy *policy = model->policy;
    const struct policy_group *of = &policy->groups[group];
    msec_t settle = policy_settle(policy, group), since;
    unsigned declared = 0;
    for (unsigned i = 0; i < of->need_count + (unsigned)of->handler_count; i++) {
        uint16_t server = cause_at(policy, of, i);
        if (!policy->servers[server].has_probe)
            continue;
        declared++;
        if (model_endpoint(model, server, now, NULL, &since) != YES || now - since < settle)
            return false;
    }
    return declared > 0;
}

static bool is_over(const struct model *model, const struct group_state *groups, const struct world *world, msec_t now,
                    const struct fleet *fleet)
{
    unsigned fallen = 0, healed = 0;
    if (world->common_acked_at > fleet->common_since)
        return true;
    for (uint16_t i = 0; i < model->policy->group_count; i++) {
        if (!is_fallen(&groups[i]))
            continue;
        fallen++;
        healed += now - fleet->common_since >= policy_settle(model->policy, i) && is_cause_over(model, i, now);
    }
    return fallen ? healed == fallen : now - fleet->common_since >= model->policy->common_window;
}

static bool is_cause_down(const struct model *model, const struct policy_group *group, msec_t now)
{
    msec_t since;
    for (unsigned i = 0; i < group->need_count + (unsigned)group->handler_count; i++)
        if (model_endpoint(model, cause_at(model->policy, group, i), now, NULL, &since) == NO)
            return true;
    return false;
}

/* When this group's fall counts from. Where a cluster manager heals by itself and nothing that the group depends on is down, a fall that is
 * about to be mended is none yet: a lost node takes all its roles down for a moment, and there is no cause to look for. */
static msec_t fell_at(const struct model *model, uint16_t group, const struct group_state *state, msec_t now)
{
    const struct policy_group *of = &model->policy->groups[group];
    bool mends = model->policy->clusters[of->cluster].heals_itself && !is_cause_down(model, of, now);
    return state->wrong_since + (mends ? policy_settle(model->policy, group) : 0);
}

void fleet_fold(const struct model *model, const struct group_state *groups, const struct world *world, msec_t now, struct fleet *fleet)
{
    const struct policy *policy = model->policy;
    count_flights(policy, groups, now, fleet);
    fleet->doubles = count_doubles(policy, groups);
    fleet->onsets = 0;
    for (uint16_t i = 0; i < policy->group_count; i++) {
        if (!is_fallen(&groups[i]) || groups[i].wrong_since <= world->common_acked_at)
            continue; /* what fell before an acknowledgement has been looked at */
        msec_t since = now - fell_at(model, i, &groups[i], now);
        fleet->onsets = (uint16_t)(fleet->onsets + (since >= 0 && since < policy->common_window));
    }
    uint8_t enough = policy->common_count ? policy->common_count : 2;
    if (!fleet->common && fleet->onsets >= enough) {
        fleet->common = true;
        fleet->common_since = now;
    } else if (fleet->common && fleet->onsets < enough && is_over(model, groups, world, now, fleet)) {
        fleet->common = false;
    }
}

void fleet_gates(const struct policy *policy, uint16_t group, const struct group_state *was, const struct fleet *fleet, msec_t now,
                 struct facts *facts)
{
    const struct policy_cluster *cluster = &policy->clusters[policy->groups[group].cluster];
    bool orphaned = now < was->orphan_until;
    bool full = fleet->in_flight[policy->groups[group].cluster] >= (cluster->max_in_flight ? cluster->max_in_flight : 1);
    const struct {
        enum gate gate;
        bool open;
        uint16_t why;
        msec_t until;
    } said[] = {
        {GATE_NOT_COMMON, !fleet->common || was->ordered == ORDERED_BY_FORCE, REASON_COMMON_CAUSE, 0},
        {GATE_NOT_IN_FLIGHT, !orphaned && !full, orphaned ? REASON_ORPHANED : REASON_IN_FLIGHT, orphaned ? was->orphan_until : 0},
        {GATE_NOT_MANY_AT_ONCE, fleet->doubles < 2, REASON_MANY_AT_ONCE, 0},
    };
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        gates_t bit = (gates_t)1 << said[i].gate;
        facts->open = said[i].open ? facts->open | bit : facts->open & ~bit;
        facts->gate_why[said[i].gate] = said[i].open ? REASON_OK : said[i].why;
        facts->until[said[i].gate] = said[i].open ? 0 : said[i].until;
        facts_wake(facts, now, facts->until[said[i].gate]);
    }
}
