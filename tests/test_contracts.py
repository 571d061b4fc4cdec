"""Golden events: bytes of every version ever released, and what they must decode to. The files are never edited.

A new event type or version is added by ``python -m tests.test_contracts``, which only ever appends.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from domain.kernel import encode, tags_of
from domain.lifecycle import CATALOGUE, EVENTS
from tests.test_house import Filler

FILE = Path(__file__).with_name("contracts") / "events.jsonl"
EXAMPLES = 3


def golden() -> list[dict[str, Any]]:
    return [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("example", golden(), ids=lambda example: f"{example['type']}-{example['seed']}")
def test_bytes_once_written_mean_the_same_for_ever(example: dict[str, Any]) -> None:
    data = example["data"].encode()
    body = CATALOGUE.decode(example["type"], data)
    assert tags_of(body) == example["tags"]
    # A field that was added later has its default, so the old bytes are what is left of the new ones without it.
    again, before = json.loads(encode(body)), json.loads(data)
    assert {name: again[name] for name in before} == before
    # And another reader's canonical form is the same, byte for byte.
    assert json.dumps(before, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode() == data


def test_every_event_type_stands_in_the_golden_file() -> None:
    written = [example["type"] for example in golden()]
    assert set(written) >= {event.TOPIC for event in EVENTS}
    assert all(written.count(event.TOPIC) >= EXAMPLES for event in EVENTS)


def append_what_is_new() -> None:
    known = {example["type"] for example in golden()} if FILE.exists() else set()
    with FILE.open("a", encoding="utf-8") as file:
        for event in EVENTS:
            for seed in range(EXAMPLES) if event.TOPIC not in known else ():
                body = Filler(seed).value(event)
                line = {"data": encode(body).decode(), "seed": seed, "tags": tags_of(body), "type": event.TOPIC}
                file.write(json.dumps(line, ensure_ascii=False, sort_keys=True) + "\n")


if __name__ == "__main__":
    append_what_is_new()
