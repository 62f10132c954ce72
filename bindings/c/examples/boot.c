/* The guest boots, and knows what it is. */
#include <stdlib.h>
#include <string.h>

#include <virt-test.h>

int main(void)
{
    VtTest *t = vt_connect(NULL, &vt_fatal);
    VtVm *vm = vt_main_vm(t, &vt_fatal);

    VtOutput *kernel = vt_vm_exec(vm, "uname -s", NULL, &vt_fatal);
    VT_CHECK(t, strcmp(kernel->out, "Linux\n") == 0);

    VtOutput *uptime = vt_vm_exec(vm, "cat /proc/uptime", NULL, &vt_fatal);
    VT_CHECK(t, atof(uptime->out) > 0);

    vt_close(t);
    return 0;
}
