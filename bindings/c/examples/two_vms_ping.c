/* Two machines on a private network reach each other, and the network has seen it. */
#include <stdio.h>
#include <sys/stat.h>

#include <virt-test.h>

/* An empty recording has a header of 24 bytes. */
#define HEADER 24

int main(void)
{
    VtTest *t = vt_connect(NULL, &vt_fatal);
    VtVm *one = vt_vm(t, "vm1"), *two = vt_vm(t, "vm2");
    char command[100];
    struct stat capture;

    vt_vm_exec(two, "true", NULL, &vt_fatal); /* It has booted. */
    snprintf(command, sizeof(command), "ping -c 3 %s", vt_vm_address(two, NULL, &vt_fatal));
    VtOutput *ping = vt_vm_exec(one, command, &(VtExecOptions){ .timeout = 60 }, &vt_fatal);
    VT_CHECK(t, ping->has_status && ping->status == 0);

    VtMachine *machine = vt_vm_info(one, &vt_fatal);
    VtNetworkInfoReply *network = vt_network_info(t, machine->nics[0].network, &vt_fatal);
    VT_CHECK(t, network->ports >= 2);
    VT_CHECK(t, stat(network->capture, &capture) == 0 && capture.st_size > HEADER);

    vt_close(t);
    return 0;
}
