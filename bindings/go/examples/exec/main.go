// A command gets its input; its status, output and errors come back, and its output comes while it runs.
package main

import (
	"context"
	"strings"

	virttest "github.com/virt-test/virt-test/bindings/go"
)

func main() {
	virttest.Main(func(ctx context.Context, t *virttest.Test) error {
		vm, err := t.MainVM(ctx)
		if err != nil {
			return err
		}
		output, err := vm.Exec(ctx, "", &virttest.ExecOptions{
			Argv:  []string{"sh", "-c", "cat; echo err >&2; exit 3"},
			Input: "in",
		})
		if err != nil {
			return err
		}
		if output.Status == nil || *output.Status != 3 || output.Stdout != "in" || output.Stderr != "err\n" {
			return virttest.Failf("it ended with %+v", output)
		}
		var pieces []string
		_, err = vm.ExecStream(ctx, "for i in 1 2 3; do echo $i; sleep 0.1; done", nil, func(chunk virttest.Chunk) {
			pieces = append(pieces, chunk.Data)
		})
		if err != nil {
			return err
		}
		if len(pieces) < 2 || strings.Join(pieces, "") != "1\n2\n3\n" {
			return virttest.Failf("its output came as %q", pieces)
		}
		return nil
	})
}
