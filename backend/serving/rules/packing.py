"""
Numbers and states as few bytes.

Numbers are written in groups of seven bits, lowest first (LEB128), signed ones zigzag, as Protocol Buffers
write them; what grows or repeats is written as differences. Of successive states of one thing each is written
as what changed since a base, by Zstandard with the base as its dictionary ("patch from").
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import zstandard
from numpy.typing import NDArray

Ints = NDArray[np.int64]

_BITS: Final = 7
_LAST: Final = 1 << _BITS  # a byte below this is the last of its number
_SHIFTS: Final = np.arange(0, 64, _BITS, dtype=np.uint64)

# The level at which patches stop becoming smaller; it takes a millisecond for 20,000 products.
_LEVEL: Final = 9
_LEAST_WINDOW: Final = 10
BASE: Final = ".base"


class Unreadable(ValueError):
    """Bytes that this code did not write, or that were damaged since."""


def pack(values: "Sequence[int] | Ints") -> bytes:
    """Return some numbers as bytes."""
    numbers = np.asarray(values, dtype=np.int64)
    plain = ((numbers << 1) ^ (numbers >> 63)).view(np.uint64)
    groups = plain[:, None] >> _SHIFTS
    is_there = groups != 0
    is_there[:, 0] = True
    has_more = np.zeros_like(is_there)
    has_more[:, :-1] = is_there[:, 1:]
    low = (groups & np.uint64(_LAST - 1)).astype(np.uint8)
    return bytes((low | has_more.astype(np.uint8) << _BITS)[is_there])


def unpack(packed: bytes) -> Ints:
    """
    Return the numbers that :func:`pack` wrote.

    :raises Unreadable: if the last number is cut off
    """
    read = np.frombuffer(packed, np.uint8)
    if not len(read):
        return np.zeros(0, np.int64)
    is_last = read < _LAST
    if not is_last[-1]:
        raise Unreadable("The last number is cut off.")
    starts = np.concatenate([[0], np.flatnonzero(is_last)[:-1] + 1])
    place = np.arange(len(read)) - np.repeat(starts, np.diff([*starts, len(read)]))
    groups = (read & (_LAST - 1)).astype(np.uint64) << (place * _BITS).astype(np.uint64)
    plain = np.bitwise_or.reduceat(groups, starts)
    return np.asarray((plain >> np.uint64(1)).view(np.int64) ^ -(plain & np.uint64(1)).view(np.int64))


def split(packed: bytes, count: int) -> tuple[Ints, bytes]:
    """
    Return the first numbers of some bytes, and what follows them.

    :raises Unreadable: if there are fewer
    """
    ends = np.flatnonzero(np.frombuffer(packed, np.uint8) < _LAST)
    if len(ends) < count:
        raise Unreadable(f"There are {len(ends)} numbers of {count}.")
    end = int(ends[count - 1]) + 1 if count else 0
    return unpack(packed[:end]), packed[end:]


def differences(values: "Sequence[int] | Ints") -> Ints:
    """Return each number less the one before it."""
    numbers = np.array(values, dtype=np.int64)
    # np.diff would do, and take four times as long for the few numbers of a visit.
    numbers[1:] -= numbers[:-1].copy()
    return numbers


def sums(values: Ints) -> Ints:
    """Return the numbers whose :func:`differences` these are."""
    return np.cumsum(values, dtype=np.int64)


class Series:
    """
    Successive states of one thing, each as what changed since a base.

    A state becomes the base once the patches against the last one have taken as many bytes as it did, so
    that both together take at most twice what the better of the two would.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._content: bytes | None = None
        self._recorded: dict[str, bytes] = {}
        self._base = b""
        self._spent = 0

    def record(self, content: bytes) -> Mapping[str, bytes]:
        """Return a state by name: a base, and what changed since. The same state gives the same objects."""
        if content == self._content:
            return self._recorded
        stored = self._recorded.get(self.name + BASE)
        patch = b"" if stored is None else _compressed(content, self._base)
        if stored is None or self._spent + len(patch) >= len(stored):
            self._base, self._spent = content, 0
            self._recorded = {self.name + BASE: _compressed(content)}
        else:
            self._spent += len(patch)
            self._recorded = {self.name + BASE: stored, self.name: patch}
        self._content = content
        return self._recorded


def restore(name: str, inputs: Mapping[str, bytes]) -> bytes:
    """
    Return the state that a :class:`Series` of that name recorded.

    :raises Unreadable: if its bytes are not what was written
    """
    try:
        base = zstandard.ZstdDecompressor().decompress(inputs[name + BASE])
        patch = inputs.get(name)
        if patch is None:
            return base
        return zstandard.ZstdDecompressor(dict_data=_dictionary(base)).decompress(patch)
    except zstandard.ZstdError as error:
        raise Unreadable(f"The state {name} can't be read: {error}.") from error


def _compressed(content: bytes, base: bytes | None = None) -> bytes:
    window = max(_LEAST_WINDOW, (len(content) + len(base or b"")).bit_length())
    parameters = zstandard.ZstdCompressionParameters.from_level(_LEVEL, window_log=window)
    dictionary = _dictionary(base) if base else None
    compressor = zstandard.ZstdCompressor(dict_data=dictionary, compression_params=parameters)
    return compressor.compress(content)


def _dictionary(base: bytes) -> zstandard.ZstdCompressionDict:
    return zstandard.ZstdCompressionDict(base, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
