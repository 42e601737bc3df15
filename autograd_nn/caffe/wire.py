"""The wire format of protocol buffers, read such that weights go from the file straight into arrays of their own.

The protobuf library would hold a second copy of every blob and, for a field of bytes, make a third when it is read. So
this module finds where the fields of a message are, which needs a few bytes of each, and leaves their contents in the
file until somebody asks for them.
"""
from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeAlias

import numpy as np

from autograd_nn.types import File

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
_WIDTHS = {FIXED64: 8, FIXED32: 4}

# What makes a file too strange to be a network: large ones have a tenth of this. It bounds time and memory.
MAX_FIELDS = 200_000
MAX_STRUCTURE = 8 << 20


Message: TypeAlias = Any
"""A message of protocol buffers, whose class is made at run time."""


class Field(NamedTuple):
    """A field of a message in a file; or several of fixed width and with the same key, one after the other.

    Attributes:
        number: Its number.
        wire_type: `VARINT`, `FIXED64`, `LENGTH` or `FIXED32`.
        position: Where its key begins.
        start: Where its content begins.
        end: Where its content ends and the next field begins.
    """

    number: int
    wire_type: int
    position: int
    start: int
    end: int


class WireReader:
    """Reads messages from a file, piece by piece; every error names the file.

    Args:
        stream: The file, open for reading; it can seek.
        name: What errors call it, such as ``read_caffemodel: vgg.caffemodel``.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self.stream = stream
        self.name = name
        self.size = stream.seek(0, os.SEEK_END)
        self._fields = 0
        self._structure = 0

    def error(self, message: str) -> ValueError:
        """An exception for the caller to raise."""
        return ValueError(f'{self.name}: {message}')

    def fields(self, start: int, end: int) -> Iterator[Field]:
        """The fields of a message that lies between two positions of the file."""
        while start < end:
            field = self._read_field(start, end)
            yield field
            start = field.end

    def _read_field(self, position: int, end: int) -> Field:
        self._fields += 1
        if self._fields > MAX_FIELDS:
            raise self.error(f'expected a network, found more than {MAX_FIELDS:,} fields')
        self.stream.seek(position)
        head = self.stream.read(min(20, end - position))
        key, used = self._parse_varint(head, 0, position)
        number, wire_type = key >> 3, key & 7
        start, length = position + used, _WIDTHS.get(wire_type, 0)
        if wire_type == VARINT:
            _, used_by_value = self._parse_varint(head, used, position)
            length = used_by_value - used
        elif wire_type == LENGTH:
            length, used = self._parse_varint(head, used, position)
            start = position + used
        if number == 0 or wire_type not in (VARINT, FIXED64, LENGTH, FIXED32):
            raise self.error(f'is damaged at byte {position:,}: expected a field, found number {number} '
                             f'of wire type {wire_type}')
        if start + length > end:
            raise self.error(f'is truncated or damaged: at byte {start:,} a field of {length:,} bytes begins, '
                             f'but there are {max(end - start, 0):,} bytes left for it')
        stop = start + length
        if wire_type in _WIDTHS and start == position + 1:
            stop = self._find_end_of_run(position, end, head[0], 1 + length)
        return Field(number, wire_type, position, start, stop)

    def _parse_varint(self, head: bytes, index: int, position: int) -> tuple[int, int]:
        value = 0
        for shift, byte in enumerate(head[index:index + 10]):
            value |= (byte & 0x7f) << 7 * shift
            if byte < 0x80:
                return value, index + shift + 1
        raise self.error(f'is truncated or damaged at byte {position:,}: expected a number, found '
                         f'{head.hex(" ") or "the end"}')

    def _find_end_of_run(self, position: int, end: int, key: int, width: int) -> int:
        """Where a run of fields of one key ends: the oldest files keep a blob so, with a key before every number."""
        records = 4
        while (count := min(records, (end - position) // width)) > 0:
            self.stream.seek(position)
            keys = np.frombuffer(self.stream.read(count * width), np.uint8)[::width]
            same = int(np.argmin(keys == key)) if (keys != key).any() else count
            position += same * width
            if same < count:
                break
            records = min(8 * records, 1 << 20)
        return position

    def read_bytes(self, start: int, end: int) -> bytes:
        """The bytes between two positions of the file, as part of a network's structure, whose size is limited."""
        self._structure += end - start
        if self._structure > MAX_STRUCTURE:
            raise self.error(f'expected a network, found more than {MAX_STRUCTURE:,} bytes besides weights')
        self.stream.seek(start)
        return self.stream.read(end - start)

    def read_numbers(self, field: Field, dtype: str) -> np.ndarray:
        """The numbers in a field, packed or each with its key.

        Args:
            field: The field.
            dtype: Their type in the file, such as ``'<f4'``.

        Returns:
            A new array of that type with one axis.
        """
        packed = field.wire_type == LENGTH
        start = field.start if packed else field.position
        record = np.dtype(dtype) if packed else np.dtype([('key', 'u1'), ('value', dtype)])
        if (field.end - start) % record.itemsize:
            raise self.error(f'is damaged at byte {start:,}: expected numbers of {record.itemsize} bytes, '
                             f'found {field.end - start:,} bytes')
        array = np.empty((field.end - start) // record.itemsize, record)
        self.stream.seek(start)
        if self.stream.readinto(array.view(np.uint8)) != array.nbytes:  # type: ignore[attr-defined]
            raise self.error('has become shorter while it was read')
        return array if packed else np.ascontiguousarray(array['value'])


@contextmanager
def open_wire(file: File, function: str) -> Iterator[WireReader]:
    """A context with a reader of a file; what is plainly no such file is an error.

    Args:
        file: A path or a binary file object.
        function: The name of the public function that errors are to name.

    Raises:
        ValueError: The file is empty or of a kind that is known to be another.
    """
    if isinstance(file, (str, os.PathLike)):
        with Path(file).open('rb') as stream, open_wire(stream, function) as reader:
            yield reader
        return
    reader = WireReader(file, f'{function}: {getattr(file, "name", "the file object")}')
    file.seek(0)
    kind = _guess_kind(file.read(512))
    if kind:
        raise reader.error(f'expected a binary file of Caffe, found {kind}')
    yield reader


def _guess_kind(head: bytes) -> str:
    """What a file is that begins like this, if it is surely no message of Caffe."""
    if not head:
        return 'an empty file'
    for start, kind in ((b'\x89HDF', 'an HDF5 file, which has weights without a network: see read_weights'),
                        (b'PK\x03\x04', 'a zip archive'), (b'\x1f\x8b', 'a gzip archive'),
                        (b'version https://git-lfs', 'a pointer of Git LFS, not the file itself'),
                        (b'<', 'a web page or XML'), (b'Not Found', 'the text "Not Found"')):
        if head.startswith(start):
            return kind
    # A message has the key of a layer, which is no character of a text, soon after its name.
    is_text = (head.lstrip().startswith((b'name', b'layer', b'input', b'#'))
               and all(byte >= 0x20 or byte in b'\t\n\r' for byte in head))
    return 'text, such as a .prototxt' if is_text else ''
