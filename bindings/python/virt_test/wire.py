"""The wire: JSON messages that end with NUL, over a Unix socket, one call at a time on each connection."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import json
import keyword
import os
import socket
import threading
import types
import typing
from typing import Any, AsyncIterator, Callable, Iterator, Mapping

_PIECE = 1 << 16
_LONGEST = 16 << 20


class Error(Exception):
    """What every error of virt-test has; further members are those of its kind."""

    message: str
    hint: str | None
    where: str | None
    #: What a test ends with that meets it and knows nothing better: fail, error or skip.
    verdict: str
    #: The last that was heard of guest, firmware, monitor and QEMU.
    last_words: str | None

    def __init__(self, code: str, parameters: Mapping[str, Any]) -> None:
        self.code = code
        self.message = parameters.get("message") or f"{code} {json.dumps(dict(parameters))}"
        self.hint = parameters.get("hint")
        self.where = parameters.get("where")
        self.verdict = parameters.get("verdict", "error")
        self.last_words = parameters.get("last_words")
        given = {f"{name}_" if keyword.iskeyword(name) else name: value for name, value in parameters.items()}
        for name in typing.get_type_hints(type(self)).keys() | given.keys():
            if not hasattr(self, name):
                setattr(self, name, given.get(name))
        super().__init__(code, parameters)

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message} (hint: {self.hint})"


class HungUp(ConnectionError):
    """virt-test is not there, or no longer."""


def address(path: str | os.PathLike[str] | None) -> str:
    """Where virt-test listens."""
    found = os.environ.get("VIRT_TEST_SOCKET") if path is None else os.fspath(path)
    if not found:
        raise HungUp(
            "VIRT_TEST_SOCKET is not set: run this as a test of virt-test, or by `virt-test serve -- COMMAND`"
        )
    return found.removeprefix("unix:")


def encode(value: Any) -> Any:
    """A value as JSON has it; what is absent is left out."""
    if dataclasses.is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: encode(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value


def decode(kind: Any, value: Any) -> Any:
    """JSON as a value of a type. Members that are not known are passed over: they belong to a later version."""
    decoder = None if value is None or kind is None else _decoder(kind)
    return value if decoder is None else decoder(value)


@functools.cache
def _decoder(kind: Any) -> Callable[[Any], Any] | None:
    """What makes JSON a value of a type; nothing where it is one already."""
    origin = typing.get_origin(kind)
    if origin is types.UnionType or origin is typing.Union:
        (inner,) = (item for item in typing.get_args(kind) if item is not type(None))
        return functools.partial(decode, inner) if _decoder(inner) else None
    if origin is list:
        (inner,) = typing.get_args(kind)
        return (lambda value: [decode(inner, item) for item in value]) if _decoder(inner) else None
    if kind is float:
        return float
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        members = [(name, _decoder(hint)) for name, hint in typing.get_type_hints(kind).items()]

        def build(value: Any) -> Any:
            given = {}
            for name, decoder in members:
                if name in value:
                    item = value[name]
                    given[name] = item if decoder is None or item is None else decoder(item)
            return kind(**given)

        return build
    return None


def _request(method: str, parameters: Mapping[str, Any], more: bool, oneway: bool) -> bytes:
    request: dict[str, Any] = {"method": method, "parameters": encode(parameters)}
    if more:
        request["more"] = True
    if oneway:
        request["oneway"] = True
    return json.dumps(request, separators=(",", ":")).encode() + b"\0"


class _Answers:
    """Takes answers out of what is received."""

    def __init__(self, errors: Mapping[str, type[Error]]) -> None:
        self._errors = errors
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        if not data:
            raise HungUp("virt-test has hung up")
        self._buffer += data
        if len(self._buffer) > _LONGEST and b"\0" not in self._buffer:
            raise HungUp("virt-test answers more than 16 MiB")

    def next(self) -> tuple[dict[str, Any], bool] | None:
        """Parameters, and whether more follow; nothing where no whole answer has come."""
        end = self._buffer.find(b"\0")
        if end < 0:
            return None
        answer = json.loads(self._buffer[:end])
        del self._buffer[: end + 1]
        parameters = answer.get("parameters") or {}
        code = answer.get("error")
        if code is not None:
            raise self._errors.get(code, Error)(code, parameters)
        return parameters, bool(answer.get("continues"))


class Client:
    """Keeps as many connections as there are calls at once. Any thread may call."""

    def __init__(self, path: str | os.PathLike[str] | None, errors: Mapping[str, type[Error]]) -> None:
        self._path = address(path)
        self._errors = errors
        self._idle: list[socket.socket] = []
        self._lock = threading.Lock()
        self._closed = False
        self._give_back(self._connect())

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(self._path)
        except OSError as error:
            connection.close()
            raise HungUp(f"virt-test does not answer at {self._path} (is it still running?): {error}") from error
        return connection

    def _take(self) -> socket.socket:
        with self._lock:
            if self._closed:
                raise HungUp("the test has been closed")
            if self._idle:
                return self._idle.pop()
        return self._connect()

    def _give_back(self, connection: socket.socket) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Closes all connections that rest; others when their calls are over."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def call(self, method: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Calls and waits for the reply."""
        connection = self._take()
        whole = False
        try:
            answers = _Answers(self._errors)
            connection.sendall(_request(method, parameters, False, False))
            while True:
                answers.feed(connection.recv(_PIECE))
                answer = answers.next()
                if answer is not None:
                    whole = True
                    return answer[0]
        except Error:
            whole = True
            raise
        except (BrokenPipeError, ConnectionResetError) as error:
            raise HungUp("virt-test has hung up") from error
        finally:
            if whole:
                self._give_back(connection)
            else:
                connection.close()

    def send(self, method: str, parameters: Mapping[str, Any]) -> None:
        """Calls and wants no reply."""
        connection = self._take()
        connection.sendall(_request(method, parameters, False, True))
        self._give_back(connection)

    def stream(
        self, method: str, parameters: Mapping[str, Any], *, more: bool = True
    ) -> Iterator[tuple[dict[str, Any], bool]]:
        """The replies, and whether more follow. Who stops before the last cancels the call."""
        connection = self._take()
        whole = False
        try:
            answers = _Answers(self._errors)
            connection.sendall(_request(method, parameters, more, False))
            continues = True
            while continues:
                answer = answers.next()
                if answer is None:
                    answers.feed(connection.recv(_PIECE))
                    continue
                reply, continues = answer
                whole = not continues
                if whole:
                    # Whoever takes the last reply need not come back for more.
                    self._give_back(connection)
                yield reply, continues
        except Error:
            whole = True
            self._give_back(connection)
            raise
        except (BrokenPipeError, ConnectionResetError) as error:
            raise HungUp("virt-test has hung up") from error
        finally:
            if not whole:
                connection.close()


class AsyncClient:
    """The same for asyncio."""

    def __init__(self, path: str | os.PathLike[str] | None, errors: Mapping[str, type[Error]]) -> None:
        self._path = address(path)
        self._errors = errors
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._closed = False

    async def _take(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._closed:
            raise HungUp("the test has been closed")
        if self._idle:
            return self._idle.pop()
        try:
            return await asyncio.open_unix_connection(self._path)
        except OSError as error:
            raise HungUp(f"virt-test does not answer at {self._path} (is it still running?): {error}") from error

    def _give_back(self, connection: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
        if self._closed:
            connection[1].close()
        else:
            self._idle.append(connection)

    async def close(self) -> None:
        """Closes all connections that rest; others when their calls are over."""
        self._closed = True
        idle, self._idle = self._idle, []
        for _, writer in idle:
            writer.close()
        for _, writer in idle:
            await writer.wait_closed()

    async def call(self, method: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Calls and waits for the reply. Cancelled, it cancels the call."""
        async for reply, _ in self.stream(method, parameters, more=False):
            return reply
        raise HungUp("virt-test has hung up")

    async def stream(
        self, method: str, parameters: Mapping[str, Any], *, more: bool = True
    ) -> AsyncIterator[tuple[dict[str, Any], bool]]:
        """The replies, and whether more follow. Who stops before the last cancels the call."""
        connection = await self._take()
        reader, writer = connection
        whole = False
        try:
            answers = _Answers(self._errors)
            writer.write(_request(method, parameters, more, False))
            await writer.drain()
            continues = True
            while continues:
                answer = answers.next()
                if answer is None:
                    answers.feed(await reader.read(_PIECE))
                    continue
                reply, continues = answer
                whole = not continues
                if whole:
                    self._give_back(connection)
                yield reply, continues
        except Error:
            whole = True
            self._give_back(connection)
            raise
        except (BrokenPipeError, ConnectionResetError) as error:
            raise HungUp("virt-test has hung up") from error
        finally:
            if not whole:
                writer.close()


class Caller:
    """What has methods."""

    name: str
    id: str

    def __init__(self, client: Client) -> None:
        self.client = client

    def _call(self, method: str, parameters: Mapping[str, Any], member: str | None, kind: Any) -> Any:
        reply = self.client.call(method, parameters)
        return decode(kind, reply if member is None else reply.get(member))


class AsyncCaller:
    """What has methods that are coroutines."""

    name: str
    id: str

    def __init__(self, client: AsyncClient) -> None:
        self.client = client

    async def _call(self, method: str, parameters: Mapping[str, Any], member: str | None, kind: Any) -> Any:
        reply = await self.client.call(method, parameters)
        return decode(kind, reply if member is None else reply.get(member))
