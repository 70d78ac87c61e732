/* Plays one receive handler for the lab: polls an FTP folder or a POP3 mailbox, retrieves what is there and deletes it.
 * One session per poll, as such handlers do. A tool of the tests; never part of solowarden itself. */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

static const char usage[] = "usage: lab_receiver --url ftp://HOST[:PORT]/FOLDER/ | pop3://HOST[:PORT]/ --user USER --password-file FILE\n"
                            "  --source ADDRESS             connect from this local address\n"
                            "  --poll SECONDS               from poll to poll, fractions allowed (10)\n"
                            "  --once | --count N           end after so many polls\n"
                            "  --out DIR                    keep what was retrieved; a name seen before becomes NAME.2, NAME.3 …\n"
                            "  --hold-before-delete SECONDS wait between retrieving and deleting\n"
                            "  --slow BYTES_PER_SECOND      retrieve slowly, to be killed in mid-transfer; the kernel's buffers\n"
                            "                               swallow some 8 MB at once, so let the file be larger\n"
                            "  --ca-file FILE               encrypt (AUTH TLS or STLS) and trust this authority\n"
                            "  --die-with-parent            is killed when the process that started it ends\n"
                            "  --pid-file FILE\n";

struct options {
    const char *url, *user, *password_file, *source, *out, *ca_file, *pid_file;
    double poll_seconds, hold_seconds;
    long slow_bytes_per_second;
    unsigned long polls; /* 0 = no end */
    bool pop3;
};

struct session {
    const struct options *options;
    CURL *curl;
    char password[256], error[CURL_ERROR_SIZE];
    bool refused; /* the server refused a DELE */
};

struct buffer {
    char *data;
    size_t size;
};

static volatile sig_atomic_t stopping;

static void on_signal(int number)
{
    (void)number;
    stopping = 1;
}

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    struct timespec now;
    struct tm local;
    char clock[16];
    clock_gettime(CLOCK_REALTIME, &now);
    strftime(clock, sizeof clock, "%H:%M:%S", localtime_r(&now.tv_sec, &local));
    printf("%s.%03ld ", clock, now.tv_nsec / 1000000);
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

static double monotonic(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void wait_until(double when)
{
    for (double left = when - monotonic(); left > 0 && !stopping; left = when - monotonic()) {
        double nap = left < 0.2 ? left : 0.2; /* a signal between test and sleep costs 0.2 s at most */
        nanosleep(&(struct timespec){.tv_nsec = (long)(nap * 1e9)}, NULL);
    }
}

static size_t keep(char *data, size_t one, size_t size, void *context)
{
    (void)one;
    struct buffer *buffer = context;
    char *grown = realloc(buffer->data, buffer->size + size + 1);
    if (!grown)
        return 0;
    memcpy(grown + buffer->size, data, size);
    buffer->data = grown;
    buffer->size += size;
    grown[buffer->size] = '\0';
    return size;
}

static size_t drop(char *data, size_t one, size_t size, void *context)
{
    (void)data;
    (void)context;
    return one * size;
}

struct arrival {
    FILE *file; /* NULL: nothing is kept */
    unsigned long bytes;
};

static size_t arrive(char *data, size_t one, size_t size, void *context)
{
    struct arrival *arrival = context;
    arrival->bytes += size;
    return arrival->file ? fwrite(data, one, size, arrival->file) : size;
}

/* Replies of an FTP server pass here. */
static size_t note_refusal(char *data, size_t one, size_t size, void *context)
{
    struct session *session = context;
    session->refused |= size > 0 && data[0] == '5';
    return one * size;
}

static int go_on(void *context, curl_off_t all, curl_off_t done, curl_off_t up_all, curl_off_t up)
{
    (void)context, (void)all, (void)done, (void)up_all, (void)up;
    return stopping;
}

/* Slow means slow for the server too: without this the kernel's buffers swallow megabytes at once. */
static int small_window(void *context, curl_socket_t socket, curlsocktype purpose)
{
    (void)context, (void)purpose;
    int bytes = 8192;
    setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    return CURL_SOCKOPT_OK;
}

static bool session_open(struct session *session)
{
    const struct options *options = session->options;
    CURL *curl = session->curl = curl_easy_init();
    if (!curl)
        return false;
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "ftp,pop3");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, session->error);
    curl_easy_setopt(curl, CURLOPT_USERNAME, options->user);
    curl_easy_setopt(curl, CURLOPT_PASSWORD, session->password);
    curl_easy_setopt(curl, CURLOPT_INTERFACE, options->source);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 5L);
    curl_easy_setopt(curl, CURLOPT_SERVER_RESPONSE_TIMEOUT, 30L); /* a locked mailbox keeps its caller waiting for 10 s */
    curl_easy_setopt(curl, CURLOPT_MAXAGE_CONN, 86400L);          /* one session per poll, however long it is held */
    curl_easy_setopt(curl, CURLOPT_FTP_FILEMETHOD, (long)CURLFTPMETHOD_NOCWD);
    curl_easy_setopt(curl, CURLOPT_FTP_SKIP_PASV_IP, 1L);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, go_on);
    curl_easy_setopt(curl, CURLOPT_MAX_RECV_SPEED_LARGE, (curl_off_t)options->slow_bytes_per_second);
    if (options->slow_bytes_per_second)
        curl_easy_setopt(curl, CURLOPT_SOCKOPTFUNCTION, small_window);
    if (options->ca_file) {
        curl_easy_setopt(curl, CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
        curl_easy_setopt(curl, CURLOPT_CAINFO, options->ca_file);
    }
    return true;
}

/* One command of the session on the address URL + `name`; what comes goes to `sink`. */
static bool perform(struct session *session, const char *what, const char *name, curl_write_callback sink, void *context)
{
    char *escaped = curl_easy_escape(session->curl, name, 0);
    char url[4096];
    snprintf(url, sizeof url, "%s%s", session->options->url, escaped ? escaped : "");
    curl_free(escaped);
    session->error[0] = '\0';
    curl_easy_setopt(session->curl, CURLOPT_URL, url);
    curl_easy_setopt(session->curl, CURLOPT_WRITEFUNCTION, sink);
    curl_easy_setopt(session->curl, CURLOPT_WRITEDATA, context);
    CURLcode code = curl_easy_perform(session->curl);
    if (code == CURLE_OK)
        return true;
    if (!stopping)
        say("failed %s%s%s: %s", what, *name ? " " : "", name, session->error[0] ? session->error : curl_easy_strerror(code));
    return false;
}

/* A name that is there already must not be overwritten: how often something came is what the tests count. */
static FILE *new_file(const char *folder, const char *name, char *path, size_t path_size)
{
    for (unsigned copy = 1; copy < 10000; copy++) {
        if (copy == 1)
            snprintf(path, path_size, "%s/%s", folder, name);
        else
            snprintf(path, path_size, "%s/%s.%u", folder, name, copy);
        int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (descriptor >= 0)
            return fdopen(descriptor, "w");
        if (errno != EEXIST)
            break;
    }
    say("failed writing %s: %s", path, strerror(errno));
    return NULL;
}

static bool retrieve(struct session *session, const char *name)
{
    char path[4096];
    struct arrival arrival = {0};
    if (session->options->out && !(arrival.file = new_file(session->options->out, name, path, sizeof path)))
        return false;
    say("retrieving %s", name);
    bool good = perform(session, "retrieving", name, arrive, &arrival);
    if (arrival.file && fclose(arrival.file) != 0)
        good = false;
    if (arrival.file && !good)
        unlink(path);
    if (good)
        say("retrieved %s %lu bytes", name, arrival.bytes);
    return good;
}

/* A refused DELE (somebody else was faster) must not cost the session, as it would without '*'. */
static bool delete_ftp(struct session *session, const char *name)
{
    const char *folder = strstr(session->options->url, "://");
    folder = folder ? strchr(folder + 3, '/') : NULL;
    char command[4096];
    snprintf(command, sizeof command, "*DELE %s%s", folder ? folder + 1 : "", name);
    struct curl_slist *commands = curl_slist_append(NULL, command);
    session->refused = false;
    curl_easy_setopt(session->curl, CURLOPT_HEADERFUNCTION, note_refusal);
    curl_easy_setopt(session->curl, CURLOPT_HEADERDATA, session);
    curl_easy_setopt(session->curl, CURLOPT_QUOTE, commands);
    curl_easy_setopt(session->curl, CURLOPT_NOBODY, 1L);
    bool good = perform(session, "deleting", "", drop, NULL);
    curl_easy_setopt(session->curl, CURLOPT_NOBODY, 0L);
    curl_easy_setopt(session->curl, CURLOPT_QUOTE, NULL);
    curl_easy_setopt(session->curl, CURLOPT_HEADERFUNCTION, NULL);
    curl_easy_setopt(session->curl, CURLOPT_HEADERDATA, NULL);
    curl_slist_free_all(commands);
    if (good && session->refused)
        say("refused deleting %s", name);
    return good && !session->refused;
}

static bool delete_pop3(struct session *session, const char *name)
{
    curl_easy_setopt(session->curl, CURLOPT_CUSTOMREQUEST, "DELE");
    curl_easy_setopt(session->curl, CURLOPT_NOBODY, 1L);
    bool good = perform(session, "deleting", name, drop, NULL);
    curl_easy_setopt(session->curl, CURLOPT_NOBODY, 0L);
    curl_easy_setopt(session->curl, CURLOPT_CUSTOMREQUEST, NULL);
    return good;
}

static bool list(struct session *session, struct buffer *names)
{
    curl_easy_setopt(session->curl, CURLOPT_DIRLISTONLY, session->options->pop3 ? 0L : 1L);
    bool good = perform(session, "listing", "", keep, names);
    curl_easy_setopt(session->curl, CURLOPT_DIRLISTONLY, 0L);
    return good;
}

/* The next name of the listing: the last part of a path (FTP), the message's number (POP3). NULL at the end. */
static char *next_name(const struct options *options, char **rest)
{
    for (char *line = strsep(rest, "\r\n"); line; line = strsep(rest, "\r\n")) {
        char *slash = strrchr(line, '/');
        if (options->pop3)
            line[strcspn(line, " ")] = '\0';
        else if (slash)
            line = slash + 1;
        if (*line && strcmp(line, ".") && strcmp(line, ".."))
            return line;
    }
    return NULL;
}

static void poll_once(struct session *session)
{
    struct buffer names = {0};
    const struct options *options = session->options;
    if (!session_open(session))
        return;
    say("polling %s", options->url);
    if (list(session, &names)) {
        char *rest = names.data, *name;
        while (!stopping && rest && (name = next_name(options, &rest))) {
            if (!retrieve(session, name))
                continue;
            wait_until(monotonic() + options->hold_seconds);
            if (!stopping && (options->pop3 ? delete_pop3(session, name) : delete_ftp(session, name)))
                say("deleted %s", name);
        }
    }
    curl_easy_cleanup(session->curl); /* QUIT: a mailbox forgets the deleted messages only now */
    say("polled");
    free(names.data);
}

static bool read_password(const char *path, char *password, size_t size)
{
    FILE *file = fopen(path, "re");
    bool good = file && fgets(password, (int)size, file);
    if (good)
        password[strcspn(password, "\r\n")] = '\0';
    else
        fprintf(stderr, "lab_receiver: %s: %s\n", path, strerror(errno));
    if (file)
        fclose(file);
    return good;
}

static double seconds(const char *text)
{
    char *end;
    double value = strtod(text, &end);
    if (!strcmp(end, "ms"))
        value /= 1000;
    else if (end == text || (*end && strcmp(end, "s")))
        value = -1;
    if (!(value >= 0 && value <= 86400)) {
        fprintf(stderr, "lab_receiver: %s is no number of seconds\n", text);
        exit(EX_USAGE);
    }
    return value;
}

static void read_options(struct options *options, int argc, char **argv)
{
    enum { URL, USER, PASSWORD_FILE, SOURCE, POLL, OUT, HOLD, ONCE, COUNT, SLOW, CA_FILE, PID_FILE, DIE };
    static const struct option names[] = {{"url", required_argument, NULL, URL},
                                          {"user", required_argument, NULL, USER},
                                          {"password-file", required_argument, NULL, PASSWORD_FILE},
                                          {"source", required_argument, NULL, SOURCE},
                                          {"poll", required_argument, NULL, POLL},
                                          {"out", required_argument, NULL, OUT},
                                          {"hold-before-delete", required_argument, NULL, HOLD},
                                          {"once", no_argument, NULL, ONCE},
                                          {"count", required_argument, NULL, COUNT},
                                          {"slow", required_argument, NULL, SLOW},
                                          {"ca-file", required_argument, NULL, CA_FILE},
                                          {"pid-file", required_argument, NULL, PID_FILE},
                                          {"die-with-parent", no_argument, NULL, DIE},
                                          {0}};
    const char **texts[] = {[URL] = &options->url,          [USER] = &options->user, [PASSWORD_FILE] = &options->password_file,
                            [SOURCE] = &options->source,    [OUT] = &options->out,   [CA_FILE] = &options->ca_file,
                            [PID_FILE] = &options->pid_file};
    int option;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (option == '?')
            break;
        if (option == POLL)
            options->poll_seconds = seconds(optarg);
        else if (option == HOLD)
            options->hold_seconds = seconds(optarg);
        else if (option == DIE)
            prctl(PR_SET_PDEATHSIG, SIGKILL); /* even one that is stopped ends by it */
        else if (option == ONCE)
            options->polls = 1;
        else if (option == COUNT)
            options->polls = strtoul(optarg, NULL, 10);
        else if (option == SLOW)
            options->slow_bytes_per_second = strtol(optarg, NULL, 10);
        else
            *texts[option] = optarg;
    }
    options->pop3 = options->url && !strncmp(options->url, "pop3://", 7);
    bool ftp = options->url && !strncmp(options->url, "ftp://", 6);
    if (option == '?' || optind != argc || !options->user || !options->password_file || !(ftp || options->pop3) ||
        options->url[strlen(options->url) - 1] != '/') {
        fputs(usage, stderr);
        exit(EX_USAGE);
    }
}

int main(int argc, char **argv)
{
    struct options options = {.poll_seconds = 10};
    struct session session = {.options = &options};
    read_options(&options, argc, argv);
    if (!read_password(options.password_file, session.password, sizeof session.password))
        return EX_NOINPUT;

    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    FILE *pid_file = options.pid_file ? fopen(options.pid_file, "we") : NULL;
    if (options.pid_file && (!pid_file || fprintf(pid_file, "%ld\n", (long)getpid()) < 0 || fclose(pid_file) != 0)) {
        fprintf(stderr, "lab_receiver: %s: %s\n", options.pid_file, strerror(errno));
        return EX_CANTCREAT;
    }

    curl_global_init(CURL_GLOBAL_DEFAULT);
    double next = monotonic();
    for (unsigned long poll = 0; !stopping && (!options.polls || poll < options.polls); poll++) {
        wait_until(next);
        if (!stopping)
            poll_once(&session);
        next += options.poll_seconds;
        if (next < monotonic()) /* a long poll is not made up for by several short ones */
            next = monotonic();
    }
    curl_global_cleanup();
    if (options.pid_file)
        unlink(options.pid_file);
    return EX_OK;
}
