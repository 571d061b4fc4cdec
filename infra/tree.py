"""The tree over a log's leaves, kept as tiles, and the two proofs that it gives.

The tree is that of RFC 6962. Hashes stand in tiles as C2SP's tlog-tiles lays them out: a tile of level t and number
n holds the roots of up to 256 neighbouring subtrees of 256^t leaves each, 32 bytes apiece; only the last of a level is
not full. Whatever a proof needs is hashed from a handful of tiles. The two ``proves`` functions need no tile: they are
what an auditor runs (RFC 9162, 2.1.3.2 and 2.1.4.2).
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

__all__ = ["HASH", "WIDTH", "Growing", "Held", "Tile", "Tree", "proves_consistency", "proves_inclusion"]

HASH: Final = 32
_HEIGHT: Final = 8
WIDTH: Final = 1 << _HEIGHT
"""How many hashes a full tile holds."""

_HALF: Final = _HEIGHT // 2
_RUN: Final = HASH << _HALF

Tile = tuple[int, int]
"""Level and number of a tile."""


def _pair(hashes: bytes) -> bytes:
    """The node over two hashes that stand side by side."""
    return hashlib.sha256(b"\x01" + hashes).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return _pair(left + right)


def _perfect(hashes: bytes) -> bytes:
    """The root of a full subtree over as many hashes, end to end, as a power of two."""
    while len(hashes) > HASH:
        hashes = b"".join([_pair(hashes[n : n + 2 * HASH]) for n in range(0, len(hashes), 2 * HASH)])
    return hashes


def _split(size: int) -> int:
    """The largest power of two below a size of at least two: where RFC 6962 divides a tree."""
    return 1 << (size - 1).bit_length() - 1


class Held(NamedTuple):
    """A tile as it is kept: its hashes, and from half-way up the roots over each full run of 16 of them.

    What is half-way up saves a proof all hashing below it. It may be missing, and then follows from the hashes.
    """

    hashes: bytes
    middle: bytes = b""

    @classmethod
    def of(cls, hashes: bytes) -> Held:
        """The tile of these hashes, with what is half-way up."""
        runs = range(0, len(hashes) - _RUN + 1, _RUN)
        return cls(hashes, b"".join([_perfect(hashes[at : at + _RUN]) for at in runs]))

    def root(self, level: int, first: int) -> bytes | None:
        """The root over 2^level of the hashes, from the first on, or None where the tile ends before."""
        if level >= _HALF and self.middle:
            return Held(self.middle).root(level - _HALF, first >> _HALF)
        hashes = self.hashes[first * HASH : (first + (1 << level)) * HASH]
        return _perfect(hashes) if len(hashes) == HASH << level else None


_MISSING: Final = Held(b"")


# --- growing ---------------------------------------------------------------------------------------------------------


@dataclass
class Growing:
    """The last tile of every level of a tree that leaves are added to; ``changed`` are the tiles to be kept anew."""

    size: int = 0
    last: dict[int, list[bytes]] = field(default_factory=dict)
    changed: dict[Tile, Held | None] = field(default_factory=dict)

    @classmethod
    def of(cls, size: int, tiles: dict[Tile, bytes]) -> Growing:
        """Go on with a tree of a size, given the last tile of each of its levels (``unfinished`` names them)."""
        last = {level: _hashes(tiles[level, number])[:width] for level, number, width in unfinished(size)}
        return cls(size, last)

    def add(self, leaves: Iterable[bytes]) -> None:
        """Add leaf hashes, in order."""
        added = list(leaves)
        self._extend(0, self.size, added)
        self.size += len(added)

    def _extend(self, level: int, size: int, added: Sequence[bytes]) -> None:
        """Add hashes to a level that has so many, and to the level above what they complete."""
        hashes = self.last.setdefault(level, [])
        complete = []
        at = 0
        while at < len(added):
            part = added[at : at + WIDTH - len(hashes)]
            hashes += part
            at += len(part)
            tile = level, (size + at - 1) >> _HEIGHT
            self.changed[tile] = None  # Joined once, when it is taken.
            if len(hashes) == WIDTH:
                self.changed[tile] = full = Held.of(b"".join(hashes))
                complete.append(_perfect(full.middle))
                hashes.clear()
        if complete:
            self._extend(level + 1, size >> _HEIGHT, complete)

    def take(self) -> dict[Tile, Held]:
        """What has changed since this was asked last."""
        taken = {tile: full or Held.of(b"".join(self.last[tile[0]])) for tile, full in self.changed.items()}
        self.changed = {}
        return taken


def _hashes(tile: bytes) -> list[bytes]:
    return [tile[at : at + HASH] for at in range(0, len(tile), HASH)]


def unfinished(size: int) -> list[tuple[int, int, int]]:
    """Level, number and width of every tile that is not full yet in a tree of a size."""
    found = []
    level = 0
    while count := size >> _HEIGHT * level:
        if width := count % WIDTH:
            found.append((level, count >> _HEIGHT, width))
        level += 1
    return found


# --- reading ---------------------------------------------------------------------------------------------------------


class Tree:
    """A tree whose tiles are fetched as they are needed, each once, and all those of a path together."""

    def __init__(self, fetch: Callable[[Sequence[Tile]], Awaitable[Mapping[Tile, Held]]]) -> None:
        self._fetch = fetch
        self._tiles: dict[Tile, Held] = {}

    async def _have(self, tiles: Iterable[Tile]) -> None:
        missing = sorted(set(tiles) - self._tiles.keys())
        if missing:
            self._tiles.update(await self._fetch(missing))

    async def root(self, size: int) -> bytes:
        """The root over the first leaves."""
        return await self._range(0, size) if size else hashlib.sha256(b"").digest()

    async def inclusion(self, index: int, size: int) -> list[bytes]:
        """The path from the leaf of an index to the root of a size, from below (RFC 6962, 2.1.1)."""
        if not 0 <= index < size:
            raise ValueError(f"A tree of {size} leaves has none of index {index}.")
        # Above the leaf, and along the right edge of the tree.
        edge = unfinished(size)
        top = max(level for level, _, _ in edge) if edge else (size - 1).bit_length() // _HEIGHT
        above = ((level, index >> _HEIGHT * (level + 1)) for level in range(top + 1))
        await self._have((*above, *((level, number) for level, number, _ in edge)))
        path = []
        low, high = 0, size
        while high - low > 1:
            middle = low + _split(high - low)
            if index < middle:
                path.append(await self._range(middle, high))
                high = middle
            else:
                path.append(await self._range(low, middle))
                low = middle
        return path[::-1]

    async def consistency(self, old: int, new: int) -> list[bytes]:
        """That the tree of the old size is the beginning of that of the new one (RFC 6962, 2.1.2)."""
        if not 0 < old <= new:
            raise ValueError(f"A tree of {new} leaves does not go on from one of {old}.")
        path = []
        low, high, whole = 0, new, True
        while old < high:
            middle = low + _split(high - low)
            if old <= middle:
                path.append(await self._range(middle, high))
                high = middle
            else:
                path.append(await self._range(low, middle))
                low, whole = middle, False
        if not whole:
            path.append(await self._range(low, high))
        return path[::-1]

    async def _range(self, low: int, high: int) -> bytes:
        """The root over the leaves from ``low`` up to ``high``, as they stand under one node of the tree."""
        parts = []
        while low < high:
            width = high - low
            level = min(width.bit_length() - 1, (low & -low).bit_length() - 1 if low else width)
            parts.append(await self._full(level, low >> level))
            low += 1 << level
        joined = parts.pop()
        while parts:
            joined = _node(parts.pop(), joined)
        return joined

    async def _full(self, level: int, index: int) -> bytes:
        """The root of a full subtree of 2^level leaves."""
        tile_level, above = divmod(level, _HEIGHT)
        first = index << above
        tile = (tile_level, first >> _HEIGHT)
        await self._have([tile])
        root = self._tiles.get(tile, _MISSING).root(above, first % WIDTH)
        if root is None:
            raise ValueError(f"Tile {tile} ends before the hash that is asked of it.")
        return root


# --- proving ---------------------------------------------------------------------------------------------------------


def proves_inclusion(leaf: bytes, index: int, path: Sequence[bytes], size: int, root: bytes) -> bool:
    """Whether a path shows that a leaf stands at an index under the root of a size (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    at, last, joined = index, size - 1, leaf
    for each in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            joined = _node(each, joined)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            joined = _node(joined, each)
        at, last = at >> 1, last >> 1
    return last == 0 and joined == root


def proves_consistency(old: int, old_root: bytes, path: Sequence[bytes], new: int, new_root: bytes) -> bool:
    """Whether a path shows that the root of the old size is of the beginning of the new one (RFC 9162, 2.1.4.2)."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not path and old_root == new_root
    hashes = [old_root, *path] if old & (old - 1) == 0 else list(path)
    if not hashes:
        return False
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    first = second = hashes[0]
    for each in hashes[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            first, second = _node(each, first), _node(each, second)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            second = _node(second, each)
        at, last = at >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root
