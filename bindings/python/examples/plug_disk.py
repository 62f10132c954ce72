#!/usr/bin/env python3
"""A disk is plugged in, keeps what is written to it, and is gone when unplugged."""

import virt_test

SIZE = 64 << 20


def body(test: virt_test.Test) -> None:
    vm = test.main_vm
    with vm.plugged(virt_test.Device(kind="disk", size=SIZE, serial="spare")):
        name = vm.run("grep -l spare /sys/block/*/serial").split("/")[3]
        assert int(vm.run(f"cat /sys/block/{name}/size")) == SIZE // 512
        vm.run(f"echo word | dd of=/dev/{name} bs=512 conv=sync; sync; echo 3 > /proc/sys/vm/drop_caches")
        assert vm.run(f"head -c 4 /dev/{name}") == "word"
    assert not vm.exec(["test", "-e", f"/sys/block/{name}"]).ok


if __name__ == "__main__":
    virt_test.main(body)
