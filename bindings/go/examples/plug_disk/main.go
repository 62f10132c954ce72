// A disk that is plugged in has its size and keeps what is written to it; unplugged it is gone.
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
		disk := virttest.Device{
			Kind:   virttest.DeviceKindDisk,
			Size:   virttest.Some[int64](64 << 20),
			Serial: virttest.Some("spare"),
		}
		plugged, err := vm.Plug(ctx, disk, &virttest.PlugOptions{Guest: true})
		if err != nil {
			return err
		}
		dir, err := run(ctx, vm, "dirname $(grep -l '^spare$' /sys/block/*/serial)")
		if err != nil {
			return err
		}
		device := strings.Replace(dir, "/sys/block", "/dev", 1)
		if size, err := run(ctx, vm, "cat "+dir+"/size"); err != nil || size != "131072" {
			return virttest.Failf("it has %s sectors (%v)", size, err)
		}
		if _, err := run(ctx, vm, "printf word >"+device+" && sync"); err != nil {
			return err
		}
		if word, err := run(ctx, vm, "head -c 4 "+device); err != nil || word != "word" {
			return virttest.Failf("the word has become %q (%v)", word, err)
		}
		if _, err := vm.Unplug(ctx, plugged.ID, &virttest.UnplugOptions{Guest: true}); err != nil {
			return err
		}
		if _, err := run(ctx, vm, "test ! -e "+dir); err != nil {
			return virttest.Failf("the guest still has it: %v", err)
		}
		return nil
	})
}

// run gives the output of a command that has to succeed.
func run(ctx context.Context, vm *virttest.VM, command string) (string, error) {
	output, err := vm.Exec(ctx, command, nil)
	if err == nil && !output.OK() {
		err = virttest.Failf("%s: %s", command, output.Stderr)
	}
	return strings.TrimSpace(output.Stdout), err
}
