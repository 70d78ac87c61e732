/* See spnego.h. A job owns all that its worker reads, so that nothing has to outlive a job that hangs. Renewal fetches a whole new set of
 * tickets beside the one in use, with a ticket for every service asked so far: while the old ones live, a KDC that is down is not missed.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "agent/config/secrets.h"
#include "loop.h"
#include "memory.h"
#include "spnego.h"

enum { WORKER_STACK = 512 * 1024, SPARE_S = 2 };
enum job_kind { JOB_TOKEN, JOB_PROOF, JOB_RENEW };

struct spnego_job {
    struct spnego_job *next;
    enum job_kind kind;
    struct spnego_identity *identity; /* loop thread only; NULL = closed meanwhile */
    spnego_done *done;                /* NULL = nobody waits any more */
    void *done_context;
    msec_t deadline;
    bool running;
    /* in: the job's own */
    struct spnego_account account;
    char *host, *challenge, **services;
    size_t service_count;
    struct spnego_binding binding;
    struct spnego_tickets *tickets; /* in and out: acquired by the worker where there were none */
    /* out */
    struct spnego_context *context;
    char *token;
    uint16_t reason;
    char why[SPNEGO_WHY];
};

struct spnego_identity {
    struct spnego_identity *next;
    struct spnego *spnego;
    struct spnego_account account;
    struct spnego_tickets *tickets;
    struct spnego_job *waiting, *running, *renewing; /* waiting: the oldest first */
    int64_t renew_at;                                /* seconds left to live at which to renew */
    char *services[SPNEGO_SERVICES_MAX];             /* asked so far */
    size_t service_count;
};

struct spnego { /* also the workers': freed by whoever goes last */
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct spnego_job *todo, **todo_end, *finished, **finished_end;
    unsigned threads, idle, references;
    bool closed;
    uv_async_t woken;
    /* loop thread only */
    uv_timer_t deadline;
    unsigned handles;
    struct spnego_identity *identities;
    struct spnego_counters counters;
};

/* ---- jobs ---- */

static void texts_free(char **texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(texts[i]);
}

static void account_copy(struct spnego_account *to, const struct spnego_account *from)
{
    to->principal = strdup(from->principal);
    to->keytab_file = from->keytab_file ? strdup(from->keytab_file) : NULL;
    to->password_file = from->password_file ? strdup(from->password_file) : NULL;
}

static void account_free(struct spnego_account *account)
{
    free((char *)account->principal);
    free((char *)account->keytab_file);
    free((char *)account->password_file);
}

static void job_free(struct spnego_job *job)
{
    if (job->token)
        secret_wipe(job->token, strlen(job->token));
    free(job->token);
    spnego_context_free(job->context);
    spnego_tickets_release(job->tickets);
    account_free(&job->account);
    texts_free(job->services, job->service_count);
    free(job->services);
    free(job->host);
    free(job->challenge);
    free(job);
}

static struct spnego_job *job_new(struct spnego_identity *identity, enum job_kind kind)
{
    struct spnego_job *job = memory_zeroed(1, sizeof *job);
    job->kind = kind;
    job->identity = identity;
    account_copy(&job->account, &identity->account);
    return job;
}

/* ---- workers ---- */

static void carry_out(struct spnego_job *job)
{
    switch (job->kind) {
    case JOB_TOKEN:
        if (!job->tickets)
            job->tickets = spnego_tickets_acquire(&job->account, &job->reason, job->why);
        if (job->tickets)
            job->context = spnego_context_begin(job->tickets, job->host, &job->binding, &job->token, &job->reason, job->why);
        break;
    case JOB_PROOF:
        job->reason = spnego_context_prove(job->context, job->challenge, job->why);
        break;
    case JOB_RENEW:
        job->tickets = spnego_tickets_acquire(&job->account, &job->reason, job->why);
        for (size_t i = 0; i < job->service_count && job->reason == REASON_OK; i++) {
            uint16_t reason = spnego_tickets_service(job->tickets, job->services[i], job->why);
            if (reason == REASON_TOKEN_SLOW) /* a service that is gone is no reason to keep the old tickets */
                job->reason = reason;
        }
        break;
    }
}

static void spnego_release(struct spnego *spnego) /* locked; unlocks */
{
    bool last = --spnego->references == 0;
    pthread_mutex_unlock(&spnego->lock);
    if (!last)
        return;
    pthread_mutex_destroy(&spnego->lock);
    pthread_cond_destroy(&spnego->work);
    free(spnego);
}

static void *worker(void *context)
{
    struct spnego *spnego = context;
    pthread_mutex_lock(&spnego->lock);
    while (!spnego->closed) {
        struct spnego_job *job = spnego->todo;
        if (!job) {
            spnego->idle++;
            pthread_cond_wait(&spnego->work, &spnego->lock);
            spnego->idle--;
            continue;
        }
        spnego->todo = job->next;
        if (!spnego->todo)
            spnego->todo_end = &spnego->todo;
        pthread_mutex_unlock(&spnego->lock);
        carry_out(job);
        pthread_mutex_lock(&spnego->lock);
        if (spnego->closed) {
            job_free(job);
            break;
        }
        job->next = NULL;
        *spnego->finished_end = job;
        spnego->finished_end = &job->next;
        uv_async_send(&spnego->woken);
    }
    spnego_release(spnego);
    return NULL;
}

static void worker_start(struct spnego *spnego) /* locked */
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, WORKER_STACK);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    spnego->references++;
    if (pthread_create(&thread, &attributes, worker, spnego) == 0)
        spnego->threads++;
    else
        spnego->references--; /* the job waits for another worker, or for its deadline */
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
}

static void submit(struct spnego *spnego, struct spnego_job *job)
{
    job->running = true;
    job->next = NULL;
    pthread_mutex_lock(&spnego->lock);
    *spnego->todo_end = job;
    spnego->todo_end = &job->next;
    if (spnego->idle == 0 && spnego->threads < TOKEN_WORKERS_MAX)
        worker_start(spnego);
    pthread_cond_signal(&spnego->work);
    pthread_mutex_unlock(&spnego->lock);
}

/* ---- identities ---- */

static void begin_next(struct spnego_identity *identity)
{
    struct spnego_job *job = identity->waiting;
    if (!job || identity->running)
        return;
    identity->waiting = job->next;
    identity->running = job;
    if (identity->tickets && job->kind == JOB_TOKEN && spnego_tickets_left(identity->tickets) > SPARE_S)
        job->tickets = spnego_tickets_share(identity->tickets);
    submit(identity->spnego, job);
}

static void tickets_install(struct spnego_identity *identity, struct spnego_tickets *tickets)
{
    if (identity->tickets == tickets)
        return;
    spnego_tickets_release(identity->tickets);
    identity->tickets = spnego_tickets_share(tickets);
    identity->renew_at = spnego_tickets_lifetime(tickets) / 2;
}

static void renew_when_due(struct spnego_identity *identity)
{
    if (!identity->tickets || identity->renewing || spnego_tickets_left(identity->tickets) > identity->renew_at)
        return;
    struct spnego_job *job = job_new(identity, JOB_RENEW);
    job->services = memory_zeroed(identity->service_count, sizeof *job->services);
    for (size_t i = 0; i < identity->service_count; i++)
        job->services[i] = strdup(identity->services[i]);
    job->service_count = identity->service_count;
    identity->renewing = job;
    submit(identity->spnego, job);
}

static void renewed(struct spnego_identity *identity, struct spnego_job *job)
{
    identity->renewing = NULL;
    identity->spnego->counters.renewals++;
    if (job->reason == REASON_OK) {
        tickets_install(identity, job->tickets);
    } else { /* again when half of what is left is gone */
        identity->spnego->counters.renewals_failed++;
        identity->renew_at = identity->tickets ? spnego_tickets_left(identity->tickets) / 2 : 0;
    }
}

static void answer(struct spnego_job *job)
{
    spnego_done *done = job->done;
    if (!done)
        return;
    struct spnego_answer given = {.reason = job->reason, .token = job->token, .context = job->context, .why = job->why};
    if (job->kind == JOB_TOKEN) {
        job->token = NULL;
        job->context = NULL;
    } else {
        given.context = NULL;
    }
    job->done = NULL;
    done(job->done_context, &given);
}

static void returned(struct spnego_job *job)
{
    struct spnego_identity *identity = job->identity;
    if (identity && job->kind == JOB_RENEW) {
        renewed(identity, job);
    } else if (identity) {
        identity->running = NULL;
        identity->spnego->counters.tokens += job->kind == JOB_TOKEN && job->reason == REASON_OK;
        if (job->kind == JOB_TOKEN && job->tickets) /* also when the token comes too late */
            tickets_install(identity, job->tickets);
        renew_when_due(identity);
        begin_next(identity);
    }
    answer(job);
    job_free(job);
}

static void jobs_returned(uv_async_t *woken)
{
    struct spnego *spnego = woken->data;
    pthread_mutex_lock(&spnego->lock);
    struct spnego_job *job = spnego->finished, *next;
    spnego->finished = NULL;
    spnego->finished_end = &spnego->finished;
    pthread_mutex_unlock(&spnego->lock);
    for (; job; job = next) {
        next = job->next;
        returned(job);
    }
}

/* ---- deadlines ---- */

static void deadline_fired(uv_timer_t *timer);

static void arm(struct spnego *spnego)
{
    msec_t first = INT64_MAX;
    for (struct spnego_identity *identity = spnego->identities; identity; identity = identity->next) {
        if (identity->running && identity->running->done && identity->running->deadline < first)
            first = identity->running->deadline;
        for (struct spnego_job *job = identity->waiting; job; job = job->next)
            if (job->deadline < first)
                first = job->deadline;
    }
    if (first == INT64_MAX) {
        uv_timer_stop(&spnego->deadline);
        return;
    }
    msec_t wait = first - loop_now();
    uv_update_time(spnego->deadline.loop);
    uv_timer_start(&spnego->deadline, deadline_fired, wait > 0 ? (uint64_t)wait : 0, 0);
}

static struct spnego_job *take_overdue(struct spnego *spnego, msec_t now)
{
    for (struct spnego_identity *identity = spnego->identities; identity; identity = identity->next) {
        if (identity->running && identity->running->done && identity->running->deadline <= now)
            return identity->running;
        for (struct spnego_job **link = &identity->waiting; *link; link = &(*link)->next) {
            struct spnego_job *job = *link;
            if (job->deadline > now)
                continue;
            *link = job->next;
            return job;
        }
    }
    return NULL;
}

static void deadline_fired(uv_timer_t *timer)
{
    struct spnego *spnego = timer->data;
    struct spnego_job *job;
    msec_t now = loop_now();
    while ((job = take_overdue(spnego, now))) {
        spnego_done *done = job->done;
        void *done_context = job->done_context;
        struct spnego_answer given = {.reason = REASON_TOKEN_SLOW, .why = "the KDC does not answer"};
        spnego->counters.timeouts++;
        job->done = NULL;
        if (!job->running)
            job_free(job);
        done(done_context, &given);
    }
    arm(spnego);
}

/* A job that hangs is waited for: until it returns, new ones are refused at once. */
static struct spnego_job *enqueue(struct spnego_identity *identity, struct spnego_job *job, spnego_done *done, void *done_context)
{
    bool stuck = identity->running && !identity->running->done && identity->running->deadline <= loop_now();
    struct spnego_job **link = &identity->waiting;
    job->done = done;
    job->done_context = done_context;
    job->deadline = loop_now() + (stuck ? 0 : TOKEN_DEADLINE_MS);
    while (*link)
        link = &(*link)->next;
    *link = job;
    begin_next(identity);
    arm(identity->spnego);
    return job;
}

static void service_remember(struct spnego_identity *identity, const char *host)
{
    for (size_t i = 0; i < identity->service_count; i++)
        if (strcmp(identity->services[i], host) == 0)
            return;
    if (identity->service_count < SPNEGO_SERVICES_MAX)
        identity->services[identity->service_count++] = strdup(host);
}

struct spnego_job *spnego_token(struct spnego_identity *identity, const char *host, const struct spnego_binding *binding, spnego_done *done,
                                void *done_context)
{
    struct spnego_job *job = job_new(identity, JOB_TOKEN);
    job->host = strdup(host);
    job->binding = *binding;
    service_remember(identity, host);
    return enqueue(identity, job, done, done_context);
}

struct spnego_job *spnego_proof(struct spnego_identity *identity, struct spnego_context *context, const char *challenge, spnego_done *done,
                                void *done_context)
{
    struct spnego_job *job = job_new(identity, JOB_PROOF);
    job->context = context;
    job->challenge = strdup(challenge);
    return enqueue(identity, job, done, done_context);
}

void spnego_cancel(struct spnego_job *job)
{
    struct spnego_identity *identity = job->identity;
    job->done = NULL;
    if (job->running)
        return;
    for (struct spnego_job **link = &identity->waiting; *link; link = &(*link)->next)
        if (*link == job) {
            *link = job->next;
            job_free(job);
            return;
        }
}

struct spnego_identity *spnego_identity_open(struct spnego *spnego, const struct spnego_account *account)
{
    struct spnego_identity *identity = memory_zeroed(1, sizeof *identity);
    identity->spnego = spnego;
    account_copy(&identity->account, account);
    identity->next = spnego->identities;
    spnego->identities = identity;
    return identity;
}

void spnego_identity_close(struct spnego_identity *identity)
{
    struct spnego_identity **link = &identity->spnego->identities;
    while (*link != identity)
        link = &(*link)->next;
    *link = identity->next;
    while (identity->waiting) {
        struct spnego_job *job = identity->waiting;
        identity->waiting = job->next;
        job_free(job);
    }
    if (identity->running) {
        identity->running->identity = NULL;
        identity->running->done = NULL;
    }
    if (identity->renewing)
        identity->renewing->identity = NULL;
    spnego_tickets_release(identity->tickets);
    texts_free(identity->services, identity->service_count);
    account_free(&identity->account);
    free(identity);
}

/* ---- opening and closing ---- */

struct spnego *spnego_open(uv_loop_t *loop)
{
    struct spnego *spnego = memory_zeroed(1, sizeof *spnego);
    pthread_mutex_init(&spnego->lock, NULL);
    pthread_cond_init(&spnego->work, NULL);
    spnego->todo_end = &spnego->todo;
    spnego->finished_end = &spnego->finished;
    spnego->references = 1;
    spnego->handles = 2;
    if (uv_async_init(loop, &spnego->woken, jobs_returned) != 0)
        abort();
    uv_timer_init(loop, &spnego->deadline);
    spnego->woken.data = spnego->deadline.data = spnego;
    return spnego;
}

const struct spnego_counters *spnego_counters(const struct spnego *spnego)
{
    return &spnego->counters;
}

static void handle_closed(uv_handle_t *handle)
{
    struct spnego *spnego = handle->data;
    if (--spnego->handles > 0)
        return;
    pthread_mutex_lock(&spnego->lock);
    spnego_release(spnego);
}

static void jobs_free(struct spnego_job *job)
{
    while (job) {
        struct spnego_job *next = job->next;
        job_free(job);
        job = next;
    }
}

void spnego_close(struct spnego *spnego)
{
    pthread_mutex_lock(&spnego->lock);
    spnego->closed = true;
    struct spnego_job *todo = spnego->todo, *finished = spnego->finished;
    spnego->todo = spnego->finished = NULL;
    pthread_cond_broadcast(&spnego->work);
    pthread_mutex_unlock(&spnego->lock);
    jobs_free(todo);
    jobs_free(finished);
    uv_close((uv_handle_t *)&spnego->woken, handle_closed);
    uv_close((uv_handle_t *)&spnego->deadline, handle_closed);
}
