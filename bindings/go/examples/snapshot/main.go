// A snapshot takes the machine back to when it was made.
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
		if _, err := vm.Exec(ctx, "echo before >/tmp/when", nil); err != nil {
			return err
		}
		if err := vm.SaveSnapshot(ctx, "one", nil); err != nil {
			return err
		}
		if found, err := names(ctx, vm); err != nil || found != "one" {
			return virttest.Failf("snapshots: %q (%v)", found, err)
		}
		if _, err := vm.Exec(ctx, "echo after >/tmp/when", nil); err != nil {
			return err
		}
		if err := vm.LoadSnapshot(ctx, "one", nil); err != nil {
			return err
		}
		when, err := vm.Exec(ctx, "cat /tmp/when", nil)
		if err != nil {
			return err
		}
		if when.Stdout != "before\n" {
			return virttest.Failf("it is %q", when.Stdout)
		}
		if err := vm.DeleteSnapshot(ctx, "one", nil); err != nil {
			return err
		}
		if found, err := names(ctx, vm); err != nil || found != "" {
			return virttest.Failf("snapshots: %q (%v)", found, err)
		}
		return nil
	})
}

func names(ctx context.Context, vm *virttest.VM) (string, error) {
	snapshots, err := vm.ListSnapshots(ctx)
	var names []string
	for _, snapshot := range snapshots {
		names = append(names, snapshot.Name)
	}
	return strings.Join(names, " "), err
}
