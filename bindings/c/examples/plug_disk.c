/* A disk that is plugged in has its size and keeps what is written to it; unplugged it is gone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <virt-test.h>

static VtTest *t;
static VtVm *vm;

/* The output of a command that has to succeed, in which $name is a disk's. */
static const char *run(const char *text, const char *name)
{
    char command[256];

    snprintf(command, sizeof(command), "name=%s; %s", name, text);
    VtOutput *output = vt_vm_exec(vm, command, NULL, &vt_fatal);

    if (!output->has_status || output->status != 0) {
        vt_fail(t, "%s: %s", command, output->err);
    }
    return output->out;
}

int main(void)
{
    t = vt_connect(NULL, &vt_fatal);
    vm = vt_main_vm(t, &vt_fatal);
    VtDevice disk = { .kind = VT_DEVICE_KIND_DISK, .has_size = true, .size = 64 << 20, .serial = "spare" };
    VtPlugged *plugged = vt_vm_plug(vm, &disk, &(VtPlugOptions){ .guest = true }, &vt_fatal);
    const char *name = run("basename $(dirname $(grep -l '^spare$' /sys/block/*/serial)) | tr -d '\\n'", "");

    VT_CHECK(t, atoi(run("cat /sys/block/$name/size", name)) == 131072);
    run("printf word >/dev/$name && sync", name);
    VT_CHECK(t, strcmp(run("head -c 4 /dev/$name", name), "word") == 0);

    vt_vm_unplug(vm, plugged->id, &(VtUnplugOptions){ .guest = true }, NULL, &vt_fatal);
    run("test ! -e /sys/block/$name", name);

    vt_close(t);
    return 0;
}
