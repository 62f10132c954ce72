#!/usr/bin/env python3
"""A machine goes to another QEMU with all it has in memory, and tells how it fares."""

import virt_test


def body(test: virt_test.Test) -> None:
    vm = test.main_vm
    vm.write_file("/tmp/word", "kept")
    before = vm.info().pid
    seen: list[str] = []
    moved = vm.migrate("unix", progress=lambda figures: seen.append(figures.status))
    assert seen, "no progress was told"
    assert moved.figures.status == "completed", moved.figures
    assert vm.info().pid != before
    assert vm.read_file("/tmp/word") == b"kept"


if __name__ == "__main__":
    virt_test.main(body)
