/* What belongs to a test, and JSON. */

#include "internal.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Room Room;

struct Room {
    Room *next;
    alignas(max_align_t) char bytes[];
};

struct VtReply {
    VtReply *next;
    VtReply **link;
    json_t *json;
    Room *rooms;
    alignas(max_align_t) char body[];
};

void *vt__allocate(size_t size)
{
    void *memory = calloc(1, size ? size : 1);

    if (!memory) {
        fputs("out of memory\n", stderr);
        abort();
    }
    return memory;
}

char *vt__copy(const char *text)
{
    size_t size = strlen(text) + 1;

    return memcpy(vt__allocate(size), text, size);
}

VtReply *vt__reply(VtTest *t, json_t *json, size_t size)
{
    VtReply *reply = vt__allocate(sizeof(*reply) + size);

    reply->json = json;
    reply->next = t->replies;
    reply->link = &t->replies;
    if (reply->next) {
        reply->next->link = &reply->next;
    }
    t->replies = reply;
    return reply;
}

void *vt__body(VtReply *reply)
{
    return reply->body;
}

void *vt__room(VtReply *reply, size_t count, size_t size)
{
    Room *room = vt__allocate(sizeof(*room) + count * size);

    room->next = reply->rooms;
    reply->rooms = room;
    return room->bytes;
}

const char *vt__text(VtTest *t, json_t *json, json_t *text)
{
    size_t length = json_string_length(text);
    VtReply *reply = vt__reply(t, NULL, length + 1);

    if (length) {
        memcpy(reply->body, json_string_value(text), length);
    }
    json_decref(json);
    return reply->body;
}

void vt_free(const void *body)
{
    if (!body) {
        return;
    }
    VtReply *reply = (VtReply *)((const char *)body - offsetof(VtReply, body));

    *reply->link = reply->next;
    if (reply->next) {
        reply->next->link = reply->link;
    }
    while (reply->rooms) {
        Room *room = reply->rooms;

        reply->rooms = room->next;
        free(room);
    }
    json_decref(reply->json);
    free(reply);
}

void vt__free_replies(VtTest *t)
{
    while (t->replies) {
        vt_free(t->replies->body);
    }
}

bool vt__is_there(json_t *json)
{
    return json && !json_is_null(json);
}

json_t *vt__string(const char *text)
{
    /* That it is UTF-8 is found out when the message is made, where there is an error to be told. */
    return text ? json_stringn_nocheck(text, strlen(text)) : json_null();
}

json_t *vt__strings(const char *const *list)
{
    json_t *json = json_array();

    for (; list && *list; list++) {
        json_array_append_new(json, vt__string(*list));
    }
    return json;
}

json_t *vt__pairs(const VtPair *list)
{
    json_t *json = json_object();

    for (; list && list->key; list++) {
        json_object_set_new_nocheck(json, list->key, vt__string(list->value));
    }
    return json;
}
