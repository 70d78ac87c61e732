/* Where is the Enterprise SSO master secret server, and does it run? Hosts that start without it do not start. Where it is
 * another machine than this cluster's, that is all that is said. Must not know what is done about it. */
#include <string.h>

#include "estate_words.h"

/* Where it is, is configuration: an old list tells it as well as a new one. "" = not known. */
static const char *secret_server(const struct speaking *speaking, uint16_t *why)
{
    const struct estate *estate = speaking->estate;
    const struct policy_windows *windows = estate->policy->clusters[estate->cluster].windows;
    const char *found = "";
    msec_t newest = 0;
    if (windows && windows->sso_server && *windows->sso_server)
        return windows->sso_server;
    for (size_t i = 0; i < estate->source_count; i++) {
        const struct kept_list *list = estate->sources[i].lists[FOUND_SETTING];
        for (size_t row = 0; list && row < list->count; row++)
            if (!list->rows[row].absent_at && list->rows[row].seen_at > newest) {
                newest = list->rows[row].seen_at;
                found = ((const struct found_setting *)found_in(&list->rows[row]))->sso_server;
            }
    }
    *why = estate_why_none(estate, FOUND_SETTING, NODE_NONE, speaking->now);
    return found;
}

/* A Network Name resource bears the name that clients know, or a text with it. */
static bool is_clustered_here(const struct kept_list *resources, const char *server, const char **group)
{
    char label[FOUND_HOST_NAME];
    size_t size = strcspn(server, ".");
    if (!size || size >= sizeof label)
        return false;
    memcpy(label, server, size);
    label[size] = '\0';
    for (size_t i = 0; resources && i < resources->count; i++) {
        const struct found_resource *row = found_in(&resources->rows[i]);
        if (resources->rows[i].absent_at || !names_equal(row->type, "Network Name") || !name_contains(row->name, label))
            continue;
        *group = row->group;
        return true;
    }
    return false;
}

static struct word of_resource(const struct estate *estate, uint16_t source, const struct kept_list *resources, const char *group)
{
    struct word word = {.reason = REASON_PREFLIGHT_UNKNOWN};
    for (size_t i = 0; i < resources->count; i++) {
        const struct found_resource *row = found_in(&resources->rows[i]);
        if (resources->rows[i].absent_at || !names_equal(row->group, group) || !resource_is_sso(estate, source, row))
            continue;
        if (row->state == RESOURCE_ONLINE)
            return (struct word){.verdict = YES, .reason = REASON_OK};
        if (row->state == RESOURCE_FAILED || row->state == RESOURCE_OFFLINE)
            return (struct word){.verdict = NO, .reason = REASON_SECRET_SERVER_DOWN};
        word.reason = REASON_IN_TRANSITION;
    }
    return word;
}

static struct word of_node(const struct speaking *speaking, uint8_t node)
{
    uint16_t source = estate_best_of_node(speaking->estate, FOUND_SERVICE, node, speaking->now);
    if (source == UINT16_MAX)
        return (struct word){.reason = estate_why_none(speaking->estate, FOUND_SERVICE, node, speaking->now)};
    const struct kept_row *row = estate_kept_row(estate_kept(speaking->estate, source, FOUND_SERVICE), FOUND_SERVICE, "ENTSSO", NULL);
    uint8_t state = row && !row->absent_at ? ((const struct found_service *)found_in(row))->state : SERVICE_STOPPED;
    if (state == SERVICE_RUNNING)
        return (struct word){.verdict = YES, .reason = REASON_OK};
    if (state == SERVICE_STOPPED)
        return (struct word){.verdict = NO, .reason = REASON_SECRET_SERVER_DOWN};
    return (struct word){.reason = REASON_IN_TRANSITION};
}

void speak_secret_server(const struct speaking *speaking)
{
    const struct estate *estate = speaking->estate;
    uint16_t why = REASON_PREFLIGHT_UNKNOWN, source = estate_best(estate, FOUND_RESOURCE, speaking->now);
    const struct kept_list *resources = source == UINT16_MAX ? NULL : estate_kept(estate, source, FOUND_RESOURCE);
    const char *server = secret_server(speaking, &why), *group = "";
    struct word word = {.reason = why};
    uint8_t node = estate_node(estate, server);
    if (!*server && why == REASON_CLASS_MISSING) /* no BizTalk there, so no secret is needed */
        word.reason = REASON_SECRET_SERVER_ELSEWHERE;
    if (*server && node != NODE_NONE)
        word = of_node(speaking, node);
    else if (*server && !resources)
        word.reason = estate_why_none(estate, FOUND_RESOURCE, NODE_NONE, speaking->now);
    else if (*server && is_clustered_here(resources, server, &group))
        word = of_resource(estate, source, resources, group);
    else if (*server)
        word.reason = REASON_SECRET_SERVER_ELSEWHERE; /* said, so that what was unknown before does not stand */
    word.aspect = ASPECT_SECRET_SERVER;
    word.node = NODE_NONE;
    speak_word(speaking, subject_of(SUBJECT_CLUSTER, estate->cluster), word);
}
