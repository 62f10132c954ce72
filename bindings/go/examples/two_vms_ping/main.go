// Two machines on a private network reach each other, and the network has seen it.
package main

import (
	"context"
	"os"
	"time"

	virttest "github.com/virt-test/virt-test/bindings/go"
)

// An empty recording has a header of 24 bytes.
const header = 24

func main() {
	virttest.Main(func(ctx context.Context, t *virttest.Test) error {
		one, two := t.VM("vm1"), t.VM("vm2")
		if _, err := two.Exec(ctx, "true", nil); err != nil { // it has booted
			return err
		}
		address, err := two.Address(ctx, nil)
		if err != nil {
			return err
		}
		ping, err := one.Exec(ctx, "ping -c 3 "+address, &virttest.ExecOptions{Timeout: time.Minute})
		if err != nil {
			return err
		}
		if !ping.OK() {
			return virttest.Failf("ping: %s%s", ping.Stdout, ping.Stderr)
		}
		info, err := one.Info(ctx)
		if err != nil {
			return err
		}
		network, err := t.NetworkInfo(ctx, *info.Nics[0].Network)
		if err != nil {
			return err
		}
		if network.Ports < 2 {
			return virttest.Failf("%d cards are on it", network.Ports)
		}
		if capture, err := os.Stat(network.Capture); err != nil || capture.Size() <= header {
			return virttest.Failf("no traffic was recorded (%v)", err)
		}
		return nil
	})
}
