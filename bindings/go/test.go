// Package virttest lets a Go program test virtual machines with virt-test.
//
// A test is a program:
//
//	func main() {
//		virttest.Main(func(ctx context.Context, t *virttest.Test) error {
//			vm, err := t.MainVM(ctx)
//			if err != nil {
//				return err
//			}
//			output, err := vm.Exec(ctx, "uname -r", nil)
//			if err != nil {
//				return err
//			}
//			if output.Stdout == "" {
//				return virttest.Failf("the guest does not know its kernel")
//			}
//			return nil
//		})
//	}
//
// It finds virt-test by the environment variable VIRT_TEST_SOCKET, which virt-test sets for its tests, and `virt-test serve` for others.
// Everything may be used by several goroutines at once. A context that ends cancels what was asked for: the command in the guest is
// killed, the migration is called off.
package virttest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Test is the test that runs, or the session of `virt-test serve`.
type Test struct {
	client *client
}

// Connect finds virt-test by the environment.
func Connect(ctx context.Context) (*Test, error) {
	socket, err := address()
	if err != nil {
		return nil, err
	}
	return ConnectTo(ctx, socket)
}

// ConnectTo finds virt-test at a socket.
func ConnectTo(ctx context.Context, socket string) (*Test, error) {
	client := &client{socket: socket}
	conn, err := client.take(ctx)
	if err != nil {
		return nil, err
	}
	client.giveBack(conn)
	return &Test{client}, nil
}

// Close hangs up. Machines and sessions stay as they are.
func (t *Test) Close() error {
	t.client.close()
	return nil
}

// VM is the machine of a name. Nothing is asked of virt-test yet.
func (t *Test) VM(name string) *VM { return &VM{t, name} }

// MainVM is the machine that a test with one machine uses.
func (t *Test) MainVM(ctx context.Context) (*VM, error) {
	info, err := t.Info(ctx)
	if err != nil {
		return nil, err
	}
	if info.MainVM == nil {
		return nil, Errorf("the configuration has no machine (hint: set vms and main_vm)")
	}
	return t.VM(*info.MainVM), nil
}

// Skip sets the verdict SKIP; the program should then end. The first verdict counts.
func (t *Test) Skip(ctx context.Context, reason string) error { return t.rawSkip(ctx, reason) }

// Fail sets the verdict FAIL; the program should then end.
func (t *Test) Fail(ctx context.Context, reason string) error { return t.rawFail(ctx, reason) }

// Error sets the verdict ERROR; the program should then end.
func (t *Test) Error(ctx context.Context, reason string) error { return t.rawError(ctx, reason) }

// Run does a part of the test and reports how that went, and whether it passed. If it failed, so will the test in the end.
func (t *Test) Run(ctx context.Context, name string, part func(context.Context) error) bool {
	result := part(ctx)
	verdict, reason := judge(result)
	err := t.Subtest(ctx, name, verdict, &SubtestOptions{Reason: reason})
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v; its result could not be reported: %v\n", name, verdict, err)
		return false
	}
	return result == nil
}

// judge says what verdict an error stands for.
func judge(err error) (Verdict, string) {
	var stop *Stop
	var refused *CallError
	switch {
	case err == nil:
		return VerdictPass, ""
	case errors.As(err, &stop):
		return stop.Verdict, err.Error()
	case errors.As(err, &refused):
		return refused.Verdict, err.Error()
	default:
		return VerdictFail, err.Error()
	}
}

// conclude tells virt-test the verdict an error stands for, and the user what it was. It returns the exit status.
func (t *Test) conclude(err error) int {
	verdict, reason := judge(err)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var untold error
	status := 1
	switch verdict {
	case VerdictPass, VerdictWarn:
		return 0
	case VerdictSkip:
		status = 0
		untold = t.Skip(ctx, reason)
	case VerdictError:
		untold = t.Error(ctx, reason)
	default:
		untold = t.Fail(ctx, reason)
	}
	fmt.Fprintf(os.Stderr, "%s: %s\n", verdict, reason)
	var refused *CallError
	if errors.As(err, &refused) && refused.LastWords != "" {
		fmt.Fprintln(os.Stderr, refused.LastWords)
	}
	if untold != nil {
		fmt.Fprintln(os.Stderr, untold)
		return 1
	}
	return status
}

// Main is a whole test: it connects, runs test, and ends the program. An error that test returns is the verdict: that of Skipf, Failf and
// Errorf, that which virt-test gave the error, or FAIL. The context ends when the test is out of time or interrupted.
func Main(test func(ctx context.Context, t *Test) error) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	t, err := Connect(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := t.conclude(test(ctx, t))
	t.Close()
	stop()
	os.Exit(status)
}

// TB is what ForTest needs of a *testing.T.
type TB interface {
	Helper()
	Cleanup(func())
	Fatal(arguments ...any)
}

// ForTest connects for a test of `go test`, and hangs up at its end.
func ForTest(tb TB) *Test {
	tb.Helper()
	t, err := Connect(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { t.Close() })
	return t
}
