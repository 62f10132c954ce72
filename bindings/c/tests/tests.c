#include "fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int failures;

#define CHECK(condition)                                                        \
    do {                                                                        \
        if (!(condition)) {                                                     \
            printf("  %s:%d: not true: %s\n", __FILE__, __LINE__, #condition);  \
            failures++;                                                         \
        }                                                                       \
    } while (0)

#define CHECK_TEXT(got, want)                                                   \
    do {                                                                        \
        const char *got_ = (got);                                               \
        if (!got_ || strcmp(got_, (want)) != 0) {                               \
            printf("  %s:%d: %s\n    want %s\n", __FILE__, __LINE__, got_ ? got_ : "NULL", (want)); \
            failures++;                                                         \
        }                                                                       \
    } while (0)

static void check_heard(Fake *fake, const char *want)
{
    char *heard = fake_heard(fake);

    CHECK_TEXT(heard, want);
    free(heard);
}

static const char *method(json_t *request)
{
    return strrchr(json_string_value(json_object_get(request, "method")), '.') + 1;
}

static void nothing(json_t *request, int client)
{
    (void)request;
    fake_send(client, "{\"parameters\": {}}");
}

static void without_a_socket_the_error_names_virt_test_serve(void)
{
    VtError *error = NULL;

    unsetenv("VIRT_TEST_SOCKET");
    CHECK(!vt_connect(NULL, &error));
    CHECK(strstr(error->message, "virt-test serve"));
    vt_error_free(error);
    CHECK(!vt_connect("/nowhere", &error));
    CHECK(strstr(error->message, "does not answer at /nowhere"));
    vt_error_free(error);
    CHECK(!vt_connect("/nowhere", NULL));
}

static void plugged(json_t *request, int client)
{
    (void)request;
    fake_send(client, "{\"parameters\": {\"device\": {\"id\": \"extra\", \"kind\": \"disk\", \"pci\": null, \"later\": 1}}}");
}

static void what_is_given_is_sent_and_what_is_not_is_not(void)
{
    Fake *fake = fake_start(plugged);
    VtTest *t = vt_connect(fake_path(fake), NULL);
    VtDevice device = {
        .kind = VT_DEVICE_KIND_DISK,
        .has_size = true,
        .size = 64,
        .has_readonly = true,
        .properties = (VtPair[]){ { "write_zeroes", "1" }, { NULL, NULL } },
    };
    VtPlugged *got = vt_vm_plug(vt_vm(t, "vm1"), &device, &(VtPlugOptions){ .guest = true, .timeout = 2.5 }, NULL);

    CHECK_TEXT(got->id, "extra");
    CHECK(got->kind == VT_DEVICE_KIND_DISK);
    CHECK(!got->pci);
    check_heard(fake, "{\"method\":\"org.virt-test.vm.Plug\",\"parameters\":{\"device\":{\"kind\":\"disk\","
                      "\"properties\":{\"write_zeroes\":\"1\"},\"readonly\":false,\"size\":64},\"guest\":true,\"timeout\":2.5,"
                      "\"vm\":\"vm1\"}}");
    vt_free(got);
    vt_close(t);
    fake_stop(fake);
}

static void machines(json_t *request, int client)
{
    (void)request;
    fake_send(client, "{\"parameters\": {\"machines\": [{\"name\": \"vm1\", \"state\": \"running\", \"pid\": 7, "
                      "\"disks\": [{\"id\": \"d\", \"readonly\": true}], \"nics\": [], \"consoles\": [\"serial0\", \"hvc0\"]},"
                      "{\"name\": \"vm2\", \"state\": \"ended\", \"exit\": {\"signal\": 9, \"clean\": false}}]}}");
}

static void a_reply_is_a_structure(void)
{
    Fake *fake = fake_start(machines);
    VtTest *t = vt_connect(fake_path(fake), NULL);
    size_t count = 0;
    VtMachine *got = vt_vm_list(t, &count, NULL);

    CHECK(count == 2);
    CHECK(got[0].state == VT_STATE_RUNNING);
    CHECK(got[0].has_pid && got[0].pid == 7 && !got[0].has_uptime);
    CHECK(got[0].n_disks == 1 && got[0].disks[0].readonly);
    CHECK(got[0].n_consoles == 2);
    CHECK_TEXT(got[0].consoles[1], "hvc0");
    CHECK(!got[0].exit);
    CHECK(got[1].exit->has_signal && got[1].exit->signal == 9 && !got[1].exit->has_code);
    vt_close(t);
    fake_stop(fake);
}

static void missing(json_t *request, int client)
{
    (void)request;
    fake_send(client, "{\"error\": \"org.virt-test.error.MonitorFailed\", \"parameters\": {\"message\": \"no\", \"hint\": \"try\", "
                      "\"verdict\": \"fail\", \"class\": \"CommandNotFound\"}}");
}

static void an_error_has_its_kind(void)
{
    Fake *fake = fake_start(missing);
    VtTest *t = vt_connect(fake_path(fake), NULL);
    VtError *error = NULL;

    CHECK(!vt_vm_qmp(vt_vm(t, "vm1"), "no-such-command", json_pack("{s:i}", "a", 1), &error));
    CHECK(error->kind == VT_ERROR_MONITOR_FAILED);
    CHECK(error->verdict == VT_VERDICT_FAIL);
    CHECK_TEXT(error->code, "org.virt-test.error.MonitorFailed");
    CHECK_TEXT(error->hint, "try");
    CHECK_TEXT(vt_error_text(error, "class"), "CommandNotFound");
    vt_error_free(error);
    CHECK(!vt_phase(t, "x", NULL));
    vt_close(t);
    fake_stop(fake);
}

static void unknown(json_t *request, int client)
{
    (void)request;
    fake_send(client, "{\"error\": \"org.varlink.service.MethodNotFound\", \"parameters\": {\"method\": \"x\"}}");
}

static void an_error_of_an_unknown_name_has_words(void)
{
    Fake *fake = fake_start(unknown);
    VtTest *t = vt_connect(fake_path(fake), NULL);
    VtError *error = NULL;

    CHECK(!vt_phase(t, "x", &error));
    CHECK(error->kind == VT_ERROR_OTHER);
    CHECK(strstr(error->message, "org.varlink.service.MethodNotFound {"));
    vt_error_free(error);
    vt_close(t);
    fake_stop(fake);
}

static void streaming(json_t *request, int client)
{
    static int first;

    if (strcmp(method(request), "Exec") == 0) {
        first = client;
        fake_send(client, "{\"parameters\": {\"chunk\": {\"stderr\": false, \"data\": \"1\"}}, \"continues\": true}");
    } else {
        fake_send(client, "{\"parameters\": {}}");
        fake_send(first, "{\"parameters\": {\"chunk\": {\"stderr\": true, \"data\": \"2\"}}, \"continues\": true}");
        fake_send(first, "{\"parameters\": {\"output\": {\"status\": 3, \"stdout\": \"\", \"stderr\": \"\"}}}");
    }
}

typedef struct Seen {
    VtTest *t;
    char text[100];
} Seen;

static bool see_chunk(const VtChunk *chunk, void *opaque)
{
    Seen *seen = opaque;

    strcat(seen->text, chunk->err ? "!" : "");
    strcat(seen->text, chunk->data);
    return strcmp(chunk->data, "1") || vt_phase(seen->t, "seen", NULL);
}

static void output_comes_while_the_command_runs_and_a_callback_may_call(void)
{
    Fake *fake = fake_start(streaming);
    VtTest *t = vt_connect(fake_path(fake), NULL);
    Seen seen = { .t = t };
    VtExecOptions options = { .argv = (const char *[]){ "x", "y", NULL } };
    VtOutput *output = vt_vm_exec_stream(vt_vm(t, "vm1"), NULL, &options, see_chunk, &seen, NULL);

    CHECK(output->has_status && output->status == 3);
    CHECK_TEXT(seen.text, "1!2");
    check_heard(fake, "{\"method\":\"org.virt-test.session.Exec\",\"more\":true,\"parameters\":{\"argv\":[\"x\",\"y\"],\"vm\":\"vm1\"}}");
    vt_close(t);
    fake_stop(fake);
}

static void migrating(json_t *request, int client)
{
    if (strcmp(method(request), "Migrate") == 0) {
        fake_send(client, "{\"parameters\": {\"progress\": {\"status\": \"active\", \"transferred\": 5}}, \"continues\": true}");
        fake_send(client, "{\"parameters\": {\"figures\": {\"status\": \"completed\"}, \"standstill\": 0.25}}");
    } else {
        fake_send(client, "{\"parameters\": {}}");
    }
}

static bool until(const VtFigures *figures, void *opaque)
{
    int64_t *limit = opaque;

    return figures->transferred < *limit;
}

static void a_callback_that_returns_false_cancels_and_hangs_up(void)
{
    Fake *fake = fake_start(migrating);
    VtTest *t = vt_connect(fake_path(fake), NULL);
    VtVm *vm = vt_vm(t, "vm1");
    VtError *error = NULL;
    VtMigrated *migrated = vt_vm_migrate(vm, NULL, until, &(int64_t){ 6 }, NULL);

    CHECK_TEXT(migrated->figures->status, "completed");
    CHECK(migrated->has_standstill && migrated->standstill == 0.25);
    CHECK(!vt_vm_migrate(vm, NULL, until, &(int64_t){ 5 }, &error));
    CHECK(error->kind == VT_ERROR_CANCELLED);
    vt_error_free(error);
    free(fake_heard(fake));
    free(fake_heard(fake));
    check_heard(fake, "left");
    CHECK(vt_phase(t, "x", NULL));
    vt_close(t);
    fake_stop(fake);
}

static void happening(json_t *request, int client)
{
    (void)request;
    fake_send(client, "{\"parameters\": {\"events\": [{\"seq\": 0, \"name\": \"STOP\"}, {\"seq\": 1, \"name\": \"RESUME\"}]}, "
                      "\"continues\": true}");
    fake_send(client, "{\"parameters\": {\"event\": {\"seq\": 2, \"name\": \"RESET\"}, \"events\": []}, \"continues\": true}");
}

static bool see_event(const VtEvent *event, void *opaque)
{
    Seen *seen = opaque;

    strcat(seen->text, event->name);
    return strcmp(event->name, "RESET") != 0;
}

static void events_come_until_they_are_stopped(void)
{
    Fake *fake = fake_start(happening);
    VtTest *t = vt_connect(fake_path(fake), NULL);
    Seen seen = { .t = t };

    CHECK(vt_vm_watch_events(vt_vm(t, "vm1"), NULL, see_event, &seen, NULL));
    CHECK_TEXT(seen.text, "STOPRESUMERESET");
    free(fake_heard(fake));
    check_heard(fake, "left");
    vt_close(t);
    fake_stop(fake);
}

static void hanging_up(json_t *request, int client)
{
    (void)request;
    fake_hang_up(client);
}

static void a_server_that_hangs_up_is_an_error_that_says_so(void)
{
    Fake *fake = fake_start(hanging_up);
    VtTest *t = vt_connect(fake_path(fake), NULL);
    VtError *error = NULL;

    CHECK(!vt_phase(t, "x", &error));
    CHECK(strstr(error->message, "virt-test has hung up"));
    vt_error_free(error);
    vt_close(t);
    fake_stop(fake);
}

static void long_message(json_t *request, int client)
{
    char *text = malloc(1000100);

    (void)request;
    strcpy(text, "{\"parameters\": {\"output\": \"");
    memset(text + strlen(text), 'x', 1000000);
    strcpy(text + strlen("{\"parameters\": {\"output\": \"") + 1000000, "\"}}");
    fake_send(client, text);
    free(text);
}

static void a_long_message_comes_whole(void)
{
    Fake *fake = fake_start(long_message);
    VtTest *t = vt_connect(fake_path(fake), NULL);

    CHECK(strlen(vt_vm_hmp(vt_vm(t, "vm1"), "info", NULL)) == 1000000);
    vt_close(t);
    fake_stop(fake);
}

static void what_is_no_utf_8_is_not_sent(void)
{
    Fake *fake = fake_start(nothing);
    VtTest *t = vt_connect(fake_path(fake), NULL);
    VtError *error = NULL;

    CHECK(!vt_phase(t, "\xff", &error));
    CHECK(strstr(error->message, "no UTF-8"));
    vt_error_free(error);
    vt_close(t);
    fake_stop(fake);
}

static bool odd(VtTest *t, void *opaque, VtError **errp)
{
    (void)t;
    (void)opaque;
    return vt_set_error(errp, VT_VERDICT_FAIL, "odd %d", 1);
}

static void a_part_that_fails_is_reported(void)
{
    Fake *fake = fake_start(nothing);
    VtTest *t = vt_connect(fake_path(fake), NULL);

    CHECK(!vt_run(t, "half", odd, NULL));
    char *heard = fake_heard(fake);

    CHECK(strstr(heard, "\"name\":\"half\",\"reason\":\"odd 1\",\"verdict\":\"fail\""));
    free(heard);
    vt_close(t);
    fake_stop(fake);
}

static void unsupported(json_t *request, int client)
{
    fake_send(client, strcmp(method(request), "Phase")
                          ? "{\"parameters\": {}}"
                          : "{\"error\": \"org.virt-test.error.Unsupported\", \"parameters\": {\"message\": \"no NUMA\", "
                            "\"hint\": \"buy some\", \"verdict\": \"skip\"}}");
}

static void end_by_skip(VtTest *t)
{
    vt_skip(t, "no %s", "disk");
}

static void end_by_check(VtTest *t)
{
    VT_CHECK(t, 1 == 2);
}

static void end_by_fatal(VtTest *t)
{
    vt_phase(t, "x", &vt_fatal);
}

static void ends(void (*program)(VtTest *), int status, const char *said)
{
    Fake *fake = fake_start(unsupported);
    int exit_status;
    pid_t child;

    fflush(stdout);
    child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stderr)) {
            _exit(9);
        }
        program(vt_connect(fake_path(fake), NULL));
        _exit(9);
    }
    waitpid(child, &exit_status, 0);
    CHECK(WIFEXITED(exit_status) && WEXITSTATUS(exit_status) == status);
    char *heard = fake_heard(fake);

    if (strstr(heard, "Phase")) {
        free(heard);
        heard = fake_heard(fake);
    }
    CHECK(strstr(heard, said));
    free(heard);
    fake_stop(fake);
}

static void what_ends_a_program_is_its_verdict(void)
{
    ends(end_by_skip, 0, "{\"method\":\"org.virt-test.test.Skip\",\"parameters\":{\"reason\":\"no disk\"}}");
    ends(end_by_check, 1, "not true: 1 == 2");
    ends(end_by_fatal, 0, "Skip\",\"parameters\":{\"reason\":\"no NUMA (hint: buy some)\"}}");
}

#define RUN(test)             \
    do {                      \
        printf("%s\n", #test); \
        fflush(stdout);       \
        test();               \
    } while (0)

int main(void)
{
    RUN(without_a_socket_the_error_names_virt_test_serve);
    RUN(what_is_given_is_sent_and_what_is_not_is_not);
    RUN(a_reply_is_a_structure);
    RUN(an_error_has_its_kind);
    RUN(an_error_of_an_unknown_name_has_words);
    RUN(output_comes_while_the_command_runs_and_a_callback_may_call);
    RUN(a_callback_that_returns_false_cancels_and_hangs_up);
    RUN(events_come_until_they_are_stopped);
    RUN(a_server_that_hangs_up_is_an_error_that_says_so);
    RUN(a_long_message_comes_whole);
    RUN(what_is_no_utf_8_is_not_sent);
    RUN(a_part_that_fails_is_reported);
    RUN(what_ends_a_program_is_its_verdict);
    printf(failures ? "%d FAILED\n" : "all passed\n", failures);
    return failures ? 1 : 0;
}
