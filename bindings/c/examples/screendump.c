/* What the graphics card shows comes as a picture. */
#include <stdio.h>
#include <string.h>

#include <virt-test.h>

int main(void)
{
    VtTest *t = vt_connect(NULL, &vt_fatal);
    VtVm *vm = vt_main_vm(t, &vt_fatal);
    VtScreendumpReply *dump = vt_vm_screendump(vm, NULL, &vt_fatal);
    char head[4] = { 0 };
    FILE *file = fopen(dump->file, "rb");

    VT_CHECK(t, file && fread(head, 1, sizeof(head), file) == sizeof(head) && fclose(file) == 0);
    VT_CHECK(t, memcmp(head, "P6", 2) == 0 || memcmp(head, "\x89PNG", 4) == 0);
    VT_CHECK(t, dump->width > 0 && dump->height > 0);

    vt_close(t);
    return 0;
}
