#ifndef VIRT_TEST_INTERNAL_H
#define VIRT_TEST_INTERNAL_H

#include <virt-test.h>

/* Memory that goes with one reply: a body for the caller, and what that points to. */
typedef struct VtReply VtReply;

struct VtVm {
    VtTest *test;
    VtVm *next;
    char name[];
};

struct VtSession {
    VtTest *test;
    VtSession *next;
    char id[];
};

typedef struct VtConnection VtConnection;

struct VtTest {
    char *socket;
    /* Each connection carries one call at a time; a callback that calls needs another one. */
    VtConnection *idle;
    VtReply *replies;
    VtVm *vms;
    VtSession *sessions;
};

/* Memory is never short: the program ends where it is. */
void *vt__allocate(size_t size);
char *vt__copy(const char *text);

/* A reply whose body has `size` zeroed bytes. It takes over `json`, in which its text stays. */
VtReply *vt__reply(VtTest *t, json_t *json, size_t size);
void *vt__body(VtReply *reply);
void *vt__room(VtReply *reply, size_t count, size_t size);
/* A reply that is nothing but text. */
const char *vt__text(VtTest *t, json_t *json, json_t *text);
void vt__free_replies(VtTest *t);

bool vt__is_there(json_t *json);
json_t *vt__string(const char *text);
json_t *vt__strings(const char *const *list);
json_t *vt__pairs(const VtPair *list);

/* Makes a call; takes over `in`. What it returns is the caller's. */
json_t *vt__call(VtTest *t, const char *method, json_t *in, VtError **errp);
/* The same, and all replies but the last are given to `each`. */
json_t *vt__stream(VtTest *t, const char *method, json_t *in, bool (*each)(json_t *reply, void *opaque), void *opaque,
                   VtError **errp);

/* Hands an error on, or ends the program by it. It is taken over. */
void vt__propagate(VtTest *t, VtError *error, VtError **errp);
VtError *vt__new_error(const char *code, json_t *parameters);
#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
VtError *vt__local_error(const char *format, ...);

#include "generated.h"

#endif
