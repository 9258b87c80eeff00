"""The events of a file or a pipe, one per line, read without holding them in memory."""

import codecs
import io
import os
import select
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from handlers.batches import entry_bytes
from ops.dead_letter_copies import parse_copy
from ops.dead_letters import DeadLetter
from ops.errors import OperatorError
from ops.files import NewFile
from ops.signals import hold_signals

CHUNK_BYTES = 64 * 1024
GZIP = b"\x1f\x8b"
UTF_16 = "It is UTF-16. Convert it: `iconv -f UTF-16 -t UTF-8 FILE`."


@dataclass(frozen=True)
class Event:
    """A body and its line number; the copy of a dead letter has what the producer sent beside the body, too."""

    number: int
    body: str
    letter: DeadLetter | None = None
    line: str = ""
    """What the file has, if that is more than the body."""

    @classmethod
    def of_line(cls, number: int, line: str) -> "Event":
        """Return the event that a line is, or that it is the copy of."""
        letter = parse_copy(line)
        return cls(number, letter.body, letter, line) if letter else cls(number, line)

    @property
    def entry(self) -> dict[str, Any]:
        """What SendMessageBatch takes, without an ID."""
        return self.letter.as_sent() if self.letter else {"MessageBody": self.body}

    @property
    def size(self) -> int:
        """Its size in bytes as SQS counts it."""
        return entry_bytes(self.entry) if self.letter else len(self.body.encode())


class EventFile:
    """Events of a file, which can be read repeatedly and are never in memory together."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file, self.name = file, name

    def size(self) -> int:
        """Return how many bytes it has."""
        return os.fstat(self._file.fileno()).st_size

    def position(self) -> int:
        """Return how many of its bytes have been read this time."""
        return self._file.tell()

    def __iter__(self) -> Iterator[Event]:
        """Return one event per line; blank lines are skipped, and so is the mark that editors of Windows put first."""
        number, line = 1, b""
        try:
            self._file.seek(0)
            # Bytes, because lines of text also end at U+2028, which a JSON string may contain.
            for number, line in enumerate(self._file, start=1):
                content = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
                body = content.decode().removesuffix("\n").removesuffix("\r")
                if body.strip():
                    yield Event.of_line(number, body)
        except UnicodeDecodeError:
            raise OperatorError(f"Line {number} of {self.name} is not UTF-8. {self._advice(number, line)}") from None
        except OSError as error:
            raise OperatorError(f"{self.name} cannot be read: {error.strerror}.") from None

    @staticmethod
    def _advice(number: int, line: bytes) -> str:
        if number == 1 and line.startswith(GZIP):
            return "It is compressed by gzip. Decompress it: `gunzip -c FILE`."
        if number == 1 and line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return UTF_16
        return "Save it as UTF-8."


@contextmanager
def open_input(path: Path) -> Iterator[io.BufferedReader]:
    """Open a file, or standard input when the path is `-`; raises OperatorError when it cannot be opened."""
    try:
        file: Any = sys.stdin.buffer if str(path) == "-" else path.open("rb")
    except OSError as error:
        raise OperatorError(f"{path} cannot be read: {error.strerror}.") from None
    with file:
        yield file


def is_pipe(path: Path, source: io.BufferedReader) -> bool:
    """Whether the input can be read only once, as standard input can in general."""
    return str(path) == "-" or not source.seekable()


def copy_input(
    source: io.BufferedReader, name: str, copy: NewFile, on_progress: Callable[[int], None] = lambda lines: None
) -> EventFile:
    """Copy a pipe, which can be read only once, to a file that keeps whatever is read, however the command ends."""
    copy.is_needed = True
    is_open = True
    lines = whole_bytes = 0
    while is_open:
        with suppress(io.UnsupportedOperation):  # standard input that a test replaced
            select.select([source], [], [])  # a signal ends this wait, but comes between no read and its write
        with hold_signals():
            try:
                chunk = _read_available(source)
            except BlockingIOError:
                continue
            except OSError as error:
                raise OperatorError(f"{name} cannot be read: {error.strerror}.") from None
            before = copy.size()
            try:
                copy.write(chunk)
            except OSError as error:
                written = chunk[: copy.size() - before]
                copy.truncate(before + written.rindex(b"\n") + 1 if b"\n" in written else whole_bytes)
                first_lost = lines + written.count(b"\n") + 1
                raise OperatorError(
                    f"{copy.path} cannot be written: {error.strerror}. Free some space, then send event {first_lost} "
                    "and the events after it again."
                ) from None
            if b"\n" in chunk:
                lines += chunk.count(b"\n")
                whole_bytes = before + chunk.rindex(b"\n") + 1
        is_open = bool(chunk)
        on_progress(lines)
    return EventFile(copy.file, name)


def _read_available(source: io.BufferedReader) -> bytes:
    """Return what can be read at once, nothing at the end; raises BlockingIOError when another process has taken it.

    The descriptor blocks again afterwards, because other processes share its mode.
    """
    try:
        descriptor = source.fileno()
    except io.UnsupportedOperation:  # standard input that a test replaced
        return source.read1(CHUNK_BYTES)
    is_blocking = os.get_blocking(descriptor)
    os.set_blocking(descriptor, False)
    try:
        return os.read(descriptor, CHUNK_BYTES)
    finally:
        os.set_blocking(descriptor, is_blocking)
