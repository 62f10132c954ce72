/* A command gets its input; its status, output and errors come back, and its output comes while it runs. */
#include <string.h>

#include <virt-test.h>

typedef struct Pieces {
    int count;
    char all[100];
} Pieces;

static bool collect(const VtChunk *chunk, void *opaque)
{
    Pieces *pieces = opaque;

    pieces->count++;
    strncat(pieces->all, chunk->data, sizeof(pieces->all) - strlen(pieces->all) - 1);
    return true;
}

int main(void)
{
    VtTest *t = vt_connect(NULL, &vt_fatal);
    VtVm *vm = vt_main_vm(t, &vt_fatal);
    VtExecOptions options = {
        .argv = (const char *[]){ "sh", "-c", "cat; echo err >&2; exit 3", NULL },
        .input = "in",
    };

    VtOutput *output = vt_vm_exec(vm, NULL, &options, &vt_fatal);
    VT_CHECK(t, output->has_status && output->status == 3);
    VT_CHECK(t, strcmp(output->out, "in") == 0);
    VT_CHECK(t, strcmp(output->err, "err\n") == 0);

    Pieces pieces = { 0 };
    vt_vm_exec_stream(vm, "for i in 1 2 3; do echo $i; sleep 0.1; done", NULL, collect, &pieces, &vt_fatal);
    VT_CHECK(t, pieces.count > 1);
    VT_CHECK(t, strcmp(pieces.all, "1\n2\n3\n") == 0);

    vt_close(t);
    return 0;
}
