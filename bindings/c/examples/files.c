/* A file of any bytes goes into the guest and comes back as it was; one that is not there does not. */
#include <stdio.h>
#include <string.h>

#include <virt-test.h>

#define SIZE 100000

static unsigned char written[SIZE], read_back[SIZE + 1];

int main(void)
{
    VtTest *t = vt_connect(NULL, &vt_fatal);
    VtVm *vm = vt_main_vm(t, &vt_fatal);
    VtTestInfo *info = vt_info(t, &vt_fatal);
    char there[4096], back[4096];

    snprintf(there, sizeof(there), "%s/there", info->dir);
    snprintf(back, sizeof(back), "%s/back", info->dir);
    for (int i = 0; i < SIZE; i++) {
        written[i] = (unsigned char)i;
    }
    FILE *file = fopen(there, "wb");
    VT_CHECK(t, file && fwrite(written, 1, SIZE, file) == SIZE && fclose(file) == 0);

    VtPushReply *pushed = vt_vm_push(vm, "/tmp/there", &(VtPushOptions){ .path = there }, &vt_fatal);
    VT_CHECK(t, pushed->size == SIZE);
    VtOutput *inside = vt_vm_exec(vm, "sha256sum /tmp/there", NULL, &vt_fatal);
    VT_CHECK(t, strncmp(inside->out, pushed->sha256, 64) == 0);

    VtPullReply *pulled = vt_vm_pull(vm, "/tmp/there", &(VtPullOptions){ .path = back }, &vt_fatal);
    VT_CHECK(t, strcmp(pulled->sha256, pushed->sha256) == 0);
    file = fopen(back, "rb");
    VT_CHECK(t, file && fread(read_back, 1, SIZE + 1, file) == SIZE && fclose(file) == 0);
    VT_CHECK(t, memcmp(read_back, written, SIZE) == 0);

    VtError *error = NULL;
    VT_CHECK(t, !vt_vm_pull(vm, "/nonexistent", &(VtPullOptions){ .path = "nothing" }, &error));
    VT_CHECK(t, error->kind == VT_ERROR_GUEST_FAILED);
    vt_error_free(error);

    vt_close(t);
    return 0;
}
