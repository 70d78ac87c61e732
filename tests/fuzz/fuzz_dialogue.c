/* Replies of any server, cut anywhere: no crash, no byte beyond the limits, and how it was cut does not change the reply. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/run/dialogue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint16_t feed(struct dialogue *dialogue, const char *data, size_t size, size_t piece, size_t *used)
{
    uint16_t reason = REASON_NONE;
    *used = 0;
    while (reason == REASON_NONE && *used < size) {
        size_t taken, length = size - *used < piece ? size - *used : piece;
        reason = dialogue_feed(dialogue, data + *used, length, &taken);
        assert(taken <= length);
        if (reason == REASON_NONE)
            assert(taken == length);
        *used += taken;
    }
    assert(dialogue->size <= dialogue->limit);
    return reason;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    static const enum expect expects[] = {EXPECT_LINE, EXPECT_FTP, EXPECT_DOT};
    enum expect expect = expects[data[0] % 3];
    size_t piece = (size_t)data[1] % 7 + 1, limit = data[2] < 128 ? data[2] : 0, whole_used, pieces_used;
    const char *text = (const char *)data + 3;
    struct dialogue whole = {0}, pieces = {0};
    dialogue_begin(&whole, expect, limit);
    dialogue_begin(&pieces, expect, limit);
    uint16_t one = feed(&whole, text, size - 3, SIZE_MAX, &whole_used);
    uint16_t other = feed(&pieces, text, size - 3, piece, &pieces_used);
    bool failed = one != REASON_OK && one != REASON_NONE;
    assert(failed ? other != REASON_OK && other != REASON_NONE : one == other); /* which limit is met first may differ */
    if (one == REASON_OK) {
        assert(whole_used == pieces_used && whole.size == pieces.size);
        assert(memcmp(whole.text, pieces.text, whole.size) == 0);
    }
    dialogue_end(&whole);
    dialogue_end(&pieces);
    return 0;
}
