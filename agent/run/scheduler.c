/* See scheduler.h. */
#include <assert.h>
#include <string.h>

#include "scheduler.h"

/* rounded up: an entry lies in the slot that begins at or after its time */
static int64_t slot_of(msec_t due)
{
    return (due + SLOT_MS - 1) / SLOT_MS;
}

void wheel_open(struct wheel *wheel, msec_t now)
{
    memset(wheel, 0, sizeof *wheel);
    wheel->slot = now / SLOT_MS;
    for (size_t i = 0; i < WHEEL_SLOTS; i++)
        wheel->slots[i].next = wheel->slots[i].before = &wheel->slots[i];
}

static void used_set(struct wheel *wheel, size_t position)
{
    uint64_t bit = UINT64_C(1) << (position % 64);
    if (wheel->slots[position].next == &wheel->slots[position])
        wheel->used[position / 64] &= ~bit;
    else
        wheel->used[position / 64] |= bit;
}

static size_t position_of(const struct wheel *wheel, const struct wheel_entry *entry)
{
    int64_t slot = slot_of(entry->due);
    return (size_t)((slot < wheel->slot ? wheel->slot : slot) % WHEEL_SLOTS);
}

void wheel_remove(struct wheel *wheel, struct wheel_entry *entry)
{
    if (!entry->next)
        return;
    struct wheel_entry *next = entry->next;
    entry->next->before = entry->before;
    entry->before->next = entry->next;
    if (next->next == next) /* only the head is left, and a head is where it stands */
        used_set(wheel, (size_t)(next - wheel->slots));
    entry->next = entry->before = NULL;
    wheel->count--;
}

void wheel_put(struct wheel *wheel, struct wheel_entry *entry, msec_t due)
{
    wheel_remove(wheel, entry);
    entry->due = due;
    size_t position = position_of(wheel, entry);
    struct wheel_entry *head = &wheel->slots[position];
    entry->next = head;
    entry->before = head->before;
    head->before->next = entry;
    head->before = entry;
    used_set(wheel, position);
    wheel->count++;
}

struct wheel_entry *wheel_take(struct wheel *wheel, msec_t now)
{
    int64_t last = now / SLOT_MS;
    if (last - wheel->slot >= WHEEL_SLOTS) /* we slept a whole turn: one turn sees everything */
        wheel->slot = last - WHEEL_SLOTS + 1;
    for (; wheel->slot <= last; wheel->slot++) {
        size_t position = (size_t)(wheel->slot % WHEEL_SLOTS);
        if (!(wheel->used[position / 64] >> (position % 64) & 1))
            continue;
        struct wheel_entry *head = &wheel->slots[position];
        for (struct wheel_entry *entry = head->next; entry != head; entry = entry->next)
            if (slot_of(entry->due) <= wheel->slot) {
                wheel_remove(wheel, entry);
                return entry;
            }
    }
    return NULL;
}

msec_t wheel_idle(const struct wheel *wheel, msec_t now)
{
    if (wheel->count == 0)
        return -1;
    for (int64_t ahead = 0; ahead < WHEEL_SLOTS; ahead++) {
        size_t position = (size_t)((wheel->slot + ahead) % WHEEL_SLOTS);
        if (wheel->used[position / 64] >> (position % 64) & 1) {
            msec_t begins = (wheel->slot + ahead) * SLOT_MS;
            return begins > now ? begins - now : 0;
        }
    }
    assert(!"a counted entry lies in no slot");
    return 0;
}
