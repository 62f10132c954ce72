#!/usr/bin/env python3
"""The monitor answers, tells events, and says what it does not know."""

import virt_test


def body(test: virt_test.Test) -> None:
    vm = test.main_vm
    assert vm.qmp("query-status")["status"] == "running"
    since = vm.cursor
    vm.pause()
    stop = vm.wait_event("STOP", since=since)
    vm.resume()
    resume = vm.wait_event("RESUME", since=since)
    assert stop.seq < resume.seq
    try:
        vm.qmp("no-such-command")
    except virt_test.MonitorFailed as error:
        assert error.class_ == "CommandNotFound", error
    else:
        virt_test.fail("QEMU knows no-such-command")


if __name__ == "__main__":
    virt_test.main(body)
