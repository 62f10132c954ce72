// A machine migrates to another QEMU, and its guest has not forgotten anything.
package main

import (
	"context"

	virttest "github.com/virt-test/virt-test/bindings/go"
)

func main() {
	virttest.Main(func(ctx context.Context, t *virttest.Test) error {
		vm, err := t.MainVM(ctx)
		if err != nil {
			return err
		}
		if _, err := vm.Exec(ctx, "echo word >/tmp/word", nil); err != nil {
			return err
		}
		before, err := vm.Info(ctx)
		if err != nil {
			return err
		}
		progress := 0
		options := &virttest.MigrateOptions{Transport: "unix"}
		migrated, err := vm.Migrate(ctx, options, func(virttest.Figures) { progress++ })
		if err != nil {
			return err
		}
		if progress == 0 || migrated.Figures.Status != "completed" {
			return virttest.Failf("%d replies of progress, and the end %s", progress, migrated.Figures.Status)
		}
		after, err := vm.Info(ctx)
		if err != nil {
			return err
		}
		if *after.PID == *before.PID {
			return virttest.Failf("QEMU is the same")
		}
		word, err := vm.Exec(ctx, "cat /tmp/word", nil)
		if err != nil {
			return err
		}
		if word.Stdout != "word\n" {
			return virttest.Failf("the word has become %q", word.Stdout)
		}
		return nil
	})
}
