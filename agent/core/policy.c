/* Looking things up in the compiled policy. Owns nothing. */
#include "policy.h"

#include <string.h>

size_t policy_queue_seats(const struct policy *policy)
{
    size_t seats = 0;
    for (uint16_t i = 0; i < policy->cluster_count; i++)
        seats += policy->clusters[i].windows ? QUEUE_SEATS : 0;
    return seats;
}

const char *policy_name(const struct policy *policy, subject_t subject)
{
    uint32_t index = subject_index(subject);
    switch (subject_kind(subject)) {
    case SUBJECT_AGENT:
        return policy->agent_name ? policy->agent_name : "";
    case SUBJECT_CLUSTER:
        return index < policy->cluster_count ? policy->clusters[index].name : "";
    case SUBJECT_NODE:
        return index < policy->node_count ? policy->nodes[index].name : "";
    case SUBJECT_GROUP:
        return index < policy->group_count ? policy->groups[index].name : "";
    case SUBJECT_SERVER:
        return index < policy->server_count ? policy->servers[index].name : "";
    case SUBJECT_HANDLER:
        return index < policy->handler_count ? policy->handlers[index].name : "";
    case SUBJECT_QUEUE:
        return policy->queue_names && index < policy_queue_seats(policy) ? policy->queue_names[index] : "";
    case SUBJECT_PROBE:
        return index < policy->source_count ? policy->sources[index].name : "";
    default:
        return "";
    }
}

static bool same_prefix(const struct address *a, const struct address *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    if (memcmp(a->bytes, b->bytes, whole) != 0)
        return false;
    return rest == 0 || ((a->bytes[whole] ^ b->bytes[whole]) & (0xff00U >> rest) & 0xffU) == 0;
}

uint8_t policy_node_of_address(const struct policy *policy, uint16_t cluster, const struct address *address)
{
    uint8_t node = NODE_FOREIGN;
    int longest = -1;
    for (uint32_t i = 0; i < policy->address_count; i++) {
        const struct policy_address *known = &policy->addresses[i];
        if (known->cluster == cluster && (int)known->prefix > longest && known->prefix <= 128 &&
            same_prefix(&known->address, address, known->prefix)) {
            longest = known->prefix;
            node = known->node;
        }
    }
    return node;
}
