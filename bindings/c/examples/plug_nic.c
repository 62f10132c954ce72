/* The guest sees a network card that is plugged in, and does not when it is unplugged. */
#include <stdlib.h>

#include <virt-test.h>

static int cards(VtVm *vm)
{
    return atoi(vt_vm_exec(vm, "ls /sys/class/net | wc -l", NULL, &vt_fatal)->out);
}

int main(void)
{
    VtTest *t = vt_connect(NULL, &vt_fatal);
    VtVm *vm = vt_main_vm(t, &vt_fatal);
    VtDevice nic = { .kind = VT_DEVICE_KIND_NIC, .id = "extra" };
    int before = cards(vm);

    vt_vm_plug(vm, &nic, &(VtPlugOptions){ .guest = true }, &vt_fatal);
    VT_CHECK(t, cards(vm) == before + 1);

    vt_vm_unplug(vm, "extra", &(VtUnplugOptions){ .guest = true }, NULL, &vt_fatal);
    VT_CHECK(t, cards(vm) == before);

    vt_close(t);
    return 0;
}
