"""Test, machines and sessions, as functions that wait."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any, Callable, Iterator, Mapping, Sequence

from . import common
from .common import CommandFailed, Moved, Result
from .generated import (
    ERRORS,
    Channel,
    Chunk,
    Device,
    Event,
    Figures,
    MigrationParameters,
    Plugged,
    SessionMethods,
    TestMethods,
    VmMethods,
)
from .wire import Client, decode


class _Commands:
    """What can be done in a guest, whatever the channel."""

    client: Client

    def _own(self) -> dict[str, Any]:
        raise NotImplementedError

    def exec(
        self,
        command: str | Sequence[str],
        *,
        input: str | bytes | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Result:
        """Runs a line of shell, or the words of a command that no shell sees. A status other than 0 is no exception."""
        parameters = common.exec_parameters(self._own(), command, input, env, timeout)
        return Result(self.client.call(common.EXEC, parameters)["output"], raw=True)

    def run(
        self,
        command: str | Sequence[str],
        *,
        input: str | bytes | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> str:
        """What a command writes, without the line's end; CommandFailed where its status is not 0."""
        result = self.exec(command, input=input, env=env, timeout=timeout)
        if not result.ok:
            raise CommandFailed(command, result)
        return result.stdout.rstrip("\n")

    def stream(
        self,
        command: str | Sequence[str],
        *,
        input: str | bytes | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> "Running":
        """Runs a command, to be iterated over for its output as it comes."""
        return Running(self.client, common.exec_parameters(self._own(), command, input, env, timeout))

    def write_file(self, guest: str, data: str | bytes, *, timeout: float | None = None) -> None:
        """Writes a file in the guest."""
        self.client.call(common.PUSH, common.content_parameters(self._own(), guest, data, timeout))

    def read_file(self, guest: str, *, timeout: float | None = None) -> bytes:
        """Reads a file in the guest of 8 MiB at most."""
        parameters = {**self._own(), "guest": guest, "encoding": "base64", "timeout": timeout}
        return common.content(self.client.call(common.PULL, parameters))


class Running:
    """A command that runs: an iterable of its output. Who stops early kills it."""

    #: How it ended, once all output has been taken; what it wrote is not repeated.
    result: Result | None = None

    def __init__(self, client: Client, parameters: Mapping[str, Any]) -> None:
        self._replies = client.stream(common.EXEC, parameters)

    def __iter__(self) -> Iterator[Chunk]:
        for reply, _ in self._replies:
            chunk = common.chunk(reply)
            if chunk is not None:
                yield chunk
            if reply.get("output") is not None:
                self.result = Result(reply["output"], raw=True)


class Session(_Commands, SessionMethods):
    """A session in a guest; closed at the end of a `with` block."""

    def __init__(self, client: Client, id: str) -> None:
        super().__init__(client)
        self.id = id

    def _own(self) -> dict[str, Any]:
        return {"session": self.id}

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Vm(_Commands, VmMethods):
    """A machine."""

    def __init__(self, client: Client, name: str) -> None:
        super().__init__(client)
        self.name = name

    def __repr__(self) -> str:
        return f"<Vm {self.name}>"

    def _own(self) -> dict[str, Any]:
        return {"vm": self.name}

    def session(self, channel: Channel | None = None, *, timeout: float | None = None) -> Session:
        """Logs in; waits for a boot in progress."""
        reply = self.client.call(common.OPEN, {**self._own(), "channel": channel, "timeout": timeout})
        return Session(self.client, reply["session"]["id"])

    def qmp(self, command: str, arguments: Mapping[str, Any] | None = None, *, timeout: float | None = None) -> Any:
        """What a command of QMP returns."""
        reply = self.client.call(common.QMP, {**self._own(), "command": command, "arguments": arguments, "timeout": timeout})
        return reply["reply"].get("return")

    def agent(self, command: str, arguments: Mapping[str, Any] | None = None, *, timeout: float | None = None) -> Any:
        """What a command of the guest agent returns."""
        reply = self.client.call(common.AGENT, {**self._own(), "command": command, "arguments": arguments, "timeout": timeout})
        return reply["reply"].get("return")

    @property
    def cursor(self) -> int:
        """Number of the next event, to wait from."""
        return self.info().cursor or 0

    def events(self, *, since: int | None = None, names: Sequence[str] | None = None) -> list[Event]:
        """Events there were."""
        reply = self.client.call(common.EVENTS, {**self._own(), "since": since, "names": names})
        return [decode(Event, event) for event in reply["events"]]

    def watch_events(self, *, since: int | None = None, names: Sequence[str] | None = None) -> Iterator[Event]:
        """Events there were and those to come, until the machine ends."""
        for reply, _ in self.client.stream(common.EVENTS, {**self._own(), "since": since, "names": names}):
            if reply.get("event") is not None:
                yield decode(Event, reply["event"])

    def console(self, *, console: str | None = None) -> str:
        """What a console has said so far."""
        return str(self.client.call(common.CONSOLE, {**self._own(), "console": console})["text"])

    def follow_console(self, *, console: str | None = None, from_now: bool = False) -> Iterator[str]:
        """What a console says, as it comes, until the machine ends."""
        for reply, _ in self.client.stream(common.CONSOLE, {**self._own(), "console": console, "from_now": from_now}):
            if reply["text"]:
                yield reply["text"]

    def migrate(
        self,
        transport: str | None = None,
        *,
        progress: Callable[[Figures], object] | None = None,
        capabilities: Sequence[str] | None = None,
        parameters: MigrationParameters | Mapping[str, Any] | None = None,
        postcopy: bool | None = None,
        timeout: float | None = None,
    ) -> Moved:
        """Moves the machine to another QEMU; `progress` is called with figures meanwhile."""
        given = {
            **self._own(),
            "transport": transport,
            "capabilities": capabilities,
            "parameters": parameters,
            "postcopy": postcopy,
            "timeout": timeout,
        }
        last: dict[str, Any] = {}
        for last, _ in self.client.stream(common.MIGRATE, given, more=progress is not None):
            if progress is not None and last.get("progress") is not None:
                progress(decode(Figures, last["progress"]))
        return Moved(last)

    @contextlib.contextmanager
    def plugged(self, device: Device, *, guest: bool = True, timeout: float | None = None) -> Iterator[Plugged]:
        """A device that is there for the length of a `with` block."""
        plugged = self.plug(device, guest=guest, timeout=timeout)
        yield plugged
        self.unplug(plugged.id, guest=guest, timeout=timeout)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Stands still for the length of a `with` block."""
        self.pause()
        try:
            yield
        finally:
            self.resume()


class Test(TestMethods):
    """The test that runs, or the session of `virt-test serve`."""

    __test__ = False  # for pytest

    def vm(self, name: str) -> Vm:
        """A machine by its name, which need not run yet."""
        return Vm(self.client, name)

    @property
    def main_vm(self) -> Vm:
        """The machine a test with one machine uses."""
        name = self.info().main_vm
        if name is None:
            raise common.Stop("error", "the configuration has no machine (hint: set vms = vm1)")
        return self.vm(name)

    def conclude(self, verdict: str, reason: str) -> None:
        """The test ends with this verdict, whatever status its program exits with."""
        if verdict in ("skip", "fail", "error"):
            self.client.call(common.VERDICT + verdict.capitalize(), {"reason": reason})

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        """A part of the test, whose result is told at the end of the `with` block. One that fails does not end the test."""
        error: Exception | None = None
        try:
            yield
        except Exception as thrown:
            error = thrown
        verdict, reason = common.judge(error)
        self.subtest(name, verdict, reason=reason or None)  # type: ignore[arg-type]

    def close(self) -> None:
        """Closes the connections; machines and sessions stay."""
        self.client.close()

    def __enter__(self) -> "Test":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def connect(socket: str | os.PathLike[str] | None = None) -> Test:
    """Connects to virt-test: where the environment says, or to `socket`."""
    return Test(Client(socket, ERRORS))


def main(body: Callable[[Test], object]) -> None:
    """A whole test: connects, runs `body`, and exits. What `body` raises is the verdict."""
    error: Exception | None = None
    try:
        test = connect()
    except OSError as refused:
        sys.exit(f"error: {refused}")
    with test:
        try:
            body(test)
        except Exception as thrown:
            error = thrown
        verdict, reason = common.judge(error)
        if verdict == "pass":
            return
        common.tell(error, verdict, reason)
        test.conclude(verdict, reason)
    sys.exit(0 if verdict == "skip" else 1)
