// What the graphics card shows comes as a picture.
package main

import (
	"bytes"
	"context"
	"os"

	virttest "github.com/virt-test/virt-test/bindings/go"
)

func main() {
	virttest.Main(func(ctx context.Context, t *virttest.Test) error {
		vm, err := t.MainVM(ctx)
		if err != nil {
			return err
		}
		dump, err := vm.Screendump(ctx, nil)
		if err != nil {
			return err
		}
		picture, err := os.ReadFile(dump.File)
		if err != nil {
			return err
		}
		if !bytes.HasPrefix(picture, []byte("P6")) && !bytes.HasPrefix(picture, []byte("\x89PNG")) {
			return virttest.Failf("%s is no picture", dump.File)
		}
		if dump.Width <= 0 || dump.Height <= 0 {
			return virttest.Failf("it is %d by %d", dump.Width, dump.Height)
		}
		return nil
	})
}
