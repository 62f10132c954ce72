"""Test, machines and sessions, as coroutines. The names are those of the functions."""

from __future__ import annotations

import os
from typing import Any, AsyncIterator, Callable, Mapping, Sequence

from . import common
from .common import CommandFailed, Moved, Result
from .generated import (
    ERRORS,
    AsyncSessionMethods,
    AsyncTestMethods,
    AsyncVmMethods,
    Channel,
    Chunk,
    Event,
    Figures,
    MigrationParameters,
)
from .wire import AsyncClient, decode


class _Commands:
    """What can be done in a guest, whatever the channel."""

    client: AsyncClient

    def _own(self) -> dict[str, Any]:
        raise NotImplementedError

    async def exec(
        self,
        command: str | Sequence[str],
        *,
        input: str | bytes | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Result:
        """Runs a line of shell, or the words of a command that no shell sees. A status other than 0 is no exception."""
        parameters = common.exec_parameters(self._own(), command, input, env, timeout)
        return Result((await self.client.call(common.EXEC, parameters))["output"], raw=True)

    async def run(
        self,
        command: str | Sequence[str],
        *,
        input: str | bytes | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> str:
        """What a command writes, without the line's end; CommandFailed where its status is not 0."""
        result = await self.exec(command, input=input, env=env, timeout=timeout)
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

    async def write_file(self, guest: str, data: str | bytes, *, timeout: float | None = None) -> None:
        """Writes a file in the guest."""
        await self.client.call(common.PUSH, common.content_parameters(self._own(), guest, data, timeout))

    async def read_file(self, guest: str, *, timeout: float | None = None) -> bytes:
        """Reads a file in the guest of 8 MiB at most."""
        parameters = {**self._own(), "guest": guest, "encoding": "base64", "timeout": timeout}
        return common.content(await self.client.call(common.PULL, parameters))


class Running:
    """A command that runs: an iterable of its output. Who stops early kills it."""

    #: How it ended, once all output has been taken; what it wrote is not repeated.
    result: Result | None = None

    def __init__(self, client: AsyncClient, parameters: Mapping[str, Any]) -> None:
        self._replies = client.stream(common.EXEC, parameters)

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        async for reply, _ in self._replies:
            chunk = common.chunk(reply)
            if chunk is not None:
                yield chunk
            if reply.get("output") is not None:
                self.result = Result(reply["output"], raw=True)


class Session(_Commands, AsyncSessionMethods):
    """A session in a guest; closed at the end of an `async with` block."""

    def __init__(self, client: AsyncClient, id: str) -> None:
        super().__init__(client)
        self.id = id

    def _own(self) -> dict[str, Any]:
        return {"session": self.id}

    async def __aenter__(self) -> "Session":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class Vm(_Commands, AsyncVmMethods):
    """A machine."""

    def __init__(self, client: AsyncClient, name: str) -> None:
        super().__init__(client)
        self.name = name

    def _own(self) -> dict[str, Any]:
        return {"vm": self.name}

    async def session(self, channel: Channel | None = None, *, timeout: float | None = None) -> Session:
        """Logs in; waits for a boot in progress."""
        reply = await self.client.call(common.OPEN, {**self._own(), "channel": channel, "timeout": timeout})
        return Session(self.client, reply["session"]["id"])

    async def qmp(self, command: str, arguments: Mapping[str, Any] | None = None, *, timeout: float | None = None) -> Any:
        """What a command of QMP returns."""
        given = {**self._own(), "command": command, "arguments": arguments, "timeout": timeout}
        return (await self.client.call(common.QMP, given))["reply"].get("return")

    async def agent(self, command: str, arguments: Mapping[str, Any] | None = None, *, timeout: float | None = None) -> Any:
        """What a command of the guest agent returns."""
        given = {**self._own(), "command": command, "arguments": arguments, "timeout": timeout}
        return (await self.client.call(common.AGENT, given))["reply"].get("return")

    async def events(self, *, since: int | None = None, names: Sequence[str] | None = None) -> list[Event]:
        """Events there were."""
        reply = await self.client.call(common.EVENTS, {**self._own(), "since": since, "names": names})
        return [decode(Event, event) for event in reply["events"]]

    async def watch_events(self, *, since: int | None = None, names: Sequence[str] | None = None) -> AsyncIterator[Event]:
        """Events there were and those to come, until the machine ends."""
        async for reply, _ in self.client.stream(common.EVENTS, {**self._own(), "since": since, "names": names}):
            if reply.get("event") is not None:
                yield decode(Event, reply["event"])

    async def console(self, *, console: str | None = None) -> str:
        """What a console has said so far."""
        return str((await self.client.call(common.CONSOLE, {**self._own(), "console": console}))["text"])

    async def migrate(
        self,
        transport: str | None = None,
        *,
        progress: Callable[[Figures], object] | None = None,
        capabilities: Sequence[str] | None = None,
        parameters: MigrationParameters | Mapping[str, Any] | None = None,
        postcopy: bool | None = None,
        timeout: float | None = None,
    ) -> Moved:
        """Moves the machine to another QEMU; `progress` is called with figures meanwhile. Cancelled, the source goes on."""
        given = {
            **self._own(),
            "transport": transport,
            "capabilities": capabilities,
            "parameters": parameters,
            "postcopy": postcopy,
            "timeout": timeout,
        }
        last: dict[str, Any] = {}
        async for last, _ in self.client.stream(common.MIGRATE, given, more=progress is not None):
            if progress is not None and last.get("progress") is not None:
                progress(decode(Figures, last["progress"]))
        return Moved(last)


class Test(AsyncTestMethods):
    """The test that runs, or the session of `virt-test serve`."""

    __test__ = False  # for pytest

    def vm(self, name: str) -> Vm:
        """A machine by its name, which need not run yet."""
        return Vm(self.client, name)

    async def main_vm(self) -> Vm:
        """The machine a test with one machine uses."""
        name = (await self.info()).main_vm
        if name is None:
            raise common.Stop("error", "the configuration has no machine (hint: set vms = vm1)")
        return self.vm(name)

    async def close(self) -> None:
        """Closes the connections; machines and sessions stay."""
        await self.client.close()

    async def __aenter__(self) -> "Test":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def connect(socket: str | os.PathLike[str] | None = None) -> Test:
    """A test for `async with`: where the environment says, or at `socket`."""
    return Test(AsyncClient(socket, ERRORS))
