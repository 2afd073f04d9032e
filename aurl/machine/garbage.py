"""When Python looks for garbage: not while a program sets itself up, and then only among what is new.

Python's collector walks all objects again each time their number has grown by a quarter. Setting up a training makes
half a million of them, none of which is garbage: a sixth of the CPU of loading torch, and a pause in every later walk.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_held() -> Iterator[None]:
    """No walks inside the block; as before after it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def freeze() -> None:
    """What exists now is walked no more, until `unfreeze`."""
    gc.freeze()


def unfreeze() -> None:
    """What was frozen counts again, and what of it is garbage is collected: the memory of a run that has ended."""
    gc.unfreeze()
    gc.collect()
