"""Plays steps against the running server, tells what happens in both languages, and remembers every finished step.

A step's name is its idempotency key: played again, it gets the receipt it got the first time, and anything else is a
fault. A trial is an act that somebody must not do; its refusal is printed.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode
from uuid import uuid4

from api.cli.demo.wire import Answer, Wire

__all__ = ["Journal", "Player", "Receipt", "StoryBroken", "Trial"]

_OK: Final = 200
_CREATED: Final = 201
_NO: Final = range(400, 500)
_NOT_FOUND: Final = 404
_LOOKS: Final = 100
_LOOK_SECONDS: Final = 0.1


class StoryBroken(Exception):
    """Something did not go as the story has it; the sentence says what."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a step recorded: its row of the programme, the events by position and type, and where it can be read."""

    row: str
    step: str
    who: str
    events: tuple[tuple[int, str], ...]
    version: int
    location: str


@dataclass(frozen=True, slots=True)
class Trial:
    """An act that was refused, as it was refused."""

    row: str
    step: str
    who: str
    what: str
    status: int
    kind: str
    en: str
    zh: str

    def shown(self) -> dict[str, str | int]:
        """Its fields by name."""
        return {name: getattr(self, name) for name in self.__slots__}


class Journal:
    """The finished steps of a story, kept beside its data so that it can be gone on with."""

    def __init__(self, path: Path) -> None:
        self._path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        # The last line may be cut short where the story was stopped in the middle of writing it.
        whole = [line for line in lines if line.endswith("}")]
        self._steps: dict[str, Any] = {entry["step"]: entry["answer"] for entry in map(json.loads, whole)}
        if len(whole) != len(lines):
            path.write_text("".join(f"{line}\n" for line in whole), encoding="utf-8")

    def __len__(self) -> int:
        return len(self._steps)

    def get(self, step: str) -> Any:  # noqa: ANN401 - JSON of any shape.
        """The answer a step got, or None where it has not been played."""
        return self._steps.get(step)

    def keep(self, step: str, answer: object) -> None:
        """Remember the answer of a step."""
        if step not in self._steps:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"step": step, "answer": answer}, ensure_ascii=False) + "\n")
        self._steps[step] = answer


@dataclass
class Player:
    """One story on one server: who plays by which token, what has been recorded, what was refused."""

    wire: Wire
    journal: Journal
    tend: Callable[[], None]
    say: Callable[[str], None]
    tokens: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    receipts: list[Receipt] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)
    documents: dict[str, str] = field(default_factory=dict)
    row: str = ""
    head: int = 0

    def heading(self, row: str, en: str, zh: str) -> None:
        """Begin a row of the programme."""
        self.row = row
        self.say(f"\n[{row}] {en}\n    {zh}")

    def act(
        self,
        step: str,
        who: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        reason: str | None = None,
        draft: str | None = None,
        en: str = "",
        zh: str = "",
    ) -> Receipt:
        """Ask for something and expect a receipt; ``draft`` names the draft whose last version goes along."""
        headers = {"Idempotency-Key": f"demo-{step}"}
        if reason is not None:
            headers["Reason"] = reason
        if draft is not None and draft in self.versions:
            headers["If-Match"] = f'"{self.versions[draft]}"'
        answer = self._ask("POST", path, who, step, body=body or {}, headers=headers)
        return self._recorded(step, who, answer, draft, (en, zh))

    @contextmanager
    def aside(self, *, when: bool) -> Iterator[None]:
        """What is done here belongs to no row of the programme, but prepares a refusal beside it."""
        before = self.row
        self.row = f"{before} aside" if when else before
        yield
        self.row = before

    def deposit(
        self, step: str, who: str, kind: str, text: str, *, owner: str | None = None, en: str = "", zh: str = ""
    ) -> str:
        """Deposit a text as a document; returns its id."""
        query = urlencode({"kind": kind, **({"owner_unit_id": owner} if owner else {})})
        answer = self._ask(
            "POST",
            f"/v1/documents?{query}",
            who,
            step,
            content=("text/plain", text.encode()),
            headers={"Idempotency-Key": f"demo-{step}"},
        )
        receipt = self._recorded(step, who, answer, None, (en, zh))
        before: str | None = self.journal.get(f"{step}:document")
        document_id = before or receipt.location.rsplit("/", 1)[-1]
        self.journal.keep(f"{step}:document", document_id)
        self.documents[step] = document_id
        return document_id

    def refused(
        self,
        step: str,
        who: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        kind: str,
        what: str,
        reason: str | None = None,
        draft: str | None = None,
    ) -> None:
        """Try what must not be done, and expect this kind of refusal; one that was seen before is not tried again."""
        before = self.journal.get(step)
        trial = Trial(**before) if before else self._try(step, who, path, body or {}, (kind, what, reason, draft))
        self.trials.append(trial)
        self.say(
            f"    ✗ {self._name(who)} {trial.what} → {trial.status} {trial.kind}\n"
            f"        {trial.en}\n        {trial.zh}"
        )

    def read(self, who: str, path: str, **query: str | int) -> Any:  # noqa: ANN401 - JSON of any shape.
        """Read a view, not before everything that was recorded shows in it."""
        asked = urlencode({"min_position": self.head, **query})
        answer = self._ask("GET", f"{path}?{asked}", who, "")
        if answer.status != _OK:
            raise StoryBroken(f"GET {path} was answered with {answer.status}: {self._detail(answer)}")
        return answer.body

    def content(self, who: str, path: str) -> bytes:
        """The bytes of a file, not before everything that was recorded shows in what it is made of."""
        answer = self._ask("GET", f"{path}?{urlencode({'min_position': self.head})}", who, "")
        if answer.status != _OK:
            raise StoryBroken(f"GET {path} was answered with {answer.status}: {self._detail(answer)}")
        return answer.content

    def first_read(self, step: str, who: str, path: str, name: str) -> Any:  # noqa: ANN401 - JSON of any shape.
        """What a field of a resource said when the story first came here; it may say something else by now."""
        kept = self.journal.get(step)
        if kept is None:
            kept = {name: self.read(who, path)[name]}
            self.journal.keep(step, kept)
        return kept[name]

    def read_public(self, step: str, path: str) -> Any:  # noqa: ANN401 - JSON of any shape.
        """What anybody could read, without a token, when the story first came here; it may be gone by now.

        It is waited for: the public says no position to wait for.
        """
        kept = self.journal.get(step)
        if kept is not None:
            return kept
        shown = f"{path}?{urlencode({'format': 'json'})}"
        looks = 0
        while (answer := self._look(shown)).status == _NOT_FOUND and looks < _LOOKS:
            looks += 1
            time.sleep(_LOOK_SECONDS)
        if answer.status != _OK:
            raise StoryBroken(f"GET {path} was answered with {answer.status}: {self._detail(answer)}")
        self.journal.keep(step, answer.body)
        return answer.body

    def _look(self, path: str) -> Answer:
        self.tend()
        return self.wire.ask("GET", path, token=None, who="anybody", step="")

    def feed(self, who: str, after: int, limit: int) -> Any:  # noqa: ANN401 - JSON of any shape.
        """A stretch of the record itself."""
        answer = self._ask("GET", f"/v1/events?{urlencode({'after': after, 'limit': limit})}", who, "")
        if answer.status != _OK:
            raise StoryBroken(f"The events were not shown: {answer.status} {self._detail(answer)}")
        return answer.body

    def checkpoint(self, who: str, size: int) -> Any:  # noqa: ANN401 - JSON of any shape.
        """The newest signed checkpoint, not before it covers so many events: sealer and signer are a moment behind."""
        for _ in range(_LOOKS):
            answer = self._ask("GET", "/v1/audit/checkpoints?limit=1", who, "")
            if answer.status != _OK:
                raise StoryBroken(f"No checkpoint was shown: {answer.status} {self._detail(answer)}")
            if answer.body["items"] and answer.body["items"][0]["size"] >= size:
                return answer.body
            time.sleep(_LOOK_SECONDS)
        raise StoryBroken(f"No checkpoint of {size} events was signed.")

    def let_in(self, who: str, name: str, token: str) -> None:
        """Give somebody of the story a token to play with."""
        self.tokens[who], self.names[who] = token, name

    def hand_token(self, who: str, name: str, person_id: str) -> None:
        """Ask, as the administrator, for somebody's token; it is kept in memory only, and another one next time."""
        body = {"person_id": person_id, "scopes": ["read", "act"], "days": 1}
        headers = {"Idempotency-Key": f"demo-token-{who}-{uuid4()}"}
        answer = self._ask("POST", "/v1/tokens", "administrator", f"token-{who}", body=body, headers=headers)
        if answer.status != _CREATED:
            raise StoryBroken(f"No token for {who}: {answer.status} {self._detail(answer)}")
        self.let_in(who, name, answer.body["token"])

    def advance(self, step: str, who: str, to: str) -> Any:  # noqa: ANN401 - JSON of any shape.
        """Move the simulated clock, and wait for everything that falls due on the way."""
        headers = {"Idempotency-Key": f"demo-{step}"}
        answer = self._ask("POST", "/v1/clock/advance", who, step, body={"to": to}, headers=headers)
        if answer.status not in {_OK, _CREATED}:
            raise StoryBroken(f"The clock did not move to {to}: {answer.status} {self._detail(answer)}")
        self.journal.keep(step, {"to": to})
        self.say(f"\n--- {to}")
        steps = answer.body.get("steps", [])
        self.head = max([self.head, *(receipt["version"] for receipt in steps)])
        return answer.body

    # --- within -------------------------------------------------------------------------------------------------------

    def _ask(self, method: str, path: str, who: str, step: str, **more: Any) -> Answer:  # noqa: ANN401 - Passed on.
        self.tend()
        return self.wire.ask(method, path, token=self.tokens[who], who=who, step=step, **more)

    def _recorded(self, step: str, who: str, answer: Answer, draft: str | None, told: tuple[str, str]) -> Receipt:
        if answer.status != _CREATED:
            raise StoryBroken(f"Step {step} by {who} was answered with {answer.status}: {self._detail(answer)}")
        body = answer.body
        kept = {"command_id": body["command_id"], "events": body["events"], "version": body["version"]}
        before = self.journal.get(step)
        if before is not None and before != kept:
            raise StoryBroken(f"Step {step} has another receipt than the first time.")
        self.journal.keep(step, kept)
        events = tuple((event["position"], event["type"]) for event in body["events"])
        receipt = Receipt(self.row, step, who, events, body["version"], body.get("location") or "")
        self.receipts.append(receipt)
        self.head = max(self.head, receipt.version)
        if draft is not None:
            self.versions[draft] = receipt.version
        if told[0]:
            span = f"{events[0][0]}" if len(events) == 1 else f"{events[0][0]}–{events[-1][0]}"
            again = " (as before · 与前次相同)" if before is not None else ""
            self.say(f"    ✓ {self._name(who)}: {told[0]} · {told[1]}  #{span}{again}")
        return receipt

    def _try(
        self,
        step: str,
        who: str,
        path: str,
        body: Mapping[str, Any],
        expected: tuple[str, str, str | None, str | None],
    ) -> Trial:
        kind, what, reason, draft = expected
        headers = {"Idempotency-Key": f"demo-{step}", "Accept-Language": "en"}
        if reason is not None:
            headers["Reason"] = reason
        if draft is not None and draft in self.versions:
            headers["If-Match"] = f'"{self.versions[draft]}"'
        english = self._ask("POST", path, who, step, body=body, headers=headers)
        chinese = self._ask("POST", path, who, step, body=body, headers={**headers, "Accept-Language": "zh"})
        found = english.body.get("type", "").rsplit("/", 1)[-1] if english.status in _NO else "a receipt"
        if found != kind:
            raise StoryBroken(
                f"{who} {what}: expected the refusal {kind}, got {english.status} {found}: {self._detail(english)}"
            )
        trial = Trial(self.row, step, who, what, english.status, kind, english.body["detail"], chinese.body["detail"])
        self.journal.keep(step, trial.shown())
        return trial

    def _name(self, who: str) -> str:
        return self.names.get(who, who)

    @staticmethod
    def _detail(answer: Answer) -> str:
        try:
            body = answer.body
        except ValueError:
            return "(no JSON)"
        return f"{body.get('type', '')} {body.get('detail', '')}" if isinstance(body, dict) else ""


def to_terminal(line: str) -> None:
    """Tell the person at the terminal."""
    print(line, file=sys.stdout, flush=True)
