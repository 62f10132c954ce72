#!/usr/bin/env python3
"""A snapshot brings back what was."""

import virt_test


def body(test: virt_test.Test) -> None:
    vm = test.main_vm

    def names() -> list[str]:
        return [snapshot.name for snapshot in vm.list_snapshots()]

    vm.write_file("/tmp/when", "before")
    vm.save_snapshot("one")
    assert names() == ["one"]
    vm.write_file("/tmp/when", "after")
    vm.load_snapshot("one")
    assert vm.read_file("/tmp/when") == b"before"
    vm.delete_snapshot("one")
    assert names() == []


if __name__ == "__main__":
    virt_test.main(body)
