/* Rule 6: who else polls the same FTP URL, in any cluster. URLs are compared as they mean the same: scheme and host without case, the
 * scheme's own port, no trailing slash. Owns the table that makes this one pass. */
#include <stdio.h>
#include <string.h>

#include "audit_parts.h"

enum { URL_BYTES = 3 * LOCATION_PART + 40 };

static bool normal_form(const char *text, char form[URL_BYTES])
{
    struct location_url url;
    if (!location_url_parse(text, &url))
        return false;
    snprintf(form, URL_BYTES, "%s://%s%s%s:%u%s", url.scheme, url.user, *url.user ? "@" : "", url.host, url.port, url.path);
    return true;
}

static uint16_t best_of(const struct audit_view *view, uint16_t cluster)
{
    const struct estate *estate = view->input->estates[cluster];
    uint16_t best = estate ? estate_best(estate, FOUND_LOCATION, view->now) : UINT16_MAX;
    return best != UINT16_MAX && estate_span(estate, best, FOUND_LOCATION).count <= AUDIT_ROWS ? best : UINT16_MAX;
}

static const struct found_location *location_at(const struct audit_view *view, const struct audit_url *url)
{
    return estate_row(view->input->estates[url->cluster], FOUND_LOCATION, url->row).found;
}

static void add(struct audit_view *view, uint16_t cluster, size_t row, const struct found_location *location)
{
    char form[URL_BYTES];
    if (location->disabled != NO || audit_adapter(view->input->policy->clusters[cluster].windows, location->adapter) != ADAPTER_FTP ||
        !normal_form(location->url, form))
        return;
    if (view->url_count == AUDIT_URLS) {
        view->urls_dropped = true;
        return;
    }
    struct audit_url *url = &view->urls[view->url_count++];
    *url = (struct audit_url){.hash = hash_text(form, strlen(form)), .row = (uint32_t)row, .cluster = cluster};
    uint32_t *bucket = &view->buckets[url->hash % AUDIT_URLS];
    url->next = *bucket;
    *bucket = view->url_count;
}

/* Once for all clusters. */
static void gather(struct audit_view *view)
{
    if (view->urls_gathered)
        return;
    view->urls_gathered = true;
    view->urls_dropped = false;
    view->url_count = 0;
    memset(view->buckets, 0, sizeof view->buckets);
    for (uint16_t cluster = 0; cluster < view->input->policy->cluster_count; cluster++) {
        uint16_t best = best_of(view, cluster);
        const struct estate *estate = view->input->estates[cluster];
        struct estate_span span = best == UINT16_MAX ? (struct estate_span){0, 0} : estate_span(estate, best, FOUND_LOCATION);
        for (size_t i = 0; i < span.count && !view->urls_dropped; i++) {
            const struct estate_row row = estate_row(estate, FOUND_LOCATION, span.first + i);
            if (!row.absent_at)
                add(view, cluster, span.first + i, row.found);
        }
    }
}

/* The same receive location of the same BizTalk group, seen through two clusters. */
static bool same_location(const struct found_location *left, const struct found_location *right)
{
    return strcmp(left->name, right->name) == 0 && strcmp(left->port, right->port) == 0 && names_equal(left->host, right->host);
}

static const struct audit_url *twin_of(const struct audit_view *view, const struct audit_url *url, const struct found_location *location)
{
    for (uint32_t at = view->buckets[url->hash % AUDIT_URLS]; at; at = view->urls[at - 1].next) {
        const struct audit_url *other = &view->urls[at - 1];
        char left[URL_BYTES], right[URL_BYTES];
        if (other == url || other->hash != url->hash)
            continue;
        const struct found_location *candidate = location_at(view, other);
        if (other->cluster != url->cluster && same_location(location, candidate))
            continue;
        if (normal_form(location->url, left) && normal_form(candidate->url, right) && strcmp(left, right) == 0)
            return other;
    }
    return NULL;
}

static void judge(struct audit_view *view, const struct audit_url *url)
{
    const struct found_location *location = location_at(view, url);
    const struct audit_about about = {AUDIT_LOCATION, location->name, "", false};
    const struct audit_url *twin = twin_of(view, url, location);
    if (!twin) {
        audit_yes(view, &about, "nobody else is known to poll %s", location->url);
        return;
    }
    const struct found_location *other = location_at(view, twin);
    audit_no(view, &about, "%s of host %s is polled by %s of host %s too%s%s: %s", location->url, location->host, other->name, other->host,
             twin->cluster == url->cluster ? "" : ", in cluster ",
             twin->cluster == url->cluster ? "" : view->input->policy->clusters[twin->cluster].name, other->url);
}

void audit_ftp_unique(struct audit_view *view)
{
    gather(view);
    if (view->urls_dropped) {
        audit_unknown(view, &(struct audit_about){AUDIT_CLUSTER, audit_cluster_name(view), "", false}, REASON_TOO_MANY_ROWS,
                      "more than %d enabled FTP receive locations", AUDIT_URLS);
        return;
    }
    for (uint16_t i = 0; i < view->input->policy->cluster_count; i++)
        if (view->input->estates[i] && i != view->cluster && best_of(view, i) == UINT16_MAX)
            audit_unknown(view, &(struct audit_about){AUDIT_CLUSTER, view->input->policy->clusters[i].name, "", false}, REASON_NOT_SEEN,
                          "the receive locations of this other cluster are not known");
    for (uint16_t i = 0; i < view->url_count; i++)
        if (view->urls[i].cluster == view->cluster)
            judge(view, &view->urls[i]);
    const struct found_location *location;
    for (size_t at = 0; (location = audit_next(view, FOUND_LOCATION, &at, NULL));) {
        char form[URL_BYTES];
        if (audit_adapter(view->windows, location->adapter) != ADAPTER_FTP || location->disabled == YES ||
            (location->disabled == NO && normal_form(location->url, form)))
            continue;
        audit_unknown(view, &(struct audit_about){AUDIT_LOCATION, location->name, "", false}, REASON_NOT_SEEN, "%s",
                      location->disabled == UNKNOWN ? "whether it is enabled did not come" : "its URL is not understood");
    }
}
