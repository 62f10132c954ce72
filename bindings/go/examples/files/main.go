// A file of any bytes goes into the guest and comes back as it was; one that is not there does not.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"

	virttest "github.com/virt-test/virt-test/bindings/go"
)

func main() {
	virttest.Main(func(ctx context.Context, t *virttest.Test) error {
		vm, err := t.MainVM(ctx)
		if err != nil {
			return err
		}
		info, err := t.Info(ctx)
		if err != nil {
			return err
		}
		there, back := filepath.Join(info.Dir, "there"), filepath.Join(info.Dir, "back")
		content := make([]byte, 100_000)
		for i := range content {
			content[i] = byte(i)
		}
		sum := sha256.Sum256(content)
		digest := hex.EncodeToString(sum[:])
		if err := os.WriteFile(there, content, 0o644); err != nil {
			return err
		}

		pushed, err := vm.Push(ctx, "/tmp/there", &virttest.PushOptions{Path: there})
		if err != nil {
			return err
		}
		inside, err := vm.Exec(ctx, "sha256sum /tmp/there", nil)
		if err != nil {
			return err
		}
		pulled, err := vm.Pull(ctx, "/tmp/there", &virttest.PullOptions{Path: back})
		if err != nil {
			return err
		}
		if pushed.SHA256 != digest || pulled.SHA256 != digest || !strings.HasPrefix(inside.Stdout, digest) {
			return virttest.Failf("%s became %s, %s and %s", digest, pushed.SHA256, inside.Stdout, pulled.SHA256)
		}
		if got, err := os.ReadFile(back); err != nil || !bytes.Equal(got, content) {
			return virttest.Failf("it came back changed: %v", err)
		}

		var refused *virttest.GuestFailedError
		_, err = vm.Pull(ctx, "/nonexistent", &virttest.PullOptions{Path: filepath.Join(info.Dir, "nothing")})
		if !errors.As(err, &refused) {
			return virttest.Failf("pulling what is not there: %v", err)
		}
		return nil
	})
}
