"""Runs the processes of a small installation as children: starts again what crashed, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from infra.leash import leash
from infra.log import logger
from infra.places import private_file

_LOOK_SECONDS = 0.05
_POLL_SECONDS = 0.01
_LONGEST_WAIT_SECONDS = 30.0
_LONG_LIFE_SECONDS = 60.0  # Whoever lived this long was well; its next crash is a new story.
_LIVES = 6

_log = logger()


@dataclass(frozen=True, slots=True)
class Child:
    """One command to keep running."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    holds: Sequence[int] = ()
    """Open files of ours that every life of the child takes over by their numbers."""


@dataclass(slots=True)
class _Life:
    child: Child
    process: subprocess.Popen[bytes] | None = None
    born: float = 0.0
    crashes: int = 0
    start_at: float = 0.0


class Supervisor:
    """Keeps children running until it is told to stop.

    They write to our standard output and error themselves, or to one file, so no line is lost when we die. They are in
    process groups of their own, so that Ctrl-C reaches us alone and we stop them in order: first the first, which is
    the door. When we are killed outright, the kernel kills them.
    """

    def __init__(
        self,
        children: Sequence[Child],
        output: Path | None = None,
        stop_seconds: float = 15.0,
        first_wait_seconds: float = 0.5,
    ) -> None:
        self._lives = [_Life(child) for child in children]
        self._output = output
        self._stop_seconds = stop_seconds
        self._first_wait_seconds = first_wait_seconds
        self._told_to_stop = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pids(self) -> dict[str, int]:
        """The processes that run now."""
        running = ((life.child.name, life.process) for life in self._lives)
        return {name: process.pid for name, process in running if process is not None and not _has_ended(process)}

    def start(self) -> None:
        """Start every child, in order, or none."""
        try:
            for life in self._lives:
                self._bear(life)
        except BaseException:
            self.stop()
            raise

    def tend(self) -> bool:
        """Look after the children once: start again what crashed, when its wait is over. False: one cannot be kept."""
        now = time.monotonic()
        for life in self._lives:
            if life.process is None:
                if now >= life.start_at:
                    self._bear(life)
            elif _has_ended(life.process) and not self._mourn(life, _clear(life.process), now):
                return False
        return True

    def run(self) -> int:
        """Keep the children until SIGTERM or Ctrl-C (exit code 0), or until one cannot be kept (1)."""
        before = {number: signal.signal(number, self._hear) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            self.start()
            while not self._told_to_stop:
                if not self.tend():
                    return 1
                time.sleep(_LOOK_SECONDS)
            return 0
        finally:
            self.stop()
            for number, handler in before.items():
                signal.signal(number, handler)

    def stop(self) -> None:
        """End every child in order, politely and then not; told a second time, at once."""
        for life in self._lives:
            if life.process is not None:
                self._end(life.child.name, life.process)
                life.process = None

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        self._told_to_stop += 1

    def _bear(self, life: _Life) -> None:
        output = private_file(self._output) if self._output is not None else None
        try:
            life.process = subprocess.Popen(
                list(life.child.argv), env=dict(life.child.env), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True, pass_fds=life.child.holds,
                preexec_fn=leash(signal.SIGKILL),  # noqa: PLW1509 - only the main thread comes here.
            )  # fmt: skip
        finally:
            if output is not None:
                output.close()
        life.born = time.monotonic()
        _log.info("child.started", child=life.child.name, pid=life.process.pid)

    def _mourn(self, life: _Life, code: int, now: float) -> bool:
        if now - life.born > _LONG_LIFE_SECONDS:
            life.crashes = 0
        life.crashes += 1
        life.process = None
        wait = min(self._first_wait_seconds * 2 ** (life.crashes - 1), _LONGEST_WAIT_SECONDS)
        life.start_at = now + wait
        _log.error("child.ended", child=life.child.name, code=code, crashes=life.crashes, again_in_seconds=wait)
        if life.crashes < _LIVES:
            return True
        _log.error("child.given_up", child=life.child.name)
        return False

    def _end(self, name: str, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + self._stop_seconds
        # The child alone: one that has children of its own stops them in its own order. What is left of them then goes.
        os.kill(process.pid, signal.SIGTERM)
        while not _has_ended(process) and time.monotonic() < deadline and self._told_to_stop <= 1:
            time.sleep(_POLL_SECONDS)
        if not _has_ended(process):
            _log.warning("child.killed", child=name, pid=process.pid)
        _log.info("child.stopped", child=name, code=_clear(process))


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    # Looks without collecting: until it is collected, its number is not given to anyone else, and we may signal it.
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _clear(process: subprocess.Popen[bytes]) -> int:
    """Kill what is left of the child's group, collect the child and return its exit code."""
    os.killpg(process.pid, signal.SIGKILL)
    return process.wait()
