/* Conversations of WMI queries (wmi.h): a place for now, asks nothing. */
#include <string.h>

#include "conversation.h"
#include "wmi.h"

void wmi_row(struct wmi_talk *talk, const void *row)
{
    (void)talk, (void)row;
}

enum step wmi_step(struct wmi_talk *talk, const struct wmi_query *queries, size_t count, const struct probe_context *context,
                   const struct reply *in, struct request *out, struct seen *seen)
{
    (void)talk, (void)queries, (void)count, (void)context, (void)in, (void)out;
    memset(seen, 0, sizeof *seen);
    seen_item(seen, ASPECT_ENDPOINT, UNKNOWN, REASON_NO_SOURCE, 0);
    return STEP_DONE;
}
