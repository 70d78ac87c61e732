/* See http_site.h. A request that authenticates by Kerberos: an empty one first, once, for the certificate that the token is bound to; then
 * with a token; what the server answers to it is checked before a byte of the answer is believed. */
#include <stdio.h>
#include <string.h>

#include "agent/config/secrets.h"
#include "http_site.h"
#include "loop.h"
#include "memory.h"

/* FRESH: an authenticated connection that was used just now is probably still there; after longer a new token is the better bet. */
enum { FRESH_MS = 2000, ROUNDS_MAX = 5 };

static void collected(void *private)
{
    struct http_site *site = private;
    if (site->dirty)
        return;
    site->dirty = true;
    site->next_dirty = site->identity->dirty;
    site->identity->dirty = site;
}

void http_site_open(struct http_site *site, const struct http_target *target, struct http_identity *identity,
                    struct http_counters *counters, const struct http_site_hooks *hooks)
{
    *site = (struct http_site){.target = target, .identity = identity, .hooks = hooks};
    http_endpoint_open(&site->endpoint, target, identity->multi, counters, collected, site);
    identity->sites++;
    http_multi_keep(identity->multi, 2 * identity->sites + 8);
}

static void dirty_leave(struct http_site *site)
{
    struct http_site **link = &site->identity->dirty;
    while (*link && *link != site)
        link = &(*link)->next_dirty;
    if (*link)
        *link = site->next_dirty;
    site->dirty = false;
}

void http_site_close(struct http_site *site)
{
    http_site_abandon(site);
    http_endpoint_close(&site->endpoint);
    site->identity->sites--;
}

/* ---- steps ---- */

static void token_drop(struct http_site *site)
{
    if (site->token)
        secret_wipe(site->token, strlen(site->token));
    free(site->token);
    site->token = NULL;
    site->ask.token = NULL;
}

static void authentication_drop(struct http_site *site)
{
    spnego_context_free(site->authentication);
    site->authentication = NULL;
}

static void end(struct http_site *site, uint16_t reason, const char *why)
{
    const struct http_answer answer = {.reason = reason, .status = reason == REASON_OK ? site->status : 0, .why = why};
    token_drop(site);
    authentication_drop(site);
    http_endpoint_rinse(&site->endpoint);
    site->step = SITE_IDLE;
    site->used_at = loop_now();
    site->hooks->ended(site->context, &answer);
}

static void piece(struct http_site *site)
{
    char *bytes = site->endpoint.bytes; /* whoever is told may give the request up */
    size_t size = site->endpoint.size;
    site->endpoint.bytes = NULL;
    site->endpoint.size = 0;
    if (size > 0)
        site->hooks->piece(site->context, bytes, size);
    free(bytes);
}

static void deliver(struct http_site *site)
{
    void *context = site->context;
    piece(site);
    if (site->step != SITE_IDLE && site->context == context)
        end(site, REASON_OK, "");
}

static uint16_t put_on_wire(struct http_site *site, uint8_t step, const struct http_ask *ask, char why[160])
{
    site->step = step;
    return http_endpoint_send(&site->endpoint, ask, why);
}

static void token_came(void *context, struct spnego_answer *answer)
{
    struct http_site *site = context;
    char why[160] = "";
    site->job = NULL;
    if (answer->reason != REASON_OK) {
        end(site, answer->reason, answer->why);
        return;
    }
    site->token = answer->token;
    site->authentication = answer->context;
    site->ask.token = site->token;
    site->ask.bound = &site->binding;
    uint16_t reason = put_on_wire(site, SITE_SEND, &site->ask, why);
    if (reason != REASON_OK)
        end(site, reason, why);
}

static void fetch_token(struct http_site *site)
{
    token_drop(site);
    authentication_drop(site);
    site->step = SITE_TOKEN;
    site->job = spnego_token(site->identity->spnego, site->target->host, &site->binding, token_came, site);
}

static uint16_t authenticate(struct http_site *site, char why[160])
{
    const struct http_bond *bond = site->endpoint.bond;
    site->ask.guarded = site->target->auth == HTTP_AUTH_KERBEROS;
    if (site->ask.empty)
        return put_on_wire(site, SITE_GREET, &site->greeting, why);
    if (!site->ask.guarded)
        return put_on_wire(site, SITE_SEND, &site->ask, why);
    if (!site->target->plain && !site->bound)
        return put_on_wire(site, SITE_GREET, &site->greeting, why);
    if (bond && bond->proven && site->persistent && loop_now() - site->used_at < FRESH_MS)
        return put_on_wire(site, SITE_SEND, &site->ask, why);
    fetch_token(site);
    return REASON_OK;
}

static void addresses_came(void *context, struct addresses *addresses)
{
    struct http_site *site = context;
    char why[160] = "";
    uint16_t reason = REASON_RESOLVE_FAILED;
    site->wait = NULL;
    if (addresses) {
        http_endpoint_addresses(&site->endpoint, addresses);
        addresses_release(addresses);
        reason = authenticate(site, why);
    }
    if (reason != REASON_OK)
        end(site, reason, why);
}

/* OK: the address is known, or `addresses_came` will be called. */
static uint16_t find_address(struct http_site *site, bool *known)
{
    *known = true;
    if (site->target->address)
        return REASON_OK;
    struct addresses *addresses = resolve(site->identity->loop, site->target->host, addresses_came, site, &site->wait);
    if (addresses) {
        http_endpoint_addresses(&site->endpoint, addresses);
        addresses_release(addresses);
        return REASON_OK;
    }
    *known = false;
    site->step = SITE_RESOLVE;
    return site->wait ? REASON_OK : REASON_RESOLVE_FAILED;
}

uint16_t http_site_ask(struct http_site *site, const struct http_ask *ask, void *context, char why[160])
{
    const char *objection = http_endpoint_objection(site->target, ask);
    bool known;
    if (objection) {
        snprintf(why, 160, "%s", objection);
        return REASON_NOT_SENDABLE;
    }
    site->context = context;
    site->ask = site->greeting = *ask;
    site->greeting.empty = true;
    site->greeting.guarded = true;
    site->rounds = site->refused = 0;
    site->status = 0;
    site->signalled = false;
    uint16_t reason = find_address(site, &known);
    if (reason == REASON_OK && known)
        reason = authenticate(site, why);
    if (reason != REASON_OK)
        site->step = SITE_IDLE;
    return reason;
}

/* ---- what came of it ---- */

static void proof_came(void *context, struct spnego_answer *answer)
{
    struct http_site *site = context;
    struct http_bond *bond = site->endpoint.bond;
    site->job = NULL;
    if (site->step == SITE_DIAGNOSE) {
        end(site, REASON_LOGIN_REFUSED, answer->why);
        return;
    }
    if (answer->reason != REASON_OK) {
        end(site, answer->reason, answer->why);
        return;
    }
    site->persistent = site->signalled;
    if (bond)
        bond->proven = site->signalled;
    deliver(site);
}

static void check_proof(struct http_site *site, uint8_t step, const char *challenge)
{
    struct spnego_context *authentication = site->authentication;
    site->authentication = NULL;
    site->step = step;
    site->job = spnego_proof(site->identity->spnego, authentication, challenge, proof_came, site);
}

/* One token may be stale in a way that we cannot see (a restarted server, a connection it forgot); two in a row are not. */
static void unauthorised(struct http_site *site, const struct http_outcome *outcome)
{
    bool kerberos = site->target->auth == HTTP_AUTH_KERBEROS;
    if (site->endpoint.bond)
        site->endpoint.bond->proven = false;
    if (site->authentication)
        site->refused++;
    if (kerberos && site->refused < 2)
        fetch_token(site);
    else if (kerberos && outcome->challenge)
        check_proof(site, SITE_DIAGNOSE, outcome->challenge); /* its answer says why */
    else
        end(site, REASON_LOGIN_REFUSED, "");
}

static void answered(struct http_site *site, const struct http_outcome *outcome)
{
    site->status = outcome->status;
    site->signalled = outcome->persistent;
    if (outcome->status == 401)
        unauthorised(site, outcome);
    else if (!site->authentication)
        deliver(site);
    else if (outcome->challenge)
        check_proof(site, SITE_PROOF, outcome->challenge);
    else if (outcome->status / 100 == 2)
        end(site, REASON_NOT_MUTUAL, "it took our token and did not answer it");
    else
        deliver(site); /* an error before or beside the login: told, and believed as little as any error */
}

static void learn_binding(struct http_site *site)
{
    const struct http_bond *bond = site->endpoint.bond;
    site->bound = true;
    site->binding = bond ? bond->binding : (struct spnego_binding){.size = 0};
}

static void greeted(struct http_site *site, int status)
{
    learn_binding(site);
    site->status = status;
    if (site->ask.empty)
        end(site, REASON_OK, "");
    else
        fetch_token(site);
}

void http_site_done(struct http_site *site, CURLcode result)
{
    struct http_outcome outcome;
    http_endpoint_ended(&site->endpoint, result, &outcome);
    token_drop(site);
    bool again = outcome.refusal != HTTP_SENT || (outcome.reason == REASON_OK && (site->step == SITE_GREET || outcome.status == 401));
    if (again && ++site->rounds > ROUNDS_MAX) {
        end(site, REASON_NETWORK_ERROR, "it closes every connection before a token can be used");
    } else if (outcome.refusal != HTTP_SENT) { /* another connection than thought, and nothing was sent on it */
        learn_binding(site);
        fetch_token(site);
    } else if (outcome.reason != REASON_OK) {
        end(site, outcome.reason, outcome.why);
    } else if (site->step == SITE_GREET) {
        greeted(site, outcome.status);
    } else {
        answered(site, &outcome);
    }
}

/* What came of an answer that nothing has to be proven about. */
void http_sites_tell(struct http_identity *identity)
{
    struct http_site *site;
    while ((site = identity->dirty)) {
        identity->dirty = site->next_dirty;
        site->dirty = false;
        if (site->step == SITE_SEND && !site->authentication && site->endpoint.busy)
            piece(site);
    }
}

/* ---- giving up ---- */

static uint16_t reason_of_step(struct http_site *site)
{
    switch (site->step) {
    case SITE_RESOLVE:
        return REASON_RESOLVE_FAILED;
    case SITE_TOKEN:
    case SITE_PROOF:
        return REASON_TOKEN_SLOW;
    case SITE_DIAGNOSE:
        return REASON_LOGIN_REFUSED;
    default:
        return http_endpoint_expired(&site->endpoint);
    }
}

uint16_t http_site_expire(struct http_site *site)
{
    uint16_t reason = reason_of_step(site);
    http_site_abandon(site);
    return reason;
}

void http_site_abandon(struct http_site *site)
{
    if (site->wait)
        resolve_cancel(site->wait);
    if (site->job)
        spnego_cancel(site->job);
    site->wait = NULL;
    site->job = NULL;
    http_endpoint_abandon(&site->endpoint);
    if (site->dirty)
        dirty_leave(site);
    token_drop(site);
    authentication_drop(site);
    site->step = SITE_IDLE;
}
