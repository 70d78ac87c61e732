/* The texts of reasons.def, by number. */
#include "types.h"

static const struct {
    const char *name, *text, *cure;
} reasons[REASONS] = {
#define REASON(id, name, text, cure) [REASON_##id] = {name, text, cure},
#include "reasons.def"
#undef REASON
};

const char *reason_name(uint16_t reason)
{
    return reason < REASONS ? reasons[reason].name : "?";
}

const char *reason_text(uint16_t reason)
{
    return reason < REASONS ? reasons[reason].text : "?";
}

const char *reason_cure(uint16_t reason)
{
    return reason < REASONS ? reasons[reason].cure : "";
}
