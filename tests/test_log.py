from __future__ import annotations

import asyncio
import io
import json
import logging
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from infra.log import configure, during, logger, request_id

MARKER = "张三 13800138000"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    written = io.StringIO()
    configure("api", "INFO", written)
    yield written
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_says_what_where_and_for_which_request(stream: io.StringIO) -> None:
    with during(request_id="abcdefgh"):
        logger(part="front_door").info("command.accepted", position=7)
    logger().info("outside")
    inside, outside = lines(stream)
    assert (inside["event"], inside["position"], inside["part"]) == ("command.accepted", 7, "front_door")
    assert (inside["process"], inside["level"], inside["request_id"]) == ("api", "info", "abcdefgh")
    assert inside["at"].endswith("Z")
    assert "request_id" not in outside


async def test_a_request_keeps_its_id_across_tasks(stream: io.StringIO) -> None:
    async def work(name: str) -> None:
        with during(request_id=name):
            await asyncio.sleep(0)
            await asyncio.create_task(inner())

    async def inner() -> None:
        logger().info("inner")

    await asyncio.gather(work("first-request"), work("second-request"))
    assert {line["request_id"] for line in lines(stream)} == {"first-request", "second-request"}


def test_an_exception_shows_its_kind_and_place_but_not_its_words(stream: io.StringIO) -> None:
    try:
        try:
            raise KeyError(MARKER)  # noqa: TRY301 - the cause is the point.
        except KeyError as cause:
            raise ValueError(f"no such person: {MARKER}") from cause
    except ValueError:
        logger().error("view.failed", exc_info=True)
        logging.getLogger("some.library").exception("could not")
    ours, theirs = lines(stream)
    assert [link["kind"] for link in ours["error"]] == ["builtins.ValueError", "builtins.KeyError"]
    assert "test_log.py" in ours["error"][0]["at"][0]
    assert theirs["error"] == ours["error"]
    assert MARKER not in stream.getvalue()


def test_a_library_shows_its_words_but_not_its_values(stream: io.StringIO) -> None:
    logging.getLogger("some.library").warning("refused %s", MARKER)
    told = f"Task exception was never retrieved\nfuture: <Task {MARKER}>"
    logging.getLogger("asyncio").error(told)
    logging.getLogger("uvicorn.error").info("Uvicorn running on %s", "http://127.0.0.1:8000")
    events = [line["event"] for line in lines(stream)]
    assert events == ["refused", "Task exception was never retrieved", "Uvicorn running on http://127.0.0.1:8000"]


def test_uvicorns_own_line_for_every_request_is_not_written(stream: io.StringIO) -> None:
    logging.getLogger("uvicorn.access").info('"GET /v1/people?name=%s"', MARKER)
    assert stream.getvalue() == ""


def test_a_stream_that_is_gone_stops_nobody(stream: io.StringIO) -> None:
    stream.close()
    logger().info("written to nobody")
    logger().critical("nor this")
    configure("api", "INFO", io.StringIO())


def test_what_is_no_text_is_written_all_the_same(stream: io.StringIO) -> None:
    logger().info("found", file="\ud800", by=object)
    (line,) = lines(stream)
    assert (line["file"], line["by"]) == ("\ud800", "<class 'object'>")


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error", "critical", "exception"])
def test_every_level_is_written_and_named(stream: io.StringIO, level: str) -> None:
    configure("api", "DEBUG", stream)
    getattr(logger(), level)("happened")
    (line,) = lines(stream)
    assert (line["event"], line["level"]) == ("happened", "error" if level == "exception" else level)


def test_a_level_is_a_threshold(stream: io.StringIO) -> None:
    logger().debug("detail")
    assert stream.getvalue() == ""


@pytest.mark.parametrize("offered", [None, "", "short", "x" * 65, "with space 12", "line\nbreak12", "{json:12345}"])
def test_a_strange_request_id_is_replaced(offered: str | None) -> None:
    made = request_id(offered)
    assert str(uuid.UUID(made)) == made


def test_a_plain_request_id_is_kept() -> None:
    assert request_id("client-42.retry_1") == "client-42.retry_1"
