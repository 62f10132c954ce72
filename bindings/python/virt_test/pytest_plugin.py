"""For pytest: the fixtures `vm` and `virt_test_session`, and skips where a machine cannot be what a test needs.

Where VIRT_TEST_SOCKET is not set, `virt-test serve` is started for the whole session; `--virt-test` says how.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from typing import Any, Generator, Iterator

import pytest

from .api import Test, Vm, connect
from .wire import Error


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("virt-test").addoption(
        "--virt-test",
        metavar="COMMAND",
        default="virt-test serve",
        help="what keeps machines at hand where VIRT_TEST_SOCKET is not set [default: %(default)s]",
    )


@pytest.fixture(scope="session")
def virt_test_session(request: pytest.FixtureRequest) -> Iterator[Test]:
    """virt-test: the machines of all tests, and the test pytest itself may be."""
    if os.environ.get("VIRT_TEST_SOCKET"):
        with connect() as test:
            yield test
        return
    command = shlex.split(request.config.getoption("--virt-test"))
    try:
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    except OSError as error:
        pytest.exit(f"{command[0]} cannot be run: {error} (hint: --virt-test says how)")
    with server:
        assert server.stdout is not None
        said = server.stdout.readline().strip()
        name, _, socket = said.partition("=")
        if name != "VIRT_TEST_SOCKET":
            pytest.exit(f"{shlex.join(command)} did not come up: {said or f'status {server.wait()}'}")
        try:
            with connect(socket) as test:
                yield test
        finally:
            server.terminate()


@pytest.fixture
def vm(virt_test_session: Test) -> Vm:
    """The main machine, running; started anew where it has ended."""
    machine = virt_test_session.main_vm
    if machine.info().state != "running":
        machine.start()
    return machine


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, None]:
    outcome = yield
    error = outcome.excinfo[1] if outcome.excinfo else None
    if isinstance(error, Error) and error.verdict == "skip":
        outcome.force_exception(pytest.skip.Exception(str(error), _use_item_location=True))
