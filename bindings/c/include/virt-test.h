/*
 * Tests of virtual machines in C, with virt-test.
 *
 *     #include <virt-test.h>
 *
 *     int main(void)
 *     {
 *         VtTest *t = vt_connect(NULL, &vt_fatal);
 *         VtVm *vm = vt_main_vm(t, &vt_fatal);
 *         VtOutput *output = vt_vm_exec(vm, "uname -s", NULL, &vt_fatal);
 *
 *         VT_CHECK(t, strcmp(output->out, "Linux\n") == 0);
 *         vt_close(t);
 *         return 0;
 *     }
 *
 * Errors are told as in QEMU: by a last argument errp, which may be NULL, and by a return value of NULL or false. With &vt_fatal an error ends
 * the program, and the test with the verdict that the error stands for.
 *
 * What is returned belongs to the test and lives until vt_free() or vt_close(). Errors and json_t are the caller's. A json_t that is
 * given, as an argument or among options, is taken over. Text with a NUL ends there; ask for base64 where that matters.
 *
 * In options, what is zero is absent. Lists of text end with NULL, lists of pairs with {NULL, NULL}.
 *
 * A VtTest is for one thread at a time; each thread can have its own. Callbacks may call. A callback that returns false cancels the call, and so
 * does the end of the program: the command in the guest is killed, the migration is called off.
 */
#ifndef VIRT_TEST_H
#define VIRT_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct VtTest VtTest;
typedef struct VtVm VtVm;
typedef struct VtSession VtSession;
typedef struct VtError VtError;

typedef struct VtPair {
    const char *key;
    const char *value;
} VtPair;

#include "virt-test-generated.h"

struct VtError {
    VtErrorKind kind;
    /* Its name on the wire, such as org.virt-test.error.NotFound; NULL if it did not come from there. */
    const char *code;
    /* What failed, on what, and why. */
    const char *message;
    /* What may mend it, or NULL. */
    const char *hint;
    /* The machine, file or other thing it is about, or NULL. */
    const char *where;
    /* What a test that knows nothing better ends with. */
    VtVerdict verdict;
    /* The last that was heard of guest, firmware, monitor and QEMU, or NULL. */
    const char *last_words;
    /* All it has, such as `class` of VT_ERROR_MONITOR_FAILED. */
    json_t *parameters;
};

extern VtError *vt_fatal;

/* A member of an error that is text, or NULL: vt_error_text(error, "class"). */
const char *vt_error_text(const VtError *error, const char *member);
void vt_error_free(VtError *error);

/* Connects to virt-test at `socket`, or, if that is NULL, where the environment variable VIRT_TEST_SOCKET says. */
VtTest *vt_connect(const char *socket, VtError **errp);

/* Hangs up and frees everything. Machines and sessions stay as they are. */
void vt_close(VtTest *t);

/* Frees what a function has returned. */
void vt_free(const void *reply);

/* Ends the program, and the test with SKIP, FAIL or ERROR. */
#if defined(__GNUC__)
#define VT_FORMAT __attribute__((format(printf, 2, 3), noreturn))
#else
#define VT_FORMAT
#endif
VT_FORMAT void vt_skip(VtTest *t, const char *format, ...);
VT_FORMAT void vt_fail(VtTest *t, const char *format, ...);
VT_FORMAT void vt_error(VtTest *t, const char *format, ...);

/* Ends the program, and the test with FAIL, unless `condition` holds. */
#define VT_CHECK(t, condition)                                                  \
    do {                                                                        \
        if (!(condition)) {                                                     \
            vt_fail((t), "%s:%d: not true: %s", __FILE__, __LINE__, #condition); \
        }                                                                       \
    } while (0)

/*
 * Does a part of the test and reports how that went, and whether it passed. A part fails by returning false and setting an error. If it failed,
 * so will the test in the end.
 */
bool vt_run(VtTest *t, const char *name, bool (*part)(VtTest *t, void *opaque, VtError **errp), void *opaque);

/* An error of one's own, for parts. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
bool vt_set_error(VtError **errp, VtVerdict verdict, const char *format, ...);

/* The machine of a name. Nothing is asked of virt-test yet. */
VtVm *vt_vm(VtTest *t, const char *name);
/* The machine that a test with one machine uses. */
VtVm *vt_main_vm(VtTest *t, VtError **errp);
const char *vt_vm_name(const VtVm *vm);

/* Logs in to the guest; waits for a boot in progress. vt_vm_exec() does that by itself. */
VtSession *vt_vm_open(VtVm *vm, const VtOpenOptions *options, VtError **errp);
const char *vt_session_id(const VtSession *session);

/* Runs a line of shell in the guest, or, if `command` is NULL, `argv` of the options. A status other than 0 is no error. */
VtOutput *vt_vm_exec(VtVm *vm, const char *command, const VtExecOptions *options, VtError **errp);
VtOutput *vt_session_exec(VtSession *session, const char *command, const VtExecOptions *options, VtError **errp);

/* The same, with the output as it comes; the result does not repeat it. */
typedef bool VtChunkFunction(const VtChunk *chunk, void *opaque);
VtOutput *vt_vm_exec_stream(VtVm *vm, const char *command, const VtExecOptions *options, VtChunkFunction *each, void *opaque,
                            VtError **errp);
VtOutput *vt_session_exec_stream(VtSession *session, const char *command, const VtExecOptions *options, VtChunkFunction *each,
                                 void *opaque, VtError **errp);

/* What a console has said so far. */
const char *vt_vm_console(VtVm *vm, const VtConsoleOptions *options, VtError **errp);
/* What a console has said and will say, in pieces, until the machine ends or `each` returns false. */
bool vt_vm_follow_console(VtVm *vm, const VtConsoleOptions *options, bool (*each)(const char *text, void *opaque), void *opaque,
                          VtError **errp);

/* The events there have been. */
VtEvent *vt_vm_events(VtVm *vm, const VtEventsOptions *options, size_t *n_events, VtError **errp);
/* The events there have been and those to come, until the machine ends or `each` returns false. */
bool vt_vm_watch_events(VtVm *vm, const VtEventsOptions *options, bool (*each)(const VtEvent *event, void *opaque), void *opaque,
                        VtError **errp);

typedef struct VtMigrated {
    VtFigures *figures;
    /* For how many seconds the guest's CPUs stood still. */
    bool has_standstill;
    double standstill;
} VtMigrated;

/* Moves the machine to another QEMU on this host. `progress` may be NULL. */
VtMigrated *vt_vm_migrate(VtVm *vm, const VtMigrateOptions *options, bool (*progress)(const VtFigures *figures, void *opaque),
                          void *opaque, VtError **errp);

/* A command of QEMU's monitor, or of the guest's agent, and what it returns. `arguments` may be NULL; json_pack() makes them. */
json_t *vt_vm_qmp(VtVm *vm, const char *command, json_t *arguments, VtError **errp);
json_t *vt_vm_agent(VtVm *vm, const char *command, json_t *arguments, VtError **errp);

#ifdef __cplusplus
}
#endif

#endif
