/* A machine migrates to another QEMU, and its guest has not forgotten anything. */
#include <string.h>

#include <virt-test.h>

static bool count(const VtFigures *figures, void *opaque)
{
    (void)figures;
    ++*(int *)opaque;
    return true;
}

int main(void)
{
    VtTest *t = vt_connect(NULL, &vt_fatal);
    VtVm *vm = vt_main_vm(t, &vt_fatal);

    vt_vm_exec(vm, "echo word >/tmp/word", NULL, &vt_fatal);
    int64_t pid = vt_vm_info(vm, &vt_fatal)->pid;
    int progress = 0;

    VtMigrated *migrated = vt_vm_migrate(vm, &(VtMigrateOptions){ .transport = "unix" }, count, &progress, &vt_fatal);
    VT_CHECK(t, progress > 0);
    VT_CHECK(t, strcmp(migrated->figures->status, "completed") == 0);
    VT_CHECK(t, vt_vm_info(vm, &vt_fatal)->pid != pid);
    VT_CHECK(t, strcmp(vt_vm_exec(vm, "cat /tmp/word", NULL, &vt_fatal)->out, "word\n") == 0);

    vt_close(t);
    return 0;
}
