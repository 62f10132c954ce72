/* A snapshot takes the machine back to when it was made. */
#include <string.h>

#include <virt-test.h>

int main(void)
{
    VtTest *t = vt_connect(NULL, &vt_fatal);
    VtVm *vm = vt_main_vm(t, &vt_fatal);
    size_t count;

    vt_vm_exec(vm, "echo before >/tmp/when", NULL, &vt_fatal);
    vt_vm_save_snapshot(vm, "one", NULL, &vt_fatal);
    VtSnapshot *snapshots = vt_vm_list_snapshots(vm, &count, &vt_fatal);
    VT_CHECK(t, count == 1 && strcmp(snapshots[0].name, "one") == 0);

    vt_vm_exec(vm, "echo after >/tmp/when", NULL, &vt_fatal);
    vt_vm_load_snapshot(vm, "one", NULL, &vt_fatal);
    VT_CHECK(t, strcmp(vt_vm_exec(vm, "cat /tmp/when", NULL, &vt_fatal)->out, "before\n") == 0);

    vt_vm_delete_snapshot(vm, "one", NULL, &vt_fatal);
    vt_vm_list_snapshots(vm, &count, &vt_fatal);
    VT_CHECK(t, count == 0);

    vt_close(t);
    return 0;
}
