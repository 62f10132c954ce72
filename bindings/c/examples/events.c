/* The monitor answers, its events come in order, and what it refuses is an error of its own kind. */
#include <string.h>

#include <virt-test.h>

int main(void)
{
    VtTest *t = vt_connect(NULL, &vt_fatal);
    VtVm *vm = vt_main_vm(t, &vt_fatal);

    json_t *status = vt_vm_qmp(vm, "query-status", NULL, &vt_fatal);
    VT_CHECK(t, strcmp(json_string_value(json_object_get(status, "status")), "running") == 0);
    json_decref(status);

    VtWaitEventOptions since = { .since = vt_vm_info(vm, &vt_fatal)->cursor };
    vt_vm_pause(vm, &vt_fatal);
    VtEvent *stop = vt_vm_wait_event(vm, "STOP", &since, &vt_fatal);
    vt_vm_resume(vm, &vt_fatal);
    VtEvent *resume = vt_vm_wait_event(vm, "RESUME", &since, &vt_fatal);
    VT_CHECK(t, stop->seq < resume->seq);

    VtError *error = NULL;
    VT_CHECK(t, !vt_vm_qmp(vm, "no-such-command", NULL, &error));
    VT_CHECK(t, error->kind == VT_ERROR_MONITOR_FAILED);
    VT_CHECK(t, strcmp(vt_error_text(error, "class"), "CommandNotFound") == 0);
    vt_error_free(error);

    vt_close(t);
    return 0;
}
