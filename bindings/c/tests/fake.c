#include "fake.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define CLIENTS 10

struct Fake {
    char dir[32];
    char path[48];
    FILE *heard;
    pid_t server;
};

static void must(bool done, const char *what)
{
    if (!done) {
        perror(what);
        abort();
    }
}

void fake_send(int client, const char *message)
{
    size_t size = strlen(message) + 1;

    while (size) {
        ssize_t sent = send(client, message, size, MSG_NOSIGNAL);

        if (sent < 0) {
            return;
        }
        message += sent;
        size -= sent;
    }
}

void fake_hang_up(int client)
{
    shutdown(client, SHUT_RDWR);
}

static bool receive(int client, FILE *heard, Answer *answer)
{
    char text[65536];
    size_t length = 0;

    /* Requests of tests are short and come one by one. */
    do {
        ssize_t count = recv(client, text + length, sizeof(text) - length, 0);

        if (count <= 0) {
            return false;
        }
        length += count;
    } while (text[length - 1]);
    json_t *request = json_loads(text, 0, NULL);
    char *sorted = json_dumps(request, JSON_COMPACT | JSON_SORT_KEYS);

    fprintf(heard, "%s\n", sorted);
    fflush(heard);
    free(sorted);
    answer(request, client);
    json_decref(request);
    return true;
}

static void serve(int listener, FILE *heard, Answer *answer)
{
    struct pollfd polled[CLIENTS + 1] = { { .fd = listener, .events = POLLIN } };

    for (int i = 1; i <= CLIENTS; i++) {
        polled[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
    }
    while (poll(polled, CLIENTS + 1, -1) > 0) {
        if (polled[0].revents) {
            int i = 1;

            while (i < CLIENTS && polled[i].fd >= 0) {
                i++;
            }
            polled[i].fd = accept(listener, NULL, NULL);
            polled[i].revents = 0;
        }
        for (int i = 1; i <= CLIENTS; i++) {
            if (polled[i].fd >= 0 && polled[i].revents && !receive(polled[i].fd, heard, answer)) {
                fprintf(heard, "left\n");
                fflush(heard);
                close(polled[i].fd);
                polled[i].fd = -1;
            }
        }
    }
}

Fake *fake_start(Answer *answer)
{
    Fake *fake = calloc(1, sizeof(*fake));
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int ends[2];

    strcpy(fake->dir, "/tmp/virt-test-XXXXXX");
    must(mkdtemp(fake->dir), "mkdtemp");
    snprintf(fake->path, sizeof(fake->path), "%s/socket", fake->dir);
    strcpy(address.sun_path, fake->path);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);

    must(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0, "bind");
    must(listen(listener, CLIENTS) == 0, "listen");
    must(pipe(ends) == 0, "pipe");
    fake->server = fork();
    if (fake->server == 0) {
        close(ends[0]);
        serve(listener, fdopen(ends[1], "w"), answer);
        _exit(1);
    }
    close(listener);
    close(ends[1]);
    fake->heard = fdopen(ends[0], "r");
    return fake;
}

const char *fake_path(Fake *fake)
{
    return fake->path;
}

char *fake_heard(Fake *fake)
{
    char *line = NULL;
    size_t room = 0;

    must(getline(&line, &room, fake->heard) > 0, "the server is gone");
    line[strcspn(line, "\n")] = 0;
    return line;
}

void fake_stop(Fake *fake)
{
    kill(fake->server, SIGTERM);
    waitpid(fake->server, NULL, 0);
    fclose(fake->heard);
    unlink(fake->path);
    rmdir(fake->dir);
    free(fake);
}
