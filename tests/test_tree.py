"""The tree and its proofs: against the definition in RFC 6962, for every size up to 130 and at the edges of tiles."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence

import pymerkle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.line import Root
from infra.tree import HASH, WIDTH, Growing, Held, Tile, Tree, proves_consistency, proves_inclusion, unfinished

LEAVES = [hashlib.sha256(b"\x00" + str(n).encode()).digest() for n in range(70_000)]
EDGES = (1, 2, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, 65_793, 70_000)


def defined(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962, 2.1, word by word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + defined(leaves[:k]) + defined(leaves[k:])).digest()


def path_defined(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """RFC 6962, 2.1.1, word by word."""
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m < k:
        return [*path_defined(m, leaves[:k]), defined(leaves[k:])]
    return [*path_defined(m - k, leaves[k:]), defined(leaves[:k])]


def subproof_defined(m: int, leaves: Sequence[bytes], *, whole: bool = True) -> list[bytes]:
    """RFC 6962, 2.1.2, word by word."""
    if m == len(leaves):
        return [] if whole else [defined(leaves)]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m <= k:
        return [*subproof_defined(m, leaves[:k], whole=whole), defined(leaves[k:])]
    return [*subproof_defined(m - k, leaves[k:], whole=False), defined(leaves[:k])]


def grown(size: int) -> dict[Tile, Held]:
    growing = Growing()
    growing.add(LEAVES[:size])
    return growing.take()


def tree(tiles: dict[Tile, Held]) -> Tree:
    async def fetch(asked: Sequence[Tile]) -> dict[Tile, Held]:
        return {tile: tiles[tile] for tile in asked if tile in tiles}

    return Tree(fetch)


ALL = grown(len(LEAVES))


def root(size: int) -> bytes:
    return asyncio.run(tree(ALL).root(size))


def test_a_root_is_the_one_that_is_defined_and_the_one_that_is_printed() -> None:
    streamed = Root()
    for size in range(131):
        assert root(size) == defined(LEAVES[:size]) == streamed.digest()
        streamed.add(LEAVES[size])


def test_a_library_that_is_not_ours_finds_the_same_roots_and_paths() -> None:
    theirs = pymerkle.InmemoryTree(algorithm="sha256")
    for size in range(1, 131):
        theirs.append_entry(str(size - 1).encode())
        assert theirs.get_root(size) == root(size)
        for index in {0, size // 2, size - 1}:
            # Its path begins with the leaf itself.
            leaf, *path = theirs.prove_inclusion(index + 1, size).path
            assert leaf == LEAVES[index]
            assert path == asyncio.run(tree(ALL).inclusion(index, size))


@pytest.mark.parametrize("size", EDGES)
def test_at_the_edges_of_tiles_a_root_is_the_one_that_is_printed(size: int) -> None:
    streamed = Root()
    for each in LEAVES[:size]:
        streamed.add(each)
    assert root(size) == streamed.digest()


def test_an_inclusion_is_the_one_that_is_defined_and_proves_its_leaf_alone() -> None:
    for size in range(1, 131):
        for index in range(size):
            path = asyncio.run(tree(ALL).inclusion(index, size))
            assert path == path_defined(index, LEAVES[:size])
            assert proves_inclusion(LEAVES[index], index, path, size, root(size))
            assert not proves_inclusion(LEAVES[index + 1], index, path, size, root(size))


def test_a_consistency_is_the_one_that_is_defined_and_proves_its_sizes_alone() -> None:
    for new in range(1, 131):
        for old in range(1, new + 1):
            path = asyncio.run(tree(ALL).consistency(old, new))
            assert path == subproof_defined(old, LEAVES[:new])
            assert proves_consistency(old, root(old), path, new, root(new))
            assert not proves_consistency(old, root(old + 1), path, new, root(new))
            assert not proves_consistency(old, root(old), path, new, root(new + 1))


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_in_a_tree_of_many_tiles_both_prove_what_they_say(data: st.DataObject) -> None:
    new = data.draw(st.sampled_from(EDGES[2:]) | st.integers(1, len(LEAVES)))
    old = data.draw(st.integers(1, new))
    path = asyncio.run(tree(ALL).inclusion(old - 1, new))
    assert proves_inclusion(LEAVES[old - 1], old - 1, path, new, root(new))
    assert proves_consistency(old, root(old), asyncio.run(tree(ALL).consistency(old, new)), new, root(new))


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_path_that_was_tampered_with_proves_nothing(data: st.DataObject) -> None:
    new = data.draw(st.integers(2, 600))
    old = data.draw(st.integers(1, new - 1))
    index = data.draw(st.integers(0, new - 1))
    inclusion = asyncio.run(tree(ALL).inclusion(index, new))
    consistency = asyncio.run(tree(ALL).consistency(old, new))
    proofs: list[tuple[list[bytes], Callable[[list[bytes]], bool]]] = [
        (inclusion, lambda path: proves_inclusion(LEAVES[index], index, path, new, root(new))),
        (consistency, lambda path: proves_consistency(old, root(old), path, new, root(new))),
    ]
    for path, proves in proofs:
        assert proves(path)
        at = data.draw(st.integers(0, len(path) - 1))
        other = bytes([path[at][0] ^ 1]) + path[at][1:]
        assert not proves([*path[:at], other, *path[at + 1 :]])
        assert not proves(path[:at] + path[at + 1 :])
        assert not proves([*path, path[at]])
    for other_index in {index ^ 1, (index + 1) % new} - {index}:
        assert not proves_inclusion(LEAVES[index], other_index, inclusion, new, root(new))


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 3)])
def test_what_is_not_in_the_tree_has_no_proof(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="has none"):
        asyncio.run(tree(ALL).inclusion(index, size))
    assert not proves_inclusion(LEAVES[0], index, [], size, LEAVES[0])


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 3), (4, 3)])
def test_no_tree_goes_on_from_nothing_or_from_a_larger_one(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="does not go on"):
        asyncio.run(tree(ALL).consistency(old, new))
    assert not proves_consistency(old, root(old), [], new, root(new))


def test_two_of_one_size_agree_in_their_roots_or_not_at_all() -> None:
    assert proves_consistency(5, root(5), [], 5, root(5))
    assert not proves_consistency(5, root(5), [], 5, root(6))
    assert not proves_consistency(5, root(5), [root(5)], 5, root(5))
    assert not proves_consistency(5, root(5), [], 6, root(6))


@given(st.lists(st.integers(0, 700), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_a_tree_that_grew_in_pieces_and_was_put_down_between_has_the_same_tiles(steps: list[int]) -> None:
    tiles: dict[Tile, Held] = {}
    size = 0
    for step in steps:
        kept = {(level, number): tiles[level, number].hashes for level, number, _ in unfinished(size)}
        growing = Growing.of(size, kept)
        growing.add(LEAVES[size : size + step])
        tiles |= growing.take()
        assert growing.take() == {}
        size += step
    assert tiles == grown(size)
    assert all(len(tile.hashes) <= WIDTH * HASH for tile in tiles.values())


def test_a_tile_that_was_cut_is_noticed() -> None:
    tiles = grown(300)
    tiles[0, 1] = Held(tiles[0, 1].hashes[:-HASH], tiles[0, 1].middle)
    with pytest.raises(ValueError, match="ends before"):
        asyncio.run(tree(tiles).root(300))
    assert asyncio.run(tree(tiles).root(299)) == root(299)


def test_half_way_up_stand_the_roots_over_each_full_run_of_16() -> None:
    for width in (1, 15, 16, 17, 255, 256):
        held = grown(width)[0, 0]
        assert held.middle == b"".join(defined(LEAVES[at : at + 16]) for at in range(0, width - 15, 16))


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_proofs_are_the_same_where_nothing_is_kept_half_way_up(data: st.DataObject) -> None:
    bare = {tile: Held(held.hashes) for tile, held in ALL.items()}
    size = data.draw(st.sampled_from(EDGES[2:]) | st.integers(1, len(LEAVES)))
    index = data.draw(st.integers(0, size - 1))
    assert asyncio.run(tree(bare).inclusion(index, size)) == asyncio.run(tree(ALL).inclusion(index, size))
    assert asyncio.run(tree(bare).consistency(index + 1, size)) == asyncio.run(tree(ALL).consistency(index + 1, size))


@given(st.integers(0, 15), st.integers(0, 599))
@settings(max_examples=60, deadline=None)
def test_what_is_kept_wrong_half_way_up_proves_nothing_that_is_not_so(run: int, index: int) -> None:
    """A path leads to the root that was signed, or to none: nobody is shown another leaf for it."""
    held = ALL[0, 0]
    wrong = held.middle[: run * HASH] + bytes(HASH) + held.middle[(run + 1) * HASH :]
    path = asyncio.run(tree({**ALL, (0, 0): Held(held.hashes, wrong)}).inclusion(index, 600))
    own = index >> 4 == run or index >= WIDTH
    assert proves_inclusion(LEAVES[index], index, path, 600, root(600)) == own
