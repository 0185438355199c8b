"""Readies the guest's memory, which becomes the component as it stands after the plugin was imported."""

import gc

#: Blocks of these sizes, from the largest down, fill what is free between those in use.
_BLOCK_BYTES = [1 << power for power in range(20, 9, -1)]
#: The allocator's own words, which make a block a bit larger than what it holds.
_BLOCK_OVERHEAD_BYTES = 64


def settle() -> None:
    """Drops garbage, and zeroes where it was: zeroes are not stored.

    From here on nothing is looked through for garbage: a review ends before that could be worth the pages it touches.
    """
    gc.collect()
    gc.freeze()
    gc.disable()
    _zero_free_memory()


def _zero_free_memory() -> None:
    highest = max(id(bytes(_BLOCK_BYTES[0])) for _ in range(4))
    held = []
    for size in _BLOCK_BYTES:
        block = b""
        # A block above all others means that none of its size is free below.
        while id(block) < highest or not block:
            block = bytes(size - _BLOCK_OVERHEAD_BYTES)
            held.append(block)
