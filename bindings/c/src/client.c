/* The wire: messages of JSON that end with NUL, over a Unix socket. */

#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LONGEST ((size_t)16 << 20)

struct VtConnection {
    VtConnection *next;
    int fd;
    char *buffer;
    size_t length;
    size_t capacity;
};

static void hang_up(VtConnection *connection)
{
    close(connection->fd);
    free(connection->buffer);
    free(connection);
}

static VtConnection *take(VtTest *t, VtError **error)
{
    VtConnection *connection = t->idle;
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    if (connection) {
        t->idle = connection->next;
        return connection;
    }
    if (strlen(t->socket) >= sizeof(address.sun_path)) {
        *error = vt__local_error("the socket's name is too long: %s", t->socket);
        return NULL;
    }
    strcpy(address.sun_path, t->socket);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        *error = vt__local_error("virt-test does not answer at %s (is it still running?): %s", t->socket, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return NULL;
    }
    connection = vt__allocate(sizeof(*connection));
    connection->fd = fd;
    return connection;
}

static void give_back(VtTest *t, VtConnection *connection)
{
    connection->next = t->idle;
    t->idle = connection;
}

static bool send_all(VtConnection *connection, const char *bytes, size_t size)
{
    while (size) {
        ssize_t sent = send(connection->fd, bytes, size, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0) {
            return false;
        }
        bytes += sent;
        size -= sent;
    }
    return true;
}

/* Receives one message. What has come beyond it stays in the buffer. */
static json_t *receive(VtConnection *connection, const char *method, VtError **error)
{
    size_t seen = 0;

    for (;;) {
        char *end = NULL;

        if (connection->length > seen) {
            end = memchr(connection->buffer + seen, 0, connection->length - seen);
        }
        if (end) {
            size_t size = end - connection->buffer;
            json_error_t problem;
            json_t *json = json_loadb(connection->buffer, size, JSON_ALLOW_NUL, &problem);

            connection->length -= size + 1;
            memmove(connection->buffer, end + 1, connection->length);
            if (!json) {
                *error = vt__local_error("%s: virt-test answers what is no message: %s", method, problem.text);
            }
            return json;
        }
        seen = connection->length;
        if (seen > LONGEST) {
            *error = vt__local_error("%s: virt-test answers more than 16 MiB", method);
            return NULL;
        }
        if (seen == connection->capacity) {
            connection->capacity = connection->capacity ? 2 * connection->capacity : 4096;
            char *larger = vt__allocate(connection->capacity);

            if (seen) {
                memcpy(larger, connection->buffer, seen);
            }
            free(connection->buffer);
            connection->buffer = larger;
        }
        ssize_t count = recv(connection->fd, connection->buffer + seen, connection->capacity - seen, 0);

        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            *error = vt__local_error("%s: virt-test has hung up%s%s", method, count ? ": " : "", count ? strerror(errno) : "");
            return NULL;
        }
        connection->length += count;
    }
}

/* Reads replies up to the last, which it returns. `usable`: can the connection be used again? */
static json_t *converse(VtConnection *connection, const char *method, bool (*each)(json_t *, void *), void *opaque, bool *usable,
                        VtError **error)
{
    for (;;) {
        json_t *answer = receive(connection, method, error);

        if (!answer) {
            return NULL;
        }
        const char *code = json_string_value(json_object_get(answer, "error"));
        bool last = code || !json_is_true(json_object_get(answer, "continues"));
        json_t *reply = json_object_get(answer, "parameters");

        reply = reply ? json_incref(reply) : json_object();
        if (code) {
            *error = vt__new_error(code, reply);
            json_decref(reply);
            reply = NULL;
        }
        json_decref(answer);
        if (last) {
            *usable = true;
            return reply;
        }
        bool goes_on = !each || each(reply, opaque);

        json_decref(reply);
        if (!goes_on) {
            *error = vt__local_error("%s: cancelled", method);
            (*error)->kind = VT_ERROR_CANCELLED;
            return NULL;
        }
    }
}

json_t *vt__stream(VtTest *t, const char *method, json_t *in, bool (*each)(json_t *, void *), void *opaque, VtError **errp)
{
    json_t *request = json_pack("{s:s, s:o}", "method", method, "parameters", in);
    json_t *reply = NULL;
    VtError *error = NULL;
    bool usable = false;

    if (each) {
        json_object_set_new(request, "more", json_true());
    }
    char *text = json_dumps(request, JSON_COMPACT);

    json_decref(request);
    if (!text) {
        vt__propagate(t, vt__local_error("%s: what is given is no UTF-8", method), errp);
        return NULL;
    }
    VtConnection *connection = take(t, &error);

    if (connection && !send_all(connection, text, strlen(text) + 1)) {
        error = vt__local_error("%s: virt-test has hung up: %s", method, strerror(errno));
    } else if (connection) {
        reply = converse(connection, method, each, opaque, &usable, &error);
    }
    free(text);
    if (usable) {
        give_back(t, connection);
    } else if (connection) {
        hang_up(connection);
    }
    if (error) {
        vt__propagate(t, error, errp);
    }
    return reply;
}

json_t *vt__call(VtTest *t, const char *method, json_t *in, VtError **errp)
{
    return vt__stream(t, method, in, NULL, NULL, errp);
}

VtTest *vt_connect(const char *socket, VtError **errp)
{
    VtError *error = NULL;

    if (!socket) {
        socket = getenv("VIRT_TEST_SOCKET");
    }
    if (!socket || !*socket) {
        error = vt__local_error(
            "VIRT_TEST_SOCKET is not set: run this as a test of virt-test, or in a session of `virt-test serve`");
        vt__propagate(NULL, error, errp);
        return NULL;
    }
    VtTest *t = vt__allocate(sizeof(*t));

    t->socket = vt__copy(strncmp(socket, "unix:", 5) ? socket : socket + 5);
    VtConnection *connection = take(t, &error);

    if (!connection) {
        vt_close(t);
        vt__propagate(NULL, error, errp);
        return NULL;
    }
    give_back(t, connection);
    return t;
}

void vt_close(VtTest *t)
{
    if (!t) {
        return;
    }
    vt__free_replies(t);
    while (t->idle) {
        VtConnection *connection = t->idle;

        t->idle = connection->next;
        hang_up(connection);
    }
    while (t->vms) {
        VtVm *vm = t->vms;

        t->vms = vm->next;
        free(vm);
    }
    while (t->sessions) {
        VtSession *session = t->sessions;

        t->sessions = session->next;
        free(session);
    }
    free(t->socket);
    free(t);
}
