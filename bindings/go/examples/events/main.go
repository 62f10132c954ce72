// The monitor answers, its events come in order, and what it refuses is an error of its own kind.
package main

import (
	"context"
	"errors"

	virttest "github.com/virt-test/virt-test/bindings/go"
)

func main() {
	virttest.Main(func(ctx context.Context, t *virttest.Test) error {
		vm, err := t.MainVM(ctx)
		if err != nil {
			return err
		}
		var status struct{ Status string }
		if err := vm.QMP(ctx, "query-status", nil, &status); err != nil {
			return err
		}
		if status.Status != "running" {
			return virttest.Failf("it is %s", status.Status)
		}
		info, err := vm.Info(ctx)
		if err != nil {
			return err
		}
		since := &virttest.WaitEventOptions{Since: *info.Cursor}
		if err := vm.Pause(ctx); err != nil {
			return err
		}
		stop, err := vm.WaitEvent(ctx, "STOP", since)
		if err != nil {
			return err
		}
		if err := vm.Resume(ctx); err != nil {
			return err
		}
		resume, err := vm.WaitEvent(ctx, "RESUME", since)
		if err != nil {
			return err
		}
		if stop.Seq >= resume.Seq {
			return virttest.Failf("they came in the wrong order")
		}
		var refused *virttest.MonitorFailedError
		err = vm.QMP(ctx, "no-such-command", nil, nil)
		if !errors.As(err, &refused) || refused.Class == nil || *refused.Class != "CommandNotFound" {
			return virttest.Failf("no-such-command: %v", err)
		}
		return nil
	})
}
