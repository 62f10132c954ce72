#!/usr/bin/env python3
"""The guest boots: it says what it is, and how long it has been up."""

import virt_test


def body(test: virt_test.Test) -> None:
    vm = test.main_vm
    assert vm.run("uname -s") == "Linux"
    uptime = float(vm.run("cat /proc/uptime").split()[0])
    assert uptime > 0, uptime


if __name__ == "__main__":
    virt_test.main(body)
