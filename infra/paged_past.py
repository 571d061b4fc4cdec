"""A past that is too long to be held: taken into a command page by page, and kept only where the door asks about it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Final

from domain.kernel import Command, Recorded, replay

__all__ = ["PAGE", "PagedPast"]

PAGE: Final = 2_000


class PagedPast:
    """A command that has taken in its past up to a position, and what was kept of that past.

    The command itself is never decided on: each attempt takes a copy, and what was recorded since, so that a race that
    was lost costs the newest events and not all of them.
    """

    def __init__(self, command: Command, keeps: Callable[[Recorded], bool]) -> None:
        self.boundary = list(command.consistency_boundary())
        self.position = 0
        self.events = 0
        self.kept: list[Recorded] = []
        self.unanswered: list[Recorded] = []
        """Events of this process that were read before their answer came: they are pending here, and taken in."""
        self._command = command
        self._keeps = keeps

    def take(self, page: Sequence[Recorded], unanswered: Sequence[Recorded]) -> None:
        """Take in the next events."""
        replay(self._command, page)
        self.kept += filter(self._keeps, page)
        self.unanswered += unanswered
        self.position, self.events = page[-1].position, self.events + len(page)

    def begun(self) -> Command:
        """A copy of the command as far as it has come, to go on with."""
        return copy.deepcopy(self._command)

    def refuse_growth(self, command: Command) -> None:
        """Raise TypeError for a command that asks for more than it named before it had read anything."""
        if list(command.consistency_boundary()) != self.boundary:
            raise TypeError(f"the boundary of {type(command).__name__} grows, so it cannot be read page by page")
