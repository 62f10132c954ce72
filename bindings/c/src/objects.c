/* What machines, sessions and the test do that is more than asking. */

#include "internal.h"

#include <stdlib.h>
#include <string.h>

VtVm *vt_vm(VtTest *t, const char *name)
{
    for (VtVm *known = t->vms; known; known = known->next) {
        if (strcmp(known->name, name) == 0) {
            return known;
        }
    }
    VtVm *vm = vt__allocate(sizeof(*vm) + strlen(name) + 1);

    strcpy(vm->name, name);
    vm->test = t;
    vm->next = t->vms;
    t->vms = vm;
    return vm;
}

VtVm *vt_main_vm(VtTest *t, VtError **errp)
{
    VtTestInfo *info = vt_info(t, errp);
    VtVm *vm = NULL;

    if (info && info->main_vm) {
        vm = vt_vm(t, info->main_vm);
    } else if (info) {
        vt__propagate(t, vt__local_error("the configuration has no machine (hint: set vms and main_vm)"), errp);
    }
    vt_free(info);
    return vm;
}

const char *vt_vm_name(const VtVm *vm)
{
    return vm->name;
}

const char *vt_session_id(const VtSession *session)
{
    return session->id;
}

static json_t *of_vm(VtVm *vm)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    return in;
}

VtSession *vt_vm_open(VtVm *vm, const VtOpenOptions *options, VtError **errp)
{
    json_t *in = of_vm(vm);

    vt__put_open_options(in, options);
    json_t *json = vt__call(vm->test, "org.virt-test.session.Open", in, errp);

    if (!json) {
        return NULL;
    }
    const char *id = json_string_value(json_object_get(json_object_get(json, "session"), "id"));
    VtSession *session = vt__allocate(sizeof(*session) + strlen(id ? id : "") + 1);

    strcpy(session->id, id ? id : "");
    session->test = vm->test;
    session->next = vm->test->sessions;
    vm->test->sessions = session;
    json_decref(json);
    return session;
}

/* What a callback for raw replies needs to call one of the user's. */
typedef struct Each {
    VtTest *test;
    void *opaque;
    VtChunkFunction *chunk;
    bool (*text)(const char *, void *);
    bool (*event)(const VtEvent *, void *);
    bool (*progress)(const VtFigures *, void *);
    bool stopped;
} Each;

static bool each_chunk(json_t *json, void *opaque)
{
    Each *each = opaque;
    json_t *chunk = json_object_get(json, "chunk");
    bool goes_on = true;

    if (vt__is_there(chunk)) {
        VtReply *reply = vt__reply(each->test, NULL, sizeof(VtChunk));

        vt__decode_chunk(reply, chunk, vt__body(reply));
        goes_on = each->chunk(vt__body(reply), each->opaque);
        vt_free(vt__body(reply));
    }
    return goes_on;
}

static VtOutput *execute(VtTest *t, json_t *in, const char *command, const VtExecOptions *options, VtChunkFunction *chunk,
                         void *opaque, VtError **errp)
{
    Each each = { .test = t, .opaque = opaque, .chunk = chunk };

    vt__put_exec_options(in, options);
    if (command) {
        json_object_set_new(in, "command", vt__string(command));
    }
    json_t *json = vt__stream(t, "org.virt-test.session.Exec", in, chunk ? each_chunk : NULL, &each, errp);

    if (!json) {
        return NULL;
    }
    VtReply *reply = vt__reply(t, json, sizeof(VtOutput));

    vt__decode_output(reply, json_object_get(json, "output"), vt__body(reply));
    return vt__body(reply);
}

static json_t *of_session(VtSession *session)
{
    json_t *in = json_object();

    json_object_set_new(in, "session", vt__string(session->id));
    return in;
}

VtOutput *vt_vm_exec(VtVm *vm, const char *command, const VtExecOptions *options, VtError **errp)
{
    return execute(vm->test, of_vm(vm), command, options, NULL, NULL, errp);
}

VtOutput *vt_vm_exec_stream(VtVm *vm, const char *command, const VtExecOptions *options, VtChunkFunction *each, void *opaque,
                            VtError **errp)
{
    return execute(vm->test, of_vm(vm), command, options, each, opaque, errp);
}

VtOutput *vt_session_exec(VtSession *session, const char *command, const VtExecOptions *options, VtError **errp)
{
    return execute(session->test, of_session(session), command, options, NULL, NULL, errp);
}

VtOutput *vt_session_exec_stream(VtSession *session, const char *command, const VtExecOptions *options, VtChunkFunction *each,
                                 void *opaque, VtError **errp)
{
    return execute(session->test, of_session(session), command, options, each, opaque, errp);
}

/* A stream that its callback has stopped has done what it should. */
static bool streamed(json_t *last, bool (*each)(json_t *, void *), Each *state, VtError *error, VtError **errp)
{
    if (last) {
        each(last, state);
        json_decref(last);
        return true;
    }
    if (state->stopped) {
        vt_error_free(error);
        return true;
    }
    vt__propagate(state->test, error, errp);
    return false;
}

static bool each_text(json_t *json, void *opaque)
{
    Each *each = opaque;
    const char *text = json_string_value(json_object_get(json, "text"));

    if (text && *text && !each->stopped) {
        each->stopped = !each->text(text, each->opaque);
    }
    return !each->stopped;
}

const char *vt_vm_console(VtVm *vm, const VtConsoleOptions *options, VtError **errp)
{
    json_t *in = of_vm(vm);

    vt__put_console_options(in, options);
    json_t *json = vt__call(vm->test, "org.virt-test.session.Console", in, errp);

    return json ? vt__text(vm->test, json, json_object_get(json, "text")) : NULL;
}

bool vt_vm_follow_console(VtVm *vm, const VtConsoleOptions *options, bool (*text)(const char *, void *), void *opaque,
                          VtError **errp)
{
    json_t *in = of_vm(vm);
    Each each = { .test = vm->test, .opaque = opaque, .text = text };
    VtError *error = NULL;

    vt__put_console_options(in, options);
    json_t *json = vt__stream(vm->test, "org.virt-test.session.Console", in, each_text, &each, &error);

    return streamed(json, each_text, &each, error, errp);
}

static void give_event(Each *each, json_t *json)
{
    if (vt__is_there(json) && !each->stopped) {
        VtReply *reply = vt__reply(each->test, NULL, sizeof(VtEvent));

        vt__decode_event(reply, json, vt__body(reply));
        each->stopped = !each->event(vt__body(reply), each->opaque);
        vt_free(vt__body(reply));
    }
}

static bool each_event(json_t *json, void *opaque)
{
    Each *each = opaque;
    json_t *events = json_object_get(json, "events");

    give_event(each, json_object_get(json, "event"));
    for (size_t i = 0; i < json_array_size(events); i++) {
        give_event(each, json_array_get(events, i));
    }
    return !each->stopped;
}

VtEvent *vt_vm_events(VtVm *vm, const VtEventsOptions *options, size_t *n_events, VtError **errp)
{
    json_t *in = of_vm(vm);

    vt__put_events_options(in, options);
    json_t *json = vt__call(vm->test, "org.virt-test.vm.Events", in, errp);

    if (!json) {
        return NULL;
    }
    json_t *events = json_object_get(json, "events");
    VtReply *reply = vt__reply(vm->test, json, (json_array_size(events) + 1) * sizeof(VtEvent));
    VtEvent *out = vt__body(reply);

    for (size_t i = 0; i < json_array_size(events); i++) {
        vt__decode_event(reply, json_array_get(events, i), &out[i]);
    }
    *n_events = json_array_size(events);
    return out;
}

bool vt_vm_watch_events(VtVm *vm, const VtEventsOptions *options, bool (*event)(const VtEvent *, void *), void *opaque,
                        VtError **errp)
{
    json_t *in = of_vm(vm);
    Each each = { .test = vm->test, .opaque = opaque, .event = event };
    VtError *error = NULL;

    vt__put_events_options(in, options);
    json_t *json = vt__stream(vm->test, "org.virt-test.vm.Events", in, each_event, &each, &error);

    return streamed(json, each_event, &each, error, errp);
}

static bool each_progress(json_t *json, void *opaque)
{
    Each *each = opaque;
    json_t *progress = json_object_get(json, "progress");
    bool goes_on = true;

    if (vt__is_there(progress)) {
        VtReply *reply = vt__reply(each->test, NULL, sizeof(VtFigures));

        vt__decode_figures(reply, progress, vt__body(reply));
        goes_on = each->progress(vt__body(reply), each->opaque);
        vt_free(vt__body(reply));
    }
    return goes_on;
}

VtMigrated *vt_vm_migrate(VtVm *vm, const VtMigrateOptions *options, bool (*progress)(const VtFigures *, void *), void *opaque,
                          VtError **errp)
{
    json_t *in = of_vm(vm);
    Each each = { .test = vm->test, .opaque = opaque, .progress = progress };

    vt__put_migrate_options(in, options);
    json_t *json = vt__stream(vm->test, "org.virt-test.vm.Migrate", in, progress ? each_progress : NULL, &each, errp);

    if (!json) {
        return NULL;
    }
    VtReply *reply = vt__reply(vm->test, json, sizeof(VtMigrated));
    VtMigrated *out = vt__body(reply);
    json_t *standstill = json_object_get(json, "standstill");

    out->figures = vt__room(reply, 1, sizeof(VtFigures));
    vt__decode_figures(reply, json_object_get(json, "figures"), out->figures);
    out->has_standstill = vt__is_there(standstill);
    out->standstill = json_number_value(standstill);
    return out;
}

static json_t *command(VtVm *vm, const char *method, const char *command, json_t *arguments, VtError **errp)
{
    json_t *in = of_vm(vm);

    json_object_set_new(in, "command", vt__string(command));
    if (arguments) {
        json_object_set_new(in, "arguments", arguments);
    }
    json_t *json = vt__call(vm->test, method, in, errp);

    if (!json) {
        return NULL;
    }
    json_t *returned = json_object_get(json_object_get(json, "reply"), "return");

    returned = returned ? json_incref(returned) : json_null();
    json_decref(json);
    return returned;
}

json_t *vt_vm_qmp(VtVm *vm, const char *name, json_t *arguments, VtError **errp)
{
    return command(vm, "org.virt-test.vm.Qmp", name, arguments, errp);
}

json_t *vt_vm_agent(VtVm *vm, const char *name, json_t *arguments, VtError **errp)
{
    return command(vm, "org.virt-test.session.Agent", name, arguments, errp);
}

bool vt_run(VtTest *t, const char *name, bool (*part)(VtTest *, void *, VtError **), void *opaque)
{
    VtError *error = NULL;
    bool passed = part(t, opaque, &error);
    VtSubtestOptions options = { 0 };
    VtVerdict verdict = VT_VERDICT_PASS;

    if (!passed) {
        verdict = error ? error->verdict : VT_VERDICT_FAIL;
        options.reason = error ? error->message : NULL;
    }
    bool told = vt_subtest(t, name, verdict, &options, NULL);

    vt_error_free(error);
    return passed && told;
}
