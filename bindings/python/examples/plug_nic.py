#!/usr/bin/env python3
"""A network card is plugged in and unplugged, and the guest sees both."""

import virt_test


def body(test: virt_test.Test) -> None:
    vm = test.main_vm

    def cards() -> int:
        return len(vm.run("ls /sys/class/net").split())

    before = cards()
    with vm.plugged(virt_test.Device(kind="nic", id="extra")):
        assert cards() == before + 1
    assert cards() == before


if __name__ == "__main__":
    virt_test.main(body)
