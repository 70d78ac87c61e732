/* The SNMP manager: a process of its own, since net-snmp must not run in the decider. This header owns what channel_snmp.c and the
 * manager say to each other: packets over a socket pair. Both ends are the same program, so structs travel as they are. Secrets never
 * travel: the manager is told the names of the files that hold them. */
#ifndef SOLOWARDEN_RUN_SNMP_MANAGER_H
#define SOLOWARDEN_RUN_SNMP_MANAGER_H

#include <stddef.h>
#include <stdint.h>

enum {
    MANAGER_DESCRIPTOR = 3, /* where the manager finds its end */
    MANAGER_WALKS_MAX = 1024,
    MANAGER_TEXTS_MAX = 16 * 1024,
    MANAGER_PIECE_MAX = 32 * 1024
};

enum manager_kind {
    MANAGER_WALK = 1, /* to the manager */
    MANAGER_CANCEL,   /* to the manager, which answers with an end all the same */
    MANAGER_PIECE,    /* from it: whole lines, see REQUEST_WALK */
    MANAGER_END       /* from it: the walk is over */
};

/* In the order in which they stand in manager_walk.texts, each with its terminating zero. */
enum manager_text {
    MANAGER_ADDRESS,      /* literal, so that nothing has to be resolved */
    MANAGER_SUBTREE,      /* 1.3.6.1.… */
    MANAGER_USER,         /* "" = v2c */
    MANAGER_SECRET_FILE,  /* community, or the passphrase of authentication */
    MANAGER_PRIVACY_FILE, /* "" below authPriv */
    MANAGER_TEXTS
};

struct manager_walk {
    uint32_t bytes_max; /* of lines */
    uint16_t port;
    uint8_t level, auth, priv; /* as in struct conf_snmp_user */
    char texts[MANAGER_TEXTS_MAX];
};

struct manager_end {
    uint16_t reason;
    char text[120]; /* for people; "" = the reason says it all */
};

struct manager_packet {
    uint32_t kind, id;
    union {
        struct manager_walk walk;
        struct manager_end end;
        char piece[MANAGER_PIECE_MAX];
    } as;
};
/* Bytes of a packet that end behind this member's first `size` bytes. */
#define MANAGER_PACKET_SIZE(member, size) (offsetof(struct manager_packet, as.member) + (size))

enum manager_result { MANAGER_BROKEN = -1, MANAGER_LATER, MANAGER_OK };
/* Never block. */
enum manager_result manager_send(int channel, const struct manager_packet *packet, size_t size);
enum manager_result manager_receive(int channel, struct manager_packet *packet, size_t *size);

/* The verb `snmp-manager`: serves until its channel closes. */
int snmp_manager_main(int argc, char **argv);

#endif
