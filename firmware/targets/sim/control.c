#include "control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "commands.h"

enum { LINE_SIZE = 1024, ANSWER_SIZE = 65536 };

struct client {
    int fd; // 0: free
    char line[LINE_SIZE];
    size_t length;
};

static int listener;
static char socket_path[108];
static struct client clients[CONTROL_CLIENTS_MAX];

static bool complain(const char *path) {
    fprintf(stderr, "control socket %s: %s\n", path, strerror(errno));
    return false;
}

bool control_open(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat status;
    if (strlen(path) >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return complain(path);
    }
    strcpy(address.sun_path, path);
    strcpy(socket_path, path);
    if (!lstat(path, &status) && S_ISSOCK(status.st_mode))
        unlink(path);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    mode_t mask = umask(0177); // it can break the printer: for its owner only
    bool ok = listener >= 0 && !bind(listener, (struct sockaddr *)&address, sizeof(address)) && !listen(listener, 16);
    umask(mask);
    return ok || complain(path);
}

void control_close(void) {
    if (!listener)
        return;
    for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (clients[i].fd)
            close(clients[i].fd);
    close(listener);
    unlink(socket_path);
    listener = 0;
}

int control_fds(struct pollfd *fds) {
    int count = 0;
    if (!listener)
        return 0;
    fds[count++] = (struct pollfd){.fd = listener, .events = POLLIN};
    for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (clients[i].fd)
            fds[count++] = (struct pollfd){.fd = clients[i].fd, .events = POLLIN};
    return count;
}

static void hang_up(struct client *client) {
    close(client->fd);
    client->fd = 0;
    client->length = 0;
}

static void answer(struct client *client, const char *line) {
    static char text[ANSWER_SIZE];
    size_t length = commands_run(line, text, sizeof(text) - 1);
    text[length++] = '\n';
    // A client that doesn't read 64 KiB of answers is not worth waiting for.
    if (send(client->fd, text, length, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)length)
        hang_up(client);
}

// Run the complete lines that a client has sent.
static void run_lines(struct client *client) {
    char *end;
    while (client->fd && (end = memchr(client->line, '\n', client->length))) {
        size_t used = (size_t)(end - client->line) + 1;
        char line[LINE_SIZE];
        memcpy(line, client->line, used);
        line[used - 1] = 0;
        client->length -= used;
        memmove(client->line, client->line + used, client->length);
        answer(client, line);
    }
    if (client->fd && client->length == LINE_SIZE) {
        answer(client, NULL);
        if (client->fd)
            hang_up(client);
    }
}

static void serve_client(struct client *client) {
    ssize_t count = recv(client->fd, client->line + client->length, LINE_SIZE - client->length, MSG_DONTWAIT);
    if (count > 0) {
        client->length += (size_t)count;
        run_lines(client);
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
        hang_up(client);
    }
}

static void take_in(int fd) {
    for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (clients[i].fd)
            continue;
        clients[i] = (struct client){.fd = fd};
        return;
    }
    close(fd); // there are enough
}

void control_serve(void) {
    if (!listener)
        return;
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
        take_in(fd);
    for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (clients[i].fd)
            serve_client(&clients[i]);
}
