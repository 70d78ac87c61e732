/* Whatever is posted to a simulated node gets a reply; whatever is a query selects something or nothing. */
#include <stdlib.h>

#include "tests/lab/winlab/soap.h"
#include "tests/lab/winlab/wql.h"
#include "tests/unit/winlab_wire/fake_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void query(const char *data, size_t size, struct world *world)
{
    struct wql wql;
    char *text = strndup(data, size);
    if (!text)
        abort();
    if (wql_parse(text, &wql) && !wql_unknown_name(&wql, &fake_class))
        for (size_t i = 0; i < fake_count(world, 0); i++)
            wql_matches(&wql, &fake_class, world, 0, i);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct soap_contexts *contexts;
    static uint64_t now_ms;
    struct world world = {0};
    struct text reply = {0};
    if (!contexts)
        contexts = soap_contexts_open();
    const struct soap_caller caller = {
        .world = &world, .node_name = "NODE1", .user = "somebody", .role = ROLE_ACT, .contexts = contexts, .now_ms = now_ms += 1000};
    unsigned status = soap_answer(&caller, (const char *)data, size, &reply);
    if ((status != 200 && status != 500) || reply.length == 0)
        abort();
    text_free(&reply);
    query((const char *)data, size, &world);
    return 0;
}
