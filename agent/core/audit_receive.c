/* Rules about receive locations and the hosts that run them: 1 to 5, 7, 28, 29, 31, 32. */
#include <inttypes.h>
#include <string.h>

#include "audit_parts.h"
#include "parts.h"

static const char *const adapter_words[] = {"FTP", "SFTP", "POP3", "MSMQ"};

/* ---- one running instance ---- */

static bool at_most_one(const struct audit_host *host)
{
    return host->running + host->unclear <= 1;
}

/* "3 enabled FTP receive locations; …": the host runs at most once, or it does not, or that is not known. */
static void judge_single(struct audit_view *view, const struct audit_host *host, enum adapter adapter, bool harmless, uint16_t why)
{
    const struct audit_about about = {AUDIT_HOST, host->name, "", host->running_assumed};
    const char *word = adapter_words[adapter];
    unsigned locations = host->enabled[adapter];
    if (at_most_one(host))
        audit_yes(view, &about, "%u enabled %s receive location(s); runs %s%s", locations, word, host->running ? "on " : "nowhere",
                  host->where);
    else if (harmless)
        audit_yes(view, &about, "%u enabled %s receive location(s); the server permits one session a mailbox, so %u copies do no harm",
                  locations, word, host->running + host->unclear);
    else if (why)
        audit_unknown(view, &about, why, "%u enabled %s receive location(s); runs on %s; whether that does harm is not known: %s",
                      locations, word, host->running ? host->where : host->unclear_where, reason_text(why));
    else if (host->running > 1)
        audit_no(view, &about, "%u enabled %s receive location(s); runs on %u nodes: %s%s", locations, word, host->running, host->where,
                 host->running_assumed ? " (by BizTalk's word alone)" : "");
    else
        audit_unknown(view, &about, host->unclear_reason, "%u enabled %s receive location(s); runs on %s; not known about %s", locations,
                      word, host->running ? host->where : "no node for certain", host->unclear_where);
}

/* Locations of which it is not known whether they are enabled matter only where there may be two copies. */
static bool concerns(struct audit_view *view, const struct audit_host *host, enum adapter adapter)
{
    if (host->enabled[adapter])
        return true;
    if (host->maybe[adapter] && !at_most_one(host))
        audit_unknown(view, &(struct audit_about){AUDIT_HOST, host->name, "", false}, REASON_NOT_SEEN,
                      "whether its %u %s receive location(s) are enabled did not come", host->maybe[adapter], adapter_words[adapter]);
    return false;
}

static void check_single(struct audit_view *view, enum adapter adapter)
{
    for (uint16_t i = 0; i < view->host_count; i++)
        if (concerns(view, &view->hosts[i], adapter))
            judge_single(view, &view->hosts[i], adapter, false, REASON_NONE);
}

void audit_ftp_single(struct audit_view *view)
{
    check_single(view, ADAPTER_FTP);
}

void audit_sftp_single(struct audit_view *view)
{
    check_single(view, ADAPTER_SFTP);
}

void audit_pop3_single(struct audit_view *view)
{
    for (uint16_t i = 0; i < view->host_count; i++) {
        uint16_t why;
        if (!concerns(view, &view->hosts[i], ADAPTER_POP3))
            continue;
        enum verdict permits = audit_pop3_permits(view->input, view->cluster, view->hosts[i].name, &why);
        judge_single(view, &view->hosts[i], ADAPTER_POP3, permits == NO, permits == UNKNOWN ? why : REASON_NONE);
    }
}

/* What a Network Name is called need not be the name that it holds, so a queue's machine may be this cluster's all the same. */
static void judge_other_queues(struct audit_view *view, const struct audit_host *host)
{
    const struct audit_about about = {AUDIT_HOST, host->name, "", true};
    if (host->running > 1 || host->clustered == NO)
        audit_no(view, &about, "%u MSMQ receive location(s) on queues that may be this cluster's; %s, runs %s%s", host->other_queues,
                 host->clustered == YES  ? "clustered"
                 : host->clustered == NO ? "not clustered"
                                         : "perhaps clustered",
                 host->running ? "on " : "nowhere", host->where);
    else
        audit_unknown(view, &about, REASON_NOT_SEEN, "%u MSMQ receive location(s) on queues that may be this cluster's; runs %s%s",
                      host->other_queues, host->running ? "on " : "nowhere", host->where);
}

void audit_msmq_single(struct audit_view *view)
{
    for (uint16_t i = 0; i < view->host_count; i++) {
        const struct audit_host *host = &view->hosts[i];
        const struct audit_about about = {AUDIT_HOST, host->name, "", false};
        if (!concerns(view, host, ADAPTER_MSMQ))
            continue;
        if (!host->local_queues && !(at_most_one(host) && host->clustered == YES) && audit_has_msmq(view))
            judge_other_queues(view, host);
        else if (!host->local_queues && !(at_most_one(host) && host->clustered == YES))
            audit_unknown(view, &about, REASON_NOT_SEEN,
                          "%u MSMQ receive location(s), of which it is not known whether their queues are on this cluster",
                          host->other_queues);
        else if (host->clustered == NO)
            audit_no(view, &about, "%u MSMQ receive location(s) on queues of this cluster; not clustered, %u instance(s), runs %s%s",
                     host->local_queues, host->instances, host->running ? "on " : "nowhere", host->where);
        else if (host->clustered == UNKNOWN)
            audit_unknown(view, &about, REASON_NOT_SEEN, "%u MSMQ receive location(s); whether the host is clustered did not come",
                          host->local_queues);
        else
            judge_single(view, host, ADAPTER_MSMQ, false, REASON_NONE);
    }
}

/* Whether a location is ordered stands in its CustomCfg, which is never read because it holds passwords. */
void audit_msmq_ordered(struct audit_view *view)
{
    for (uint16_t i = 0; i < view->host_count; i++) {
        const struct audit_host *host = &view->hosts[i];
        const struct audit_about about = {AUDIT_HOST, host->name, "", true};
        if (!host->enabled[ADAPTER_MSMQ])
            continue;
        if (at_most_one(host))
            audit_yes(view, &about, "runs on %s", host->running ? host->where : "no node");
        else
            audit_unknown(view, &about, REASON_NO_SOURCE,
                          "%u instances may run, and whether order matters is not asked: the setting stands beside passwords",
                          host->running + host->unclear);
    }
}

/* ---- clustered where it must be ---- */

/* Must this host be single? UNKNOWN only for POP3 and queues of unknown machines. */
static enum verdict must_be_single(struct audit_view *view, const struct audit_host *host, uint16_t *why)
{
    if (host->enabled[ADAPTER_FTP] || host->enabled[ADAPTER_SFTP] || host->local_queues)
        return YES;
    if (host->enabled[ADAPTER_POP3]) {
        enum verdict permits = audit_pop3_permits(view->input, view->cluster, host->name, why);
        if (permits != NO)
            return permits;
    }
    *why = REASON_NOT_SEEN;
    return host->other_queues ? UNKNOWN : NO;
}

void audit_clustered(struct audit_view *view)
{
    for (uint16_t i = 0; i < view->host_count; i++) {
        const struct audit_host *host = &view->hosts[i];
        const struct audit_about about = {AUDIT_HOST, host->name, "", false};
        uint16_t why = REASON_NONE;
        enum verdict needed = must_be_single(view, host, &why);
        if (needed == NO)
            continue;
        if (host->clustered == YES)
            audit_yes(view, &about, "clustered, group %s", *audit_host_group(host) ? audit_host_group(host) : "not told");
        else if (needed == UNKNOWN)
            audit_unknown(view, &about, why, "not clustered; whether it needs to be is not known: %s", reason_text(why));
        else if (host->clustered == UNKNOWN)
            audit_unknown(view, &about, REASON_NOT_SEEN, "whether it is clustered did not come");
        else
            audit_no(view, &about, "FTP %u, SFTP %u, POP3 %u, MSMQ %u receive location(s); not clustered, %u instance(s)",
                     host->enabled[ADAPTER_FTP], host->enabled[ADAPTER_SFTP], host->enabled[ADAPTER_POP3], host->enabled[ADAPTER_MSMQ],
                     host->instances);
    }
}

void audit_needless(struct audit_view *view)
{
    struct estate_row row;
    bool by_name = false;
    enum verdict sso = audit_sso(view, &row, &by_name);
    for (uint16_t i = 0; i < view->host_count; i++) {
        const struct audit_host *host = &view->hosts[i];
        const struct audit_about about = {AUDIT_HOST, host->name, "", false};
        unsigned uses = 0;
        if (host->clustered != YES)
            continue;
        for (unsigned a = 0; a < ADAPTERS; a++)
            uses += (unsigned)host->enabled[a] + host->maybe[a] + host->handlers[a];
        if (uses)
            audit_yes(view, &about, "it has receive handlers that must be single");
        else if (sso == YES && names_equal(audit_host_group(host), ((const struct found_resource *)row.found)->group))
            audit_yes(view, &about, "clustered beside Enterprise SSO, as it must be");
        else if (sso == UNKNOWN)
            audit_unknown(view, &about, REASON_NOT_SEEN, "whether Enterprise SSO is clustered here, which would call for it, is not known");
        else
            audit_no(view, &about,
                     "clustered in %s without an FTP, SFTP, POP3 or MSMQ receive handler; ordered send ports are not looked at",
                     *audit_host_group(host) ? audit_host_group(host) : "a group that is not told");
    }
}

/* ---- locations ---- */

void audit_location_enabled(struct audit_view *view)
{
    const struct found_location *location;
    for (size_t at = 0; (location = audit_next(view, FOUND_LOCATION, &at, NULL));) {
        const struct audit_about about = {AUDIT_LOCATION, location->name, "", false};
        if (audit_adapter(view->windows, location->adapter) == ADAPTERS)
            continue;
        if (location->disabled == UNKNOWN)
            audit_unknown(view, &about, REASON_NOT_SEEN, "whether it is enabled did not come");
        else if (location->disabled == NO)
            audit_yes(view, &about, "enabled");
        else if (name_listed(view->windows->disabled_locations, location->name))
            audit_yes(view, &about, "disabled, as it is meant to be");
        else
            audit_no(view, &about, "disabled; adapter %s, host %s, %s", location->adapter, location->host, location->url);
    }
}

void audit_pop3_32_bit(struct audit_view *view)
{
    for (uint16_t i = 0; i < view->host_count; i++) {
        const struct audit_host *host = &view->hosts[i];
        const struct audit_about about = {AUDIT_HOST, host->name, "", false};
        unsigned locations = host->enabled[ADAPTER_POP3];
        if (!locations)
            continue;
        if (!host->setting || host->setting->only_32_bit == UNKNOWN)
            audit_unknown(view, &about, REASON_NOT_SEEN, "whether it is 32-bit only did not come");
        else if (host->setting->only_32_bit == YES)
            audit_yes(view, &about, "%u enabled POP3 receive location(s); 32-bit only", locations);
        else
            audit_no(view, &about, "%u enabled POP3 receive location(s); the host is not 32-bit only", locations);
    }
}

void audit_suspended(struct audit_view *view)
{
    const struct found_suspended *suspended;
    const struct audit_about all = {AUDIT_CLUSTER, audit_cluster_name(view), "", false};
    bool any = false;
    for (size_t at = 0; (suspended = audit_next(view, FOUND_SUSPENDED, &at, NULL));) {
        const struct audit_about about = {AUDIT_HOST, suspended->host, "", false};
        bool known = suspended->resumable != ABSENT && suspended->not_resumable != ABSENT;
        any = true;
        if (!known)
            audit_unknown(view, &about, REASON_NOT_SEEN, "their number did not come");
        else if (suspended->resumable > 0 || suspended->not_resumable > 0)
            audit_no(view, &about, "%" PRId64 " resumable and %" PRId64 " not resumable service instance(s) suspended%s",
                     suspended->resumable, suspended->not_resumable, suspended->capped ? ", at least" : "");
        else
            audit_yes(view, &about, "none suspended");
    }
    if (!any)
        audit_yes(view, &all, "none suspended");
}
