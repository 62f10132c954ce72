// The guest sees a network card that is plugged in, and does not when it is unplugged.
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
		before, err := cards(ctx, vm)
		if err != nil {
			return err
		}
		device := virttest.Device{Kind: virttest.DeviceKindNic, ID: virttest.Some("extra")}
		if _, err := vm.Plug(ctx, device, &virttest.PlugOptions{Guest: true}); err != nil {
			return err
		}
		if now, err := cards(ctx, vm); err != nil || now != before+1 {
			return virttest.Failf("%d cards, and after plugging %d (%v)", before, now, err)
		}
		if _, err := vm.Unplug(ctx, "extra", &virttest.UnplugOptions{Guest: true}); err != nil {
			return err
		}
		if now, err := cards(ctx, vm); err != nil || now != before {
			return virttest.Failf("%d cards, and after unplugging %d (%v)", before, now, err)
		}
		return nil
	})
}

func cards(ctx context.Context, vm *virttest.VM) (int, error) {
	output, err := vm.Exec(ctx, "ls /sys/class/net | wc -l", nil)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(output.Stdout))
}
