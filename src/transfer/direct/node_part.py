"""The node's share of a direct transfer: it moves files between this host and an object store.

The control host sends this program over standard input, in front of what it has to say; nothing of it is written here. It
needs Python 3.6 and its standard library, and `lzop` where something is compressed. It holds no credentials: each request
to the store comes signed from the control host, which also decides what is sent again and whether what was found is right.

Both sides speak in lines of JSON, the protocol's version is 1. The control host begins (`>`), and is answered; with another
version the program ends with status 64.

    > {"version": 1, "rate": bytes per second or null, "memory": bytes, "authorities": PEM or null}
      {"version": 1, "python": "3.11.2"}
      {"unit": 0, "alive": true}

The last one comes every minute, whatever else is said: a large object on a slow line is silence, and so is a host that hangs.

A unit of work has a number. Its items are numbered from 0 (files) or from 1 (parts of one file).

    > {"unit": 7, "upload": [{"path": p, "below": k, "bytes": n, "lzo": true}, ...], "part": bytes or null, "sha256": true}
      {"unit": 7, "ready": i, "bytes": n, "crc": c, "last": true, "plain": n, "plain_crc": c, "sha256": "..."}
    > {"unit": 7, "send": i, "url": u, "headers": {...}}
      {"unit": 7, "sent": i, "status": 200, "etag": "...", "said": "", "trusted": true}

An item is `ready` when its bytes are at hand, and may be sent several times, one after the other. With `part` the only file
is cut into parts of that size; the last one is ready only when everything before it ended well. Without, each file is an
item, and may be a `text` in the place of a `path`; the last `below` names of a path must not be those of links. `crc` is
the CRC-32 of what is sent; with `lzo` the last item has the sums of the plain bytes too. Where `sha256` is asked for, the last
item has that of all that is sent of the file. `status` is 0 where no answer came that is of use, `said` what the store or the
system said of it, `trusted` false where the store's certificate is not.

    > {"unit": 8, "download": [{"path": p, "bytes": stored, "plain": n, "lzo": true, "turned": false, "sha256": true}, ...],
       "alone": true, "landing": {"directory": d, "identity": "device:inode", "incoming": name} or null}
      {"unit": 8, "begin": true}
    > {"unit": 8, "send": i, "url": u, "headers": {...}}
      {"unit": 8, "got": i, "status": 200, "bytes": n, "crc": c, "sha256": "...", "said": "", "trusted": true}
      {"unit": 8, "written": i, "plain": n, "plain_crc": c}
    > {"unit": 8, "place": true}

With `alone` the only object passes as a stream, and goes on where it broke off when it is sent for again; `bytes` is how
far it is. Without, all are held in memory until the last one is there. `turned` asks for the CRC-32 of the object's
bytes with the bits of each turned round, which is what the POSIX `cksum` is made of, `sha256` for that of the bytes. Paths are
below the landing's directory, which must be the one of that device and inode, and what is fetched lies below `incoming` there
until the control host has held it against the manifest: then all of it is given its own name. Without a landing nothing is
written.

      {"unit": 7, "done": true}
      {"unit": 7, "failed": kind, "item": i or null, "said": "..."}
    > {"unit": 7, "give_up": true}

Kinds of failure: `read`, `write` (what the system said), `size` (of a file: another than was promised), `plain` (size of what
an object holds), `lzop` (it failed, or what it was given or gave is no container), `killed` (lzop was). A unit that failed, or
is given up, is `done` when nothing of it is left: no request under way, no child, no file open. The end of standard input
ends the program, at once.
"""

import base64
import collections
import contextlib
import fcntl
import hashlib
import http.client
import io
import json
import os
import queue
import socket
import stat
import struct
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
import zlib
from typing import IO, Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple, Union, cast

VERSION = 1
CHUNK = 1 << 20
# One call of `sendall` has the whole of a socket's patience, so a slow line wants small pieces.
PIECE = 1 << 18
# A body up to this size travels with its head.
SMALL = 1 << 16
CONNECT_SECONDS = 20
ALIVE_SECONDS = 60
SILENT_SECONDS = 60
# Requests for small files that are under way at once; beyond, processors and not the line are what is short.
REQUESTS = 16
# Parts of one file that wait for their answers while the next one is filled.
PARTS_AHEAD = 3
# F_SETPIPE_SZ of Linux, which the module has only from 3.10 on.
SET_PIPE_SIZE = 1031
TURN = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))

Message = Dict[str, Any]
Bytes = Union[bytes, bytearray, memoryview]


class Failure(Exception):
    """Why a unit cannot go on: what kind of failure, and what was said of it."""

    def __init__(self, kind: str, said: str, item: Optional[int] = None) -> None:
        super().__init__(said)
        self.kind = kind
        self.item = item


@contextlib.contextmanager
def failing(kind: str, path: str, item: Optional[int] = None) -> Iterator[None]:
    """What the system says in there, or Python of a name that is none, is a failure of this kind."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise Failure(kind, f"{printable(path)}: {getattr(error, 'strerror', None) or error}", item) from error


class NotTrusted(OSError):
    """The store's certificate is for another name."""


class NoWay(OSError):
    """The environment names a proxy that cannot be used."""


class GivenUp(Exception):
    """The control host wants no more of a unit."""


class Sum:
    """Number and CRC-32 of bytes that pass, and their SHA-256 where that is wanted."""

    def __init__(self, turned: bool = False, sha256: bool = False) -> None:
        self.bytes = 0
        self.crc = 0
        self._turned = turned
        self._sha256 = hashlib.sha256() if sha256 else None

    def add(self, data: Bytes) -> None:
        self.bytes += len(data)
        self.crc = zlib.crc32(bytes(data).translate(TURN) if self._turned else data, self.crc)
        if self._sha256 is not None:
            self._sha256.update(data)

    def sha256(self) -> Message:
        """What is to be told of it."""
        return {} if self._sha256 is None else {"sha256": self._sha256.hexdigest()}


class Pace:
    """How fast all streams of this host together may be: whoever takes bytes waits for those that were taken before."""

    CATCH_UP_SECONDS = 0.1

    def __init__(self, bytes_per_second: Optional[float]) -> None:
        self._rate = bytes_per_second
        self._free_at = 0.0
        self._lock = threading.Lock()
        # A slow stream takes little at a time, so that it goes on evenly.
        limit = CHUNK if bytes_per_second is None else max(4096, int(bytes_per_second / 20))
        self.piece = min(PIECE, limit)
        self.most = min(CHUNK, limit)

    def take(self, count: int) -> None:
        if self._rate is None:
            return
        with self._lock:
            now = time.monotonic()
            turn = max(now - self.CATCH_UP_SECONDS, self._free_at)
            self._free_at = turn + count / self._rate
        if turn > now:
            time.sleep(turn - now)


class Memory:
    """
    What all units may hold at once. Buffers are used again: fresh pages cost more than what is written into them. Those that
    are kept for it count too.
    """

    KEPT = 8

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0
        self._changed = threading.Condition()
        self._kept = []  # type: List[bytearray]
        self._turns = []  # type: List[object]

    def take(self, count: int, stopped: Callable[[], bool]) -> None:
        """Waits until there is room; what is larger than the limit has it for itself."""
        with self._changed:
            self._take(count, stopped)
            self._leave_room()

    def give(self, count: int) -> None:
        with self._changed:
            self._used -= count
            self._changed.notify_all()

    def buffer(self, size: int, stopped: Callable[[], bool]) -> bytearray:
        with self._changed:
            self._take(size, stopped)
            for index, buffer in enumerate(self._kept):
                if len(buffer) == size:
                    return self._kept.pop(index)
            self._leave_room()
        return bytearray(size)

    def give_buffer(self, buffer: bytearray) -> None:
        with self._changed:
            if len(self._kept) < self.KEPT:
                self._kept.append(buffer)
            self._used -= len(buffer)
            self._changed.notify_all()

    def _take(self, count: int, stopped: Callable[[], bool]) -> None:
        # In the order in which they came: who wants much would wait for ever behind those who want little.
        turn = object()
        self._turns.append(turn)
        try:
            while self._turns[0] is not turn or (self._used > 0 and self._used + count > self._limit):
                if stopped():
                    raise GivenUp
                self._changed.wait(0.5)
            self._used += count
        finally:
            self._turns.remove(turn)
            self._changed.notify_all()

    def _leave_room(self) -> None:
        while self._kept and self._used + sum(len(buffer) for buffer in self._kept) > self._limit:
            del self._kept[0]


class Answer(NamedTuple):
    """What came of a request: status 0 where nothing came, and then why."""

    status: int
    etag: str
    said: str
    trusted: bool

    def stored(self) -> bool:
        return 200 <= self.status < 300 and self.etag != ""


class Request(NamedTuple):
    method: str
    url: str
    headers: Dict[str, str]
    body: Sequence[Bytes]


class Line:
    """A connection to the store, the proxy that it may go by, and the answer that it brought last."""

    response = None  # type: Any

    def __init__(self, url: str, trust: Callable[[], Any]) -> None:
        parts = urllib.parse.urlsplit(url)
        self.origin = origin_of(url)
        self.is_new = True
        self.is_broken = False
        proxy = None if urllib.request.proxy_bypass(parts.netloc) else urllib.request.getproxies().get(parts.scheme)
        by = urllib.parse.urlsplit(proxy if "://" in proxy else "http://" + proxy) if proxy else None
        self.way = "" if by is None else f"by the proxy {by.hostname}, which the environment names: "
        if by is not None and (by.scheme != "http" or not by.hostname):
            raise NoWay(f"{self.way}of its kind ({by.scheme}) none can be used")
        try:
            host, port = (parts.hostname, parts.port) if by is None else (by.hostname, by.port or 80)
        except ValueError as error:
            raise NoWay(f"{self.way}{error}") from error
        headers = proxy_authorization(by)
        # A proxy of plain HTTP is asked for the whole URL; through one of TLS a tunnel leads to the store.
        self.asks_proxy = by is not None and parts.scheme == "http"
        self.headers = headers if self.asks_proxy else {}
        if parts.scheme == "https":
            secure = http.client.HTTPSConnection(host or "", port, timeout=CONNECT_SECONDS, context=trust())
            if by is not None:
                secure.set_tunnel(parts.hostname or "", parts.port or 443, headers)
            self.connection = secure  # type: http.client.HTTPConnection
        else:
            self.connection = http.client.HTTPConnection(host or "", port, timeout=CONNECT_SECONDS)

    def begin(self, request: Request, first: Bytes) -> None:
        """Sends all but the body, and with it what there is at first of that: a small file is one packet."""
        target = request.url if self.asks_proxy else request.url[len(self.origin) :]
        host = self.origin[self.origin.index("://") + 3 :]
        headers = dict(request.headers, Host=host, **self.headers)
        if request.method == "PUT":
            headers["Content-Length"] = str(sum(len(piece) for piece in request.body))
        head = [f"{request.method} {target} HTTP/1.1"] + [f"{name}: {value}" for name, value in headers.items()]
        self.connection.sock.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + first)

    def answer(self, request: Request) -> None:
        self.response = http.client.HTTPResponse(self.connection.sock, method=request.method)
        self.response.begin()

    def rest(self) -> str:
        """The rest of a short answer. What becomes of the connection after the store has answered does not matter."""
        try:
            said = self.response.read(CHUNK)
        except (OSError, http.client.HTTPException):
            said = b""
        # An answer before the answer, which nobody asked for, has the real one behind it.
        if self.is_broken or self.response.status < 200 or self.response.will_close or not self.response.isclosed():
            self.connection.close()
        return printable(said.decode("utf-8", "replace"))

    def connect(self) -> None:
        if self.connection.sock is not None:
            return
        try:
            self.connection.connect()
        except OSError as error:
            if self.way:
                raise NoWay(f"{self.way}{error}") from error
            raise
        except ValueError as error:
            # Of a certificate for another name Python 3.6 says no more than that; later ones have an OSError for it.
            raise NotTrusted(str(error)) from error
        sock = self.connection.sock  # type: Any
        sock.settimeout(SILENT_SECONDS)


class Headers(Dict[str, str]):
    """An answer's headers as `http.client` asks for them. What it makes of them itself is for mail, and takes far longer."""

    def get_all(self, name: str, default: Any = None) -> Any:
        return self.get(name.lower(), default)

    @staticmethod
    def read(source: IO[bytes], *_args: Any, **_named: Any) -> "Headers":
        headers = Headers()
        for line in iter(lambda: source.readline(65537), b"\r\n"):
            if len(line) > 65536 or len(headers) > 100:
                raise http.client.HTTPException("the answer has too many headers, or too long ones")
            if line in (b"\n", b""):
                break
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        return headers


http.client.parse_headers = Headers.read  # type: ignore[assignment]


class Store:
    """Exchanges requests with a store over connections that stay open."""

    def __init__(self, pace: Pace, authorities: Optional[str]) -> None:
        self._pace = pace
        self._authorities = authorities
        self._context = None  # type: Any
        self._idle = {}  # type: Dict[str, List[Line]]
        self._lock = threading.Lock()
        self._trusting = threading.Lock()

    def put(self, request: Request, flight: "Flight") -> Answer:
        try:
            line = self.call(request, flight)
        except (OSError, ValueError, http.client.HTTPException) as error:
            return no_answer(error)
        status, etag = line.response.status, line.response.getheader("ETag") or ""
        return Answer(status, etag.strip('"'), self.end(line, flight), True)

    def call(self, request: Request, flight: "Flight") -> Line:
        """Sends a request, up to the body of the answer. That the store had closed a connection meanwhile is no failure."""
        line = self._line(request.url)
        try:
            return self._exchange(line, request, flight)
        except (OSError, http.client.HTTPException) as error:
            if line.is_new or flight.stopped() or isinstance(error, socket.timeout):
                raise
        return self._exchange(Line(request.url, self._trust), request, flight)

    def end(self, line: Line, flight: "Flight") -> str:
        """Reads the rest of an answer and keeps the connection, if the store does."""
        said = line.rest()
        flight.line = None
        if line.connection.sock is not None:
            line.is_new = False
            with self._lock:
                self._idle.setdefault(line.origin, []).append(line)
        return said

    def receive(self, line: Line, view: memoryview) -> int:
        """The next bytes of an answer's body, 0 at its end."""
        count = int(line.response.readinto(view[: self._pace.most]))
        self._pace.take(count)
        return count

    def _exchange(self, line: Line, request: Request, flight: "Flight") -> Line:
        flight.line = line
        try:
            line.connect()
            if flight.stopped():
                raise GivenUp
            pieces = self._pieces(request, flight)
            line.begin(request, next(pieces))
            try:
                for piece in pieces:
                    line.connection.sock.sendall(piece)
            except OSError:
                # A refusal may have come while the body was being sent: it says more than the connection that broke.
                line.is_broken = True
            line.answer(request)
        except BaseException:
            line.connection.close()
            raise
        return line

    def _pieces(self, request: Request, flight: "Flight") -> Iterator[Bytes]:
        """The body in the order in which it may be sent: first what fits one packet with the head, if that is all of it."""
        small = b"".join(request.body) if sum(len(data) for data in request.body) <= SMALL else b""
        self._pace.take(len(small))
        yield small
        for data in request.body if not small else ():
            view = memoryview(data)
            for start in range(0, len(view), self._pace.piece):
                if flight.stopped():
                    raise GivenUp
                piece = view[start : start + self._pace.piece]
                self._pace.take(len(piece))
                yield piece

    def _line(self, url: str) -> Line:
        with self._lock:
            idle = self._idle.get(origin_of(url))
            return idle.pop() if idle else Line(url, self._trust)

    def _trust(self) -> Any:
        with self._trusting:
            if self._context is None:
                import ssl

                context = ssl.create_default_context()
                if self._authorities is not None:
                    context.load_verify_locations(cadata=self._authorities)
                self._context = context
            return self._context


def origin_of(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    return parts.scheme + "://" + parts.netloc


def proxy_authorization(proxy: Optional[urllib.parse.SplitResult]) -> Dict[str, str]:
    if proxy is None or proxy.username is None:
        return {}
    pair = urllib.parse.unquote(proxy.username) + ":" + urllib.parse.unquote(proxy.password or "")
    return {"Proxy-Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def no_answer(error: Exception) -> Answer:
    trusted = "CERTIFICATE" not in str(error) and not isinstance(error, NotTrusted)
    return Answer(0, "", printable(f"{type(error).__name__}: {error}"), trusted)


def printable(text: str) -> str:
    return "".join(each if each.isprintable() else " " for each in text)[:1500].strip()


class Flight:
    """One exchange with the store, so that it can be ended from outside."""

    def __init__(self, stopped: Callable[[], bool]) -> None:
        self.stopped = stopped
        self.has_begun = False
        self.line = None  # type: Optional[Line]

    def end(self) -> None:
        sock = self.line.connection.sock if self.line is not None else None
        if sock is not None:
            with contextlib.suppress(OSError):
                # Not TLS's own, which leaves a moment in which the other thread would send in the clear.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


LZOPS = cast(Set["Lzop"], set())


class Lzop:
    """
    `lzop` as a child, and what is done beside it in a thread of its own: who feeds it does not read from it. It is waited
    for, or killed, however it is left.
    """

    def __init__(self, arguments: Sequence[Union[str, bytes]], beside: Callable[["Lzop"], None]) -> None:
        pipe = subprocess.PIPE
        # The flags of lzop are not for the environment of whoever logs in to set.
        environment = {name: value for name, value in os.environ.items() if name != "LZOP"}
        try:
            child = subprocess.Popen(["lzop", *arguments], bufsize=0, stdin=pipe, stdout=pipe, stderr=pipe, env=environment)
        except OSError as error:
            raise Failure("lzop", f"lzop cannot be started: {error}") from error
        self._child = child
        LZOPS.add(self)
        self._in, self.out = cast(io.FileIO, child.stdin), cast(io.FileIO, child.stdout)
        widen(self._in)
        widen(self.out)
        self._errors = []  # type: List[bytes]
        self._error = None  # type: Optional[Exception]
        self._threads = [
            threading.Thread(target=guarded(work), daemon=True) for work in (self._listen, lambda: self._do(beside))
        ]
        for thread in self._threads:
            thread.start()

    def write(self, data: Bytes) -> None:
        """Raises BrokenPipeError where lzop has ended; `end` tells why."""
        write_all(self._in.fileno(), data)

    def feed(self, pieces: Iterable[Bytes]) -> None:
        """Writes all of them and closes the input; where lzop ends before, `end` tells why."""
        try:
            for piece in pieces:
                self.write(piece)
        except BrokenPipeError:
            pass
        finally:
            self.close_input()

    def close_input(self) -> None:
        self._in.close()

    def end(self, good: Sequence[int] = (0,)) -> None:
        """Raises what it ended with, or what was done beside it, if that was not well."""
        status = self._wait()
        if self._error is not None:
            raise self._error
        if status < 0:
            raise Failure("killed", f"lzop was ended by signal {-status}")
        if status not in good:
            said = printable(b"".join(self._errors).decode("utf-8", "replace"))
            raise Failure("lzop", f"lzop ended with status {status}: {said}")

    def interrupt(self) -> None:
        """Nothing happens where it has ended already."""
        if self._child.poll() is None:
            self._child.kill()

    def close(self) -> None:
        # Its pipes are closed only when nobody uses them any more.
        self.interrupt()
        self._wait()
        LZOPS.discard(self)
        self._in.close()
        self.out.close()

    def _wait(self) -> int:
        status = self._child.wait()
        for thread in self._threads:
            thread.join()
        return status

    def _do(self, beside: Callable[["Lzop"], None]) -> None:
        try:
            beside(self)
        except (Failure, GivenUp) as error:
            self._error = error
            # Whoever feeds it must not wait for ever when nobody reads what it prints.
            self.interrupt()

    def _listen(self) -> None:
        with cast(IO[bytes], self._child.stderr) as lines:
            for line in lines:
                if len(self._errors) < 20:
                    self._errors.append(line)


def widen(pipe_end: IO[bytes]) -> None:
    """A pipe of 1 MiB instead of 64 KiB: fewer turns from one program to the other. Nothing hangs on it."""
    with contextlib.suppress(OSError):
        fcntl.fcntl(pipe_end.fileno(), SET_PIPE_SIZE, CHUNK)


def write_all(descriptor: int, data: Bytes) -> None:
    view = memoryview(data)
    while len(view) > 0:
        view = view[os.write(descriptor, view) :]


MAGIC = b"\x89LZO\x00\r\n\x1a\n"
# Flags of a container: which sums its blocks have, what its header has, and what lzop notes of how it was called.
ADLER_OF_PLAIN, ADLER_OF_STORED, EXTRA_FIELD, CRC_OF_PLAIN, CRC_OF_STORED, FILTER = 0x1, 0x2, 0x40, 0x100, 0x200, 0x800
WRITTEN_TO_STDOUT, ONE_OF_MANY = 0x8, 0x400


class Container(NamedTuple):
    """One of the containers that lie one after the other."""

    header_end: int
    end: int
    plain: int
    # The Adler-32 and the plain length of each block, in order.
    blocks: List[Tuple[int, int]]


def container_at(archive: memoryview, start: int) -> Container:
    """Follows the container that begins there, block by block. Raises ValueError, or struct.error, where there is none."""
    if bytes(archive[start : start + 9]) != MAGIC or number(archive, start + 9, ">H") < 0x0940:
        raise ValueError("no lzop container")
    flags = number(archive, start + 17, ">I")
    name = start + (37 if flags & FILTER else 33)
    header_end = name + 1 + archive[name] + 4
    at = header_end
    if flags & EXTRA_FIELD:
        at += 8 + number(archive, at, ">I")
    blocks = []  # type: List[Tuple[int, int]]
    while True:
        plain = number(archive, at, ">I")
        at += 4
        if plain == 0:
            return Container(header_end, at, sum(length for _, length in blocks), blocks)
        stored = number(archive, at, ">I")
        adler = number(archive, at + 4, ">I")
        at += 4 + 4 * sum(1 for flag in (ADLER_OF_PLAIN, CRC_OF_PLAIN) if flags & flag) + stored
        if stored < plain:
            at += 4 * sum(1 for flag in (ADLER_OF_STORED, CRC_OF_STORED) if flags & flag)
        blocks.append((adler, plain))
        if stored > plain or at > len(archive):
            raise ValueError("an lzop container breaks off")


def number(data: memoryview, at: int, form: str) -> int:
    return int(struct.unpack_from(form, data, at)[0])


def header_of_one(header: memoryview) -> bytes:
    """A header without the flags by which lzop takes a container for one of many; its sum is made anew."""
    changed = bytearray(header)
    flags = number(header, 17, ">I") & ~(WRITTEN_TO_STDOUT | ONE_OF_MANY)
    struct.pack_into(">I", changed, 17, flags)
    struct.pack_into(">I", changed, len(changed) - 4, zlib.adler32(changed[9:-4]))
    return bytes(changed)


class Node:
    """What all units share."""

    def __init__(self, order: Message) -> None:
        self.pace = Pace(order["rate"])
        self.memory = Memory(order["memory"])
        self.store = Store(self.pace, order["authorities"])
        self.units = {}  # type: Dict[int, Unit]
        self._requests = queue.Queue()  # type: queue.Queue[Callable[[], None]]
        self._workers = 0
        self._writing = threading.Lock()

    def tell(self, *messages: Message) -> None:
        lines = "".join(json.dumps(message) + "\n" for message in messages).encode()
        with self._writing:
            write_all(1, lines)

    def soon(self, request: Callable[[], None]) -> None:
        """Does it in one of the threads that all units with many small items share; called by the main thread alone."""
        if self._workers < REQUESTS:
            self._workers += 1
            threading.Thread(target=guarded(self._do_requests), daemon=True).start()
        self._requests.put(request)

    def _do_requests(self) -> None:
        while True:
            self._requests.get()()

    def begin(self, unit: "Unit") -> None:
        self.units[unit.number] = unit
        unit.begin()


def guarded(work: Callable[[], None]) -> Callable[[], None]:
    """A thread's work: what nobody has foreseen ends the program, never only the thread."""

    def run() -> None:
        try:
            work()
        except BaseException:
            import traceback

            traceback.print_exc()
            sys.stderr.flush()
            os._exit(70)

    return run


class Unit:
    """Some files that are moved together. Runs in a thread of its own; its requests run in threads of the node."""

    def __init__(self, node: Node, order: Message) -> None:
        self.node = node
        self.number = order["unit"]
        self.given_up = False
        # Whether the control host has found everything right that it was told.
        self.is_proved = False
        self.has_many = True
        self._flights = []  # type: List[Flight]
        self._changed = threading.Condition()

    def begin(self) -> None:
        threading.Thread(target=guarded(self._run), daemon=True).start()

    def work(self) -> None:
        """What the unit is for. Raises Failure or GivenUp."""
        raise NotImplementedError

    def exchange(self, item: int, url: str, headers: Dict[str, str], flight: Flight) -> Message:
        """One request for an item, as the control host asked; what is to be told of it."""
        raise NotImplementedError

    def interrupt(self) -> None:
        """Ends what `work` may be waiting for, from another thread."""

    def close(self) -> None:
        """Leaves nothing behind. Called once, when no request is under way."""

    def stopped(self) -> bool:
        return self.given_up

    def tell(self, *messages: Message) -> None:
        self.node.tell(*[dict(message, unit=self.number) for message in messages])

    def send(self, item: int, url: str, headers: Dict[str, str]) -> None:
        flight = Flight(self.stopped)
        with self._changed:
            self._flights.append(flight)

        def request() -> None:
            with self._changed:
                if flight not in self._flights:
                    return
                flight.has_begun = True
            told = None  # type: Optional[Message]
            try:
                told = self.exchange(item, url, headers, flight)
            except GivenUp:
                pass
            except Failure as failure:
                told = {"failed": failure.kind, "said": str(failure), "item": item}
            if told is not None and not self.given_up:
                self.tell(told)
            with self._changed:
                self._flights.remove(flight)
                self._changed.notify_all()

        # A large file may take hours: a signature would not live through waiting for it.
        if self.has_many:
            self.node.soon(request)
        else:
            threading.Thread(target=guarded(request), daemon=True).start()

    def prove(self) -> None:
        with self._changed:
            self.is_proved = True
            self._changed.notify_all()

    def give_up(self) -> None:
        with self._changed:
            self.given_up = True
            self._flights = [flight for flight in self._flights if flight.has_begun]
            for flight in self._flights:
                flight.end()
            self._changed.notify_all()
        self.interrupt()

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Until something that a request changes has come about. Raises GivenUp."""
        with self._changed:
            self._changed.wait_for(lambda: self.given_up or condition())
        if self.given_up:
            raise GivenUp

    def change(self, work: Callable[[], None]) -> None:
        with self._changed:
            work()
            self._changed.notify_all()

    def _run(self) -> None:
        try:
            self.work()
        except GivenUp:
            pass
        except Failure as failure:
            self.tell({"failed": failure.kind, "said": str(failure), "item": failure.item})
            with self._changed:
                self._changed.wait_for(lambda: self.given_up)
        with self._changed:
            self._changed.wait_for(lambda: not self._flights)
        self.close()
        del self.node.units[self.number]
        self.tell({"done": True})


class Body(NamedTuple):
    """What is sent of an item, and the buffer that it lies in, if it is one of those that are used again."""

    pieces: Sequence[Bytes]
    buffer: Optional[bytearray]


class Upload(Unit):
    """Files that go to the store: what is sent of an item is in memory until the store has it."""

    def __init__(self, node: Node, order: Message) -> None:
        super().__init__(node, order)
        self._files = order["upload"]
        self._part = order["part"]
        self._sha256 = order.get("sha256", False)
        self.has_many = self._part is None
        self._bodies = {}  # type: Dict[int, Body]
        self._held = 0
        self._source = None  # type: Optional[Source]
        self._lzop = None  # type: Optional[Lzop]

    def work(self) -> None:
        if self._part is None:
            self._send_all()
        else:
            self._send_parts(self._part)
        self.wait_for(lambda: not self._bodies)

    def exchange(self, item: int, url: str, headers: Dict[str, str], flight: Flight) -> Message:
        answer = self.node.store.put(Request("PUT", url, headers, self._bodies[item].pieces), flight)
        if answer.stored():
            self.change(lambda: self._forget(item))
        return dict(answer._asdict(), sent=item)

    def interrupt(self) -> None:
        if self._source is not None:
            self._source.interrupt()
        if self._lzop is not None:
            self._lzop.interrupt()

    def close(self) -> None:
        for item in list(self._bodies):
            self._forget(item)
        self.node.memory.give(self._held)

    def _forget(self, item: int) -> None:
        buffer = self._bodies.pop(item).buffer
        if buffer is not None:
            self.node.memory.give_buffer(buffer)

    def _send_parts(self, size: int) -> None:
        self._source = source = Source(self._files[0])
        try:
            size = min(size, source.most)
            part, ahead, last = 0, b"", False
            digest = hashlib.sha256() if self._sha256 else None
            while not last:
                part += 1
                self.wait_for(lambda: len(self._bodies) < PARTS_AHEAD)
                buffer = self.node.memory.buffer(size, self.stopped)
                self._bodies[part] = Body((), buffer)
                total = source.fill(memoryview(buffer), ahead)
                if digest is not None:
                    digest.update(memoryview(buffer)[: total.bytes])
                ahead = source.next_byte()
                last = ahead == b""
                if last:
                    source.finish()
                self._bodies[part] = Body([memoryview(buffer)[: total.bytes]], buffer)
                told = ready(part, total, last, source.plain if last else None)
                if last and digest is not None:
                    told["sha256"] = digest.hexdigest()
                self.tell(told)
        finally:
            source.close()
            if self.given_up:
                raise GivenUp

    def _send_all(self) -> None:
        need = sum((3 if file["lzo"] else 1) * file["bytes"] + 1024 for file in self._files)
        self.node.memory.take(need, self.stopped)
        self._held = need
        plain = [whole_file(file, item) for item, file in enumerate(self._files)]
        pieces = dict(enumerate([data] for data in plain))  # type: Dict[int, Sequence[Bytes]]
        packed = {item: plain[item] for item, file in enumerate(self._files) if file["lzo"]}
        if packed:
            self._lzop = lzop_of_files([self._files[item]["path"] for item in packed])
            pieces.update(packed_files(self._lzop, packed))
        self._bodies.update({item: Body(each, None) for item, each in pieces.items()})
        own = {item: sum_of([data]) for item, data in packed.items()}
        sums = {item: sum_of(each, self._sha256) for item, each in pieces.items()}
        self.tell(*[ready(item, total, True, own.get(item)) for item, total in sums.items()])


def ready(item: int, total: Sum, last: bool, plain: Optional[Sum]) -> Message:
    told = dict(total.sha256(), ready=item, bytes=total.bytes, crc=total.crc, last=last)  # type: Message
    return told if plain is None else dict(told, plain=plain.bytes, plain_crc=plain.crc)


class Source:
    """What is stored of one large file: its bytes, or what lzop makes of them while this reads them."""

    def __init__(self, file: Message) -> None:
        # Of what lzop was given; without lzop what is sent has the only sums.
        self.plain = Sum() if file["lzo"] else None
        # Blocks that do not shrink are stored, with a header each. One byte more, and a file that grew shows it.
        self.most = file["bytes"] + 1 + (file["bytes"] // 262144 * 32 + 4096 if file["lzo"] else 0)
        self._path = file["path"]
        self._file = opened(file)
        self._lzop = None  # type: Optional[Lzop]
        if self.plain is not None:
            passed = summed(pieces_of(self._read_file), self.plain)
            try:
                self._lzop = Lzop(["-1", "-c"], lambda lzop: lzop.feed(passed))
            except Failure:
                self._file.close()
                raise

    def fill(self, view: memoryview, ahead: bytes) -> Sum:
        """Reads until the view is full or there is nothing more; it begins with what was read ahead."""
        view[: len(ahead)] = ahead
        total = sum_of([ahead])
        for piece in filling(self._read, view[len(ahead) :]):
            total.add(piece)
        return total

    def next_byte(self) -> bytes:
        byte = bytearray(1)
        return bytes(byte[: self._read(memoryview(byte))])

    def finish(self) -> None:
        """Everything was read, and lzop ended well."""
        if self._lzop is not None:
            self._lzop.end()

    def interrupt(self) -> None:
        if self._lzop is not None:
            self._lzop.interrupt()

    def close(self) -> None:
        if self._lzop is not None:
            self._lzop.close()
        self._file.close()

    def _read(self, view: memoryview) -> int:
        return self._read_file(view) if self._lzop is None else read_into(self._lzop.out, view)

    def _read_file(self, view: memoryview) -> int:
        with failing("read", self._path):
            return read_into(self._file, view)


def read_into(source: io.FileIO, view: memoryview) -> int:
    """How many bytes came, 0 at the end."""
    return source.readinto(view) or 0


def filling(read: Callable[[memoryview], int], view: memoryview) -> Iterator[memoryview]:
    """What is read into the view, piece by piece, until it is full or there is nothing more."""
    at = 0
    while at < len(view):
        count = read(view[at : at + CHUNK])
        if count == 0:
            return
        yield view[at : at + count]
        at += count


def pieces_of(read: Callable[[memoryview], int]) -> Iterator[memoryview]:
    """All that is read, in pieces that are good until the next one is asked for."""
    view = memoryview(bytearray(CHUNK))
    while True:
        count = read(view)
        if count == 0:
            return
        yield view[:count]


def summed(pieces: Iterable[Bytes], total: Sum) -> Iterator[Bytes]:
    for piece in pieces:
        total.add(piece)
        yield piece


def sum_of(pieces: Iterable[Bytes], sha256: bool = False) -> Sum:
    total = Sum(sha256=sha256)
    for piece in pieces:
        total.add(piece)
    return total


def opened(file: Message) -> io.FileIO:
    """The file, if it has the size that was promised."""
    with failing("read", file["path"]):
        descriptor, found = opened_plain(file)
    if found != file["bytes"]:
        os.close(descriptor)
        raise Failure("size", str(found))
    return io.FileIO(descriptor, "rb")


def opened_plain(file: Message) -> Tuple[int, int]:
    """
    A file to be read, and its size. Cassandra's user may have put something else in the place of what was listed: a link, by
    which another file would be read, or a pipe, which nobody ever opens for writing.
    """
    path, *names = file["path"].encode().rsplit(b"/", file["below"])
    at = os.open(path or b"/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in names[:-1]:
            at = moved(at, directory_in(at, name))
        descriptor = os.open(names[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
    finally:
        os.close(at)
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise OSError("it is no file any more")
    return descriptor, found.st_size


def directory_in(at: int, name: bytes) -> int:
    """A directory in an open one, which is not behind a link."""
    if name in (b".", b".."):
        raise OSError(f"{name.decode()} is no name of a directory")
    return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)


def moved(at: int, below: int) -> int:
    os.close(at)
    return below


def whole_file(file: Message, item: int) -> bytes:
    """All of a small file, by as few calls of the system as there may be."""
    if "text" in file:
        return bytes(file["text"].encode())
    promised, data = file["bytes"], b""
    with failing("read", file["path"], item):
        descriptor, found = opened_plain(file)
        try:
            piece = b"first"
            while piece and len(data) < promised and found == promised:
                piece = os.read(descriptor, promised - len(data))
                data += piece
        finally:
            os.close(descriptor)
    if found != promised or len(data) != promised:
        raise Failure("size", str(found if found != promised else len(data)), item)
    return data


def lzop_of_files(paths: Sequence[str]) -> Lzop:
    return Lzop(["-1", "-q", "-c", "--", *[path.encode() for path in paths]], Lzop.close_input)


def packed_files(lzop: Lzop, files: Dict[int, bytes]) -> Iterator[Tuple[int, Sequence[Bytes]]]:
    """
    What one lzop makes of all these files: for each a container of its own, in pieces. It reads them itself, so that each
    block's Adler-32 is held against what was read here.
    """
    try:
        archive = memoryview(lzop.out.read())
        lzop.end()
    finally:
        lzop.close()
    at = 0
    for item, data in files.items():
        try:
            container = container_at(archive, at)
        except (ValueError, IndexError, struct.error) as error:
            raise Failure("lzop", f"what lzop printed is no container: {error}", item) from error
        place = 0
        for adler, length in container.blocks:
            if zlib.adler32(data[place : place + length]) != adler:
                raise Failure("lzop", "lzop read something else than lies there", item)
            place += length
        if place != len(data):
            raise Failure("lzop", f"lzop read {place} bytes instead of {len(data)}", item)
        yield item, [header_of_one(archive[at : container.header_end]), archive[container.header_end : container.end]]
        at = container.end


class Download(Unit):
    """Objects that come from the store."""

    def __init__(self, node: Node, order: Message) -> None:
        super().__init__(node, order)
        self._objects = order["download"]
        self._alone = order["alone"]
        self.has_many = not self._alone
        self._bodies = {}  # type: Dict[int, Bytes]
        self._stream = None  # type: Optional[Stream]
        self._lzop = None  # type: Optional[Lzop]
        self._landing = Landing(order["landing"]) if order["landing"] is not None else None
        self._held = 0

    def work(self) -> None:
        need = 2 * CHUNK if self._alone else sum(each["bytes"] + each["plain"] for each in self._objects)
        self.node.memory.take(need, self.stopped)
        self._held = need
        landing = self._landing
        if landing is not None:
            landing.open()
        if self._alone and landing is not None:
            self._stream = stream = Stream(self._objects[0], landing)
            self.tell({"begin": True})
            self.wait_for(lambda: bool(self._bodies))
            self.tell(written(0, stream.finish()))
        else:
            self.tell({"begin": True})
            self.wait_for(lambda: len(self._bodies) == len(self._objects))
            plain = self._unpack()
            if landing is not None:
                landing.write([(self._objects[item]["path"], data) for item, data in plain.items()])
            self.tell(*[written(item, sum_of([data])) for item, data in plain.items()])
        if landing is not None:
            self.wait_for(lambda: self.is_proved)
            landing.place([(each["path"], each["plain"]) for each in self._objects])

    def exchange(self, item: int, url: str, headers: Dict[str, str], flight: Flight) -> Message:
        request = Request("GET", url, headers, ())
        if self._stream is not None:
            return self._receive(item, self._stream, request, flight)
        return self._receive(item, Collected(self._objects[item]), request, flight)

    def interrupt(self) -> None:
        if self._stream is not None:
            self._stream.interrupt()
        if self._lzop is not None:
            self._lzop.interrupt()

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
        if self._landing is not None:
            self._landing.close()
        self.node.memory.give(self._held)

    def _receive(self, item: int, arrival: "Arrival", request: Request, flight: Flight) -> Message:
        store, at = self.node.store, arrival.received.bytes
        if at > 0:
            request.headers["Range"] = f"bytes={at}-"
            if arrival.etag:
                request.headers["If-Match"] = arrival.etag
        answer = OK
        try:
            line = store.call(request, flight)
            status, left = line.response.status, line.response.length
            if at > 0 and status == 200:
                line.connection.close()
                return told_of(item, arrival, Answer(0, "", "the store sends all of it in the place of the rest", True))
            if status != (206 if at > 0 else 200):
                return told_of(item, arrival, Answer(status, "", store.end(line, flight), True))
            if left is not None and at + left != arrival.bytes:
                line.connection.close()
                return dict(told_of(item, arrival, OK), bytes=at + left)
            arrival.etag = line.response.getheader("ETag") or ""
            self._take_in(arrival, line, flight)
            if arrival.received.bytes < arrival.bytes:
                answer = Answer(0, "", "the answer broke off", True)
        except (OSError, ValueError, http.client.HTTPException) as error:
            answer = no_answer(error)
        if arrival.received.bytes != arrival.bytes:
            return told_of(item, arrival, answer)
        self.change(lambda: self._bodies.update({item: arrival.body()}))
        return told_of(item, arrival, OK)

    def _take_in(self, arrival: "Arrival", line: Line, flight: Flight) -> None:
        whole = False
        try:
            while arrival.received.bytes <= arrival.bytes:
                count = self.node.store.receive(line, arrival.room())
                if count == 0:
                    break
                arrival.add(count)
                if flight.stopped():
                    raise GivenUp
            whole = arrival.received.bytes == arrival.bytes
        finally:
            if whole:
                self.node.store.end(line, flight)
            else:
                line.connection.close()

    def _unpack(self) -> Dict[int, Bytes]:
        plain = dict(self._bodies)
        packed = [item for item, each in enumerate(self._objects) if each["lzo"]]
        if packed:
            plain.update(zip(packed, self._unpacked(packed)))
        return plain

    def _unpacked(self, items: List[int]) -> List[Bytes]:
        """One lzop for all; only when it fails is each tried alone, to know which one it was."""
        for item in items:
            try:
                container = container_at(memoryview(self._bodies[item]), 0)
            except (ValueError, IndexError, struct.error) as error:
                raise Failure("lzop", str(error), item) from error
            if container.end != len(self._bodies[item]):
                raise Failure("lzop", "something lies behind the container", item)
            if container.plain != self._objects[item]["plain"]:
                raise Failure("plain", str(container.plain), item)
        try:
            data = self._unpacked_at_once(items)
        except Failure as failure:
            for item in items if len(items) > 1 and failure.kind == "lzop" else []:
                if self.given_up:
                    raise GivenUp from None
                self._unpacked([item])
            failure.item = items[0] if len(items) == 1 else None
            raise
        bodies, at = [], 0  # type: List[Bytes], int
        for item in items:
            bodies.append(data[at : at + self._objects[item]["plain"]])
            at += self._objects[item]["plain"]
        return bodies

    def _unpacked_at_once(self, items: Sequence[int]) -> memoryview:
        total = sum(self._objects[item]["plain"] for item in items)
        data = memoryview(bytearray(total + 1))
        bodies = [self._bodies[item] for item in items]
        self._lzop = lzop = Lzop(["-d", "-q", "-c"], lambda lzop: lzop.feed(bodies))
        try:
            found = sum(len(piece) for piece in filling(lambda view: read_into(lzop.out, view), data))
            if found <= total:
                # 2 is a warning: many containers are one after the other.
                lzop.end((0, 2) if len(items) > 1 else (0,))
        finally:
            lzop.close()
        if found != total:
            raise Failure("lzop", f"lzop gave {found} bytes or more instead of {total}")
        return data[:total]


OK = Answer(200, "", "", True)


def told_of(item: int, arrival: "Arrival", answer: Answer) -> Message:
    received = arrival.received
    told = dict(answer._asdict(), got=item, bytes=received.bytes, crc=received.crc, **received.sha256())
    del told["etag"]
    return told


def written(item: int, plain: Sum) -> Message:
    return {"written": item, "plain": plain.bytes, "plain_crc": plain.crc}


class Landing:
    """
    Where what is fetched goes: a directory of Cassandra's user, as whom this program runs, held by device and inode. What
    lies there may change at any moment. So nothing is followed that is a link, and modes are given to what is open, never
    to what has a name.
    """

    FILE_MODE, DIRECTORY_MODE = 0o640, 0o750

    def __init__(self, order: Message) -> None:
        self._directory = order["directory"]
        self._incoming = order["incoming"]
        self._identity = order["identity"]
        self._root = -1

    def open(self) -> None:
        with failing("write", self._directory):
            self._root = os.open(self._directory.encode(), os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            found = os.fstat(self._root)
            if f"{found.st_dev}:{found.st_ino}" != self._identity:
                raise OSError("it is another directory than the one that the restore began with")

    def close(self) -> None:
        if self._root >= 0:
            os.close(self._root)

    def create(self, path: str) -> io.FileIO:
        with failing("write", path), self._opened(os.path.join(self._incoming, os.path.dirname(path))) as at:
            return io.FileIO(self._create(at, os.path.basename(path)), "wb")

    def write(self, files: Iterable[Tuple[str, Bytes]]) -> None:
        """Writes small files that are in memory."""
        for directory, inside in by_directory(files).items():
            with failing("write", directory), self._opened(os.path.join(self._incoming, directory)) as at:
                for name, data in inside:
                    with failing("write", f"{directory}/{name}"):
                        descriptor = self._create(at, name)
                        try:
                            write_all(descriptor, data)
                        finally:
                            os.close(descriptor)

    def place(self, files: Iterable[Tuple[str, int]]) -> None:
        """Gives all of them their own names, in the place of what has them: what links to that elsewhere keeps it."""
        for directory, inside in by_directory(files).items():
            incoming = os.path.join(self._incoming, directory)
            with failing("write", directory), self._opened(incoming) as source, self._opened(directory) as target:
                for name, size in inside:
                    with failing("write", f"{directory}/{name}"):
                        found = os.stat(name.encode(), dir_fd=source, follow_symlinks=False)
                        if not stat.S_ISREG(found.st_mode) or found.st_size != size:
                            raise OSError(f"{found.st_size} bytes are on disk instead of {size}")
                        os.rename(name.encode(), name.encode(), src_dir_fd=source, dst_dir_fd=target)

    def _create(self, at: int, name: str) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            descriptor = os.open(name.encode(), flags, self.FILE_MODE, dir_fd=at)
        except FileExistsError:
            os.unlink(name.encode(), dir_fd=at)
            descriptor = os.open(name.encode(), flags, self.FILE_MODE, dir_fd=at)
        os.fchmod(descriptor, self.FILE_MODE)
        return descriptor

    @contextlib.contextmanager
    def _opened(self, path: str) -> Iterator[int]:
        """A directory below, made where it is missing."""
        at = os.dup(self._root)
        try:
            for name in filter(None, path.encode().split(b"/")):
                at = moved(at, self._step(at, name))
            yield at
        finally:
            os.close(at)

    def _step(self, at: int, name: bytes) -> int:
        # Another unit may make it at the same time.
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, self.DIRECTORY_MODE, dir_fd=at)
        below = directory_in(at, name)
        os.fchmod(below, self.DIRECTORY_MODE)
        return below


def by_directory(files: Iterable[Tuple[str, Any]]) -> Dict[str, List[Tuple[str, Any]]]:
    grouped = collections.OrderedDict()  # type: Dict[str, List[Tuple[str, Any]]]
    for path, what in files:
        grouped.setdefault(os.path.dirname(path), []).append((os.path.basename(path), what))
    return grouped


class Arrival:
    """An object on its way to this host. Bytes are put into `room`, and then added."""

    def __init__(self, expected: Message) -> None:
        self.bytes = int(expected["bytes"])
        self.received = Sum(expected["turned"], expected.get("sha256", False))
        self.etag = ""

    def room(self) -> memoryview:
        raise NotImplementedError

    def add(self, count: int) -> None:
        raise NotImplementedError

    def body(self) -> Bytes:
        """What is to be kept of it when it is whole."""
        return b""


class Collected(Arrival):
    """A small one, all of it in memory."""

    def __init__(self, expected: Message) -> None:
        super().__init__(expected)
        # One byte more: an object that is longer than it should be shows it.
        self._view = memoryview(bytearray(self.bytes + 1))

    def room(self) -> memoryview:
        return self._view[self.received.bytes :]

    def add(self, count: int) -> None:
        self.received.add(self.room()[:count])

    def body(self) -> Bytes:
        return self._view[: self.bytes]


class Stream(Arrival):
    """A large one, unpacked and written as it comes."""

    def __init__(self, expected: Message, landing: Landing) -> None:
        super().__init__(expected)
        self._room = memoryview(bytearray(CHUNK))
        self._most = expected["plain"]
        # An object that is stored as it is has one sum for both.
        self._plain = Sum() if expected["lzo"] or expected["turned"] else self.received
        self._path = expected["path"]
        self._lzop = None  # type: Optional[Lzop]
        self._file = landing.create(self._path)
        if expected["lzo"]:
            try:
                self._lzop = Lzop(["-d", "-q", "-c"], self._unpack)
            except Failure:
                self._file.close()
                raise

    def room(self) -> memoryview:
        return self._room

    def add(self, count: int) -> None:
        view = self._room[:count]
        self.received.add(view)
        if self._lzop is None:
            if self._plain is not self.received:
                self._plain.add(view)
            self._write(view)
            return
        try:
            self._lzop.write(view)
        except BrokenPipeError:
            self.finish()
            raise Failure("lzop", "lzop ended before the object did") from None

    def finish(self) -> Sum:
        """The sum of the plain bytes, once all of them are written and lzop has ended well."""
        if self._lzop is not None:
            self._lzop.close_input()
            self._lzop.end()
        with failing("write", self._path):
            self._file.close()
        return self._plain

    def interrupt(self) -> None:
        if self._lzop is not None:
            self._lzop.interrupt()

    def close(self) -> None:
        if self._lzop is not None:
            self._lzop.close()
        with contextlib.suppress(OSError):
            self._file.close()

    def _unpack(self, lzop: Lzop) -> None:
        for piece in summed(pieces_of(lambda view: read_into(lzop.out, view)), self._plain):
            if self._plain.bytes > self._most:
                raise Failure("plain", f"more than {self._most}")
            self._write(piece)

    def _write(self, data: Bytes) -> None:
        with failing("write", self._path):
            write_all(self._file.fileno(), data)


def tell_of_life(node: Node) -> None:
    while True:
        time.sleep(ALIVE_SECONDS)
        node.tell({"unit": 0, "alive": True})


def main() -> None:
    os.umask(0o077)
    # Read by hand: what arrived with the program lies in this buffer already.
    lines = sys.stdin.buffer
    greeting = json.loads(lines.readline().decode())
    if greeting["version"] != VERSION:
        os._exit(64)
    node = Node(greeting)
    node.tell({"version": VERSION, "python": ".".join(str(each) for each in sys.version_info[:3])})
    threading.Thread(target=guarded(lambda: tell_of_life(node)), daemon=True).start()
    for line in iter(lines.readline, b""):
        order = json.loads(line.decode())
        unit = node.units.get(order["unit"])
        if "upload" in order:
            node.begin(Upload(node, order))
        elif "download" in order:
            node.begin(Download(node, order))
        elif unit is not None and "send" in order:
            unit.send(order["send"], order["url"], order["headers"])
        elif unit is not None and "place" in order:
            unit.prove()
        elif unit is not None and "give_up" in order:
            unit.give_up()
    # Whoever waits for something has nobody left to wait for. A child that hangs would not end with its pipes.
    for child in list(LZOPS):
        child.interrupt()
    os._exit(0 if not node.units else 75)


guarded(main)()
