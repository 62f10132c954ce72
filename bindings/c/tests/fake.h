/* A server that answers as a test says, in a process of its own. */
#ifndef FAKE_H
#define FAKE_H

#include <virt-test.h>

/* Answers a request by fake_send(), as often as it likes, or by fake_hang_up(). */
typedef void Answer(json_t *request, int client);

typedef struct Fake Fake;

Fake *fake_start(Answer *answer);
const char *fake_path(Fake *fake);
/* The next thing the server has heard: a request as JSON with sorted keys, or "left". The caller frees it. */
char *fake_heard(Fake *fake);
void fake_stop(Fake *fake);

void fake_send(int client, const char *message);
void fake_hang_up(int client);

#endif
