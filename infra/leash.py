"""A child on a leash dies with the process that started it, even when that one is killed by -9."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1

# Loaded once, before any fork: between fork and exec a child must not open libraries.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def leash(on_parent_death: signal.Signals) -> Callable[[], None]:
    """Return what a child runs between fork and exec, so that the kernel sends it this signal when its parent dies.

    The kernel ties the leash to the *thread* that starts the child, and a thread may end long before its process does;
    hence only the main thread may start one. Elsewhere than on Linux there is no such leash: the next start finds
    what is left and stops it.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("Children that must die with us are started from the main thread.")
    parent = os.getpid()

    def hold() -> None:
        _put_on(on_parent_death)
        if _libc is not None and os.getppid() != parent:
            # The parent died before the leash was on, so nobody will ever pull it.
            os._exit(127)

    return hold


def hold_fork(on_parent_death: signal.Signals = signal.SIGKILL) -> None:
    """Put the leash on this process, where a library has forked it from one of ours; elsewhere do nothing."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    _put_on(on_parent_death)
    if not parent.is_alive():
        os._exit(127)


def _put_on(on_parent_death: signal.Signals) -> None:
    if _libc is not None and _libc.prctl(_PR_SET_PDEATHSIG, int(on_parent_death), 0, 0, 0) != 0:
        os._exit(127)
