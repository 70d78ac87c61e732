/* Which gates stand in front of which act. Owns the masks and their names; facts.c says which are open. */
#include "gates.h"

#define G(gate) ((gates_t)1 << GATE_##gate)

/* for every act */
#define ALWAYS                                                                                                                             \
    (G(NOT_HELD) | G(FRESH) | G(OWNER_AGREED) | G(CONFIRMED) | G(STEADY) | G(INTENDED) | G(NOT_COMMON) | G(NOT_IN_FLIGHT) | G(COOL_DOWN) | \
     G(BUDGET) | G(TARGET) | G(NOT_FLAPPING) | G(CLOCK) | G(JOURNAL) | G(ACTUATOR) | G(FENCED) | G(MODE))

const gates_t gates_of[3] = {
    [ACT_NOTHING] = 0,
    [ACT_MOVE] = ALWAYS | G(CAUSES),
    [ACT_STOP] = ALWAYS | G(OWNER_POLLING) | G(TRUSTED) | G(NOT_MANY_AT_ONCE),
};

const gates_t gates_overridable = G(FRESH) | G(OWNER_AGREED) | G(CONFIRMED) | G(STEADY) | G(INTENDED) | G(CAUSES) | G(NOT_COMMON) |
                                  G(COOL_DOWN) | G(BUDGET) | G(NOT_FLAPPING) | G(CLOCK);

uint16_t gate_lowest(gates_t closed)
{
    return closed ? (uint16_t)__builtin_ctz(closed) : GATES;
}

const char *gate_name(unsigned gate)
{
    static const char *const names[GATES] = {
        [GATE_NOT_HELD] = "not-held",
        [GATE_FRESH] = "fresh",
        [GATE_OWNER_AGREED] = "owner-agreed",
        [GATE_CONFIRMED] = "confirmed",
        [GATE_STEADY] = "steady",
        [GATE_INTENDED] = "intended",
        [GATE_CAUSES] = "causes",
        [GATE_NOT_COMMON] = "not-common",
        [GATE_NOT_IN_FLIGHT] = "not-in-flight",
        [GATE_COOL_DOWN] = "cool-down",
        [GATE_BUDGET] = "budget",
        [GATE_TARGET] = "target",
        [GATE_NOT_FLAPPING] = "not-flapping",
        [GATE_CLOCK] = "clock",
        [GATE_JOURNAL] = "journal",
        [GATE_ACTUATOR] = "actuator",
        [GATE_FENCED] = "fenced",
        [GATE_OWNER_POLLING] = "owner-polling",
        [GATE_TRUSTED] = "trusted",
        [GATE_NOT_MANY_AT_ONCE] = "not-many-at-once",
        [GATE_MODE] = "mode",
    };
    return gate < GATES ? names[gate] : "?";
}
