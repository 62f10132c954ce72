// The guest boots, and knows what it is.
package main

import (
	"context"
	"strconv"
	"strings"

	virttest "github.com/virt-test/virt-test/bindings/go"
)

func main() {
	virttest.Main(func(ctx context.Context, t *virttest.Test) error {
		vm, err := t.MainVM(ctx)
		if err != nil {
			return err
		}
		kernel, err := vm.Exec(ctx, "uname -s", nil)
		if err != nil {
			return err
		}
		if kernel.Stdout != "Linux\n" {
			return virttest.Failf("this is no Linux: %q", kernel.Stdout)
		}
		uptime, err := vm.Exec(ctx, "cat /proc/uptime", nil)
		if err != nil {
			return err
		}
		first, _, _ := strings.Cut(uptime.Stdout, " ")
		if seconds, err := strconv.ParseFloat(first, 64); err != nil || seconds <= 0 {
			return virttest.Failf("/proc/uptime says %q", uptime.Stdout)
		}
		return nil
	})
}
