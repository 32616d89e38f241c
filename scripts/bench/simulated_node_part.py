"""Stands for `node_part.py` on a simulated node (see simulated-cluster.ts), and speaks as the head of that one says.

It reads the files that it is to send, and says of each that it was stored; nothing leaves this program. Instead of what lzop
would make of a file, it has the file itself. Of what is fetched it has only texts that it was told to send: the probe.

simulated_node_part.py N    with a program of N bytes before what the control host has to say
"""

import json
import sys
import zlib
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

ETAG = "5d41402abc4b2a76b9719d911017c592"

Message = dict[str, Any]


class Sum(NamedTuple):
    bytes: int
    crc: int


class Unit(NamedTuple):
    order: Message
    # What has no answer of the store yet.
    open: dict[int, Sum]


def tell(unit: int, **message: Any) -> None:
    print(json.dumps({"unit": unit, **message}), flush=True)


def sum_of(data: bytes) -> Sum:
    return Sum(len(data), zlib.crc32(data))


def bytes_of(file: Message) -> bytes:
    return bytes(file["text"].encode()) if "text" in file else Path(file["path"]).read_bytes()


def begin_upload(number: int, order: Message) -> Unit:
    unit = Unit(order, {})
    for index, file in enumerate(order["upload"]):
        data = bytes_of(file)
        size = order["part"]
        parts = [data] if size is None else [data[at : at + size] for at in range(0, max(1, len(data)), size)]
        for item, part in enumerate(parts, index if size is None else 1):
            unit.open[item] = sent = sum_of(part)
            plain = sum_of(data) if file["lzo"] and part is parts[-1] else None
            told = {} if plain is None else {"plain": plain.bytes, "plain_crc": plain.crc}
            tell(number, ready=item, bytes=sent.bytes, crc=sent.crc, last=part is parts[-1], **told)
    return unit


def begin_download(number: int, order: Message) -> Unit:
    tell(number, begin=True)
    return Unit(order, dict.fromkeys(range(len(order["download"])), Sum(0, 0)))


def send(number: int, unit: Unit, item: int, texts: dict[str, Sum], url: str) -> None:
    key = urlsplit(url).path
    if "upload" in unit.order:
        tell(number, sent=item, status=200, etag=ETAG, said="", trusted=True)
        if "text" in unit.order["upload"][0]:
            texts[key] = unit.open[item]
        unit.open.pop(item)
        return
    found = texts.get(key)
    got = found or Sum(0, 0)
    tell(number, got=item, status=200 if found else 404, bytes=got.bytes, crc=got.crc, said="", trusted=True)
    if found:
        tell(number, written=item, plain=got.bytes, plain_crc=got.crc)
        unit.open.pop(item)


def main(program_bytes: int) -> None:
    lines = sys.stdin.buffer
    lines.read(program_bytes)
    greeting = json.loads(lines.readline())
    print(json.dumps({"version": greeting["version"], "python": "3.11.2"}), flush=True)
    units: dict[int, Unit] = {}
    texts: dict[str, Sum] = {}
    for line in iter(lines.readline, b""):
        order = json.loads(line)
        number = order["unit"]
        if "upload" in order:
            units[number] = begin_upload(number, order)
        elif "download" in order:
            units[number] = begin_download(number, order)
        elif number in units and "send" in order:
            send(number, units[number], order["send"], texts, order["url"])
        if number in units and ("give_up" in order or not units[number].open):
            del units[number]
            tell(number, done=True)


main(int(sys.argv[1]))
