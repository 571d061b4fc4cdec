"""What codes are called: a program is told the code, a person what it means in their own language."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any, get_args

import pytest

import api.app  # noqa: F401 - Every command, and so every refusal, is imported by it.
from api.problems import NotFound, known_refusals, problem, translated
from domain.accountability.events import Concerned, MeasureKind
from domain.accountability.policy import CONCERNED_TITLES, MEASURE_TITLES, FindingState, MeasureState
from domain.application.policy import ApplicationState
from domain.assessment.events import AssessmentKind, Effect
from domain.assessment.policy import EFFECT_TITLES, RECTIFICATION_TITLES, RectificationState
from domain.assessment.policy import KIND_TITLES as ASSESSMENT_TITLES
from domain.audit.policy import AuditFindingState, EngagementState, HoldState
from domain.cultivation.events import SuccessionGround
from domain.cultivation.policy import GROUND_TITLES, REPORT_TITLES, ReportState, RunningState
from domain.designation.policy import DesignationState
from domain.document.events import DocumentKind
from domain.document.policy import KIND_TITLES
from domain.eligibility.events import RuleOutcome
from domain.eligibility.policy import OUTCOME_TITLES
from domain.kernel import Refusal, called, field_called, word, words
from domain.permission.policy import ANY_STATE, STATE_TITLES, TABLE
from domain.privacy.policy import ErasureState
from domain.programme.commands import AnnounceProgramme
from domain.programme.events import Legibility, TermKind
from domain.programme.policy import LEGIBILITY_TITLES, TERM_KIND_TITLES
from domain.publicity.commands import PreparePublicity
from domain.publicity.events import Check, Matter, ObjectorIdentity
from domain.publicity.policy import (
    CHECK_TITLES,
    IDENTITY_TITLES,
    MATTER_TITLES,
    ObjectionState,
    PublicityState,
)
from domain.review.panel import PanelState
from domain.screening.events import PartKind
from domain.screening.policy import PART_TITLES
from domain.selection.policy import CaseState
from infra.advance import Stuck
from infra.views import NotBuilt


class Closed(Refusal):
    """{command} is refused: {states}.
    zh: {command}被拒绝:{states}。
    title: Refused · 已拒绝
    """


def test_a_person_is_told_what_a_code_is_called_and_a_program_the_code() -> None:
    refusal = Closed(command=called(AnnounceProgramme), states=words(("taken_down", "new"), STATE_TITLES))
    assert refusal.sentence("en") == "AnnounceProgramme is refused: taken down, new."
    assert refusal.sentence("zh") == "“依通知发布项目”被拒绝:已提前撤下、new。"
    assert refusal.because == {"command": "AnnounceProgramme", "states": "taken_down, new"}
    told = json.loads(problem(refusal, "zh", "r")[2])
    assert told["because"] == {"command": "AnnounceProgramme", "states": "taken_down, new"}
    assert told["detail"] == refusal.sentence("zh")


def test_a_code_without_a_name_is_a_fault_of_the_program() -> None:
    with pytest.raises(KeyError):
        word("new", STATE_TITLES)


def test_a_field_is_called_by_its_titles() -> None:
    assert field_called(PreparePublicity, "track_ids").zh == "“赛道”"


@pytest.mark.parametrize("who", ["view roster", "automation when_it_rains_close_windows", "dispatcher", "scheduler"])
def test_whoever_has_not_caught_up_is_named_in_chinese(who: str) -> None:
    told = translated(Stuck(who, datetime(2020, 5, 9, tzinfo=UTC)))
    assert told.because["who"] == who
    assert who not in told.sentence("zh")


def test_a_view_that_is_not_built_is_named_in_chinese() -> None:
    assert "roster" not in translated(NotBuilt("roster")).sentence("zh")
    assert isinstance(translated(NotFound()), NotFound)


def test_every_state_of_whatever_subject_has_its_titles() -> None:
    states = {
        *(state for row in TABLE for state in row.states),
        "open",
        ANY_STATE,
        *get_args(ApplicationState),
        *get_args(PanelState),
        *get_args(CaseState),
        *get_args(RunningState),
    }
    states |= {*get_args(PublicityState), *get_args(ObjectionState)}
    states |= {*get_args(DesignationState), *get_args(FindingState), *get_args(MeasureState), *get_args(HoldState)}
    states |= {*get_args(EngagementState), *get_args(AuditFindingState)}
    states |= {*get_args(ErasureState)}
    assert set(STATE_TITLES) == states
    assert all(en.isascii() and not re.search("[a-z]", zh) for en, zh in STATE_TITLES.values())


def _name(kind: type[Refusal]) -> str:
    return kind.__name__


KINDS = sorted(known_refusals(), key=_name)


@pytest.mark.parametrize("kind", KINDS)
def test_a_problem_is_called_the_same_whatever_its_figures(kind: type[Refusal]) -> None:
    figures = re.findall(r"{(\w+)}", kind.en)
    for language, letters in (("en", "[A-Za-z]"), ("zh", "[\u4e00-\u9fff]")):
        told = [json.loads(problem(kind(**dict.fromkeys(figures, n)), language, "r")[2]) for n in (17, 23)]
        assert told[0]["title"] == told[1]["title"]
        assert (told[0]["detail"] != told[1]["detail"]) == bool(figures)
        assert re.search(letters, told[0]["title"])
        assert not re.search(r"[{}.。]|17", told[0]["title"])
        assert len(told[0]["title"]) <= 80
        assert not re.search("[{}]", told[0]["detail"])


def test_no_two_problems_are_called_alike() -> None:
    kinds = list(known_refusals())
    assert len({kind.title_en for kind in kinds}) == len({kind.title_zh for kind in kinds}) == len(kinds)


def test_a_problem_that_names_figures_has_a_title_of_its_own_in_both_languages() -> None:
    """``title: … · …`` in its docstring; its sentence alone is told anew each time."""
    lacking = [kind for kind in known_refusals() if "{" in kind.title_en + kind.title_zh or not kind.title_zh]
    assert not lacking, ", ".join(kind.__name__ for kind in lacking)


@pytest.mark.parametrize(
    ("titles", "labels"),
    [
        (KIND_TITLES, DocumentKind),
        (TERM_KIND_TITLES, TermKind),
        (LEGIBILITY_TITLES, Legibility),
        (OUTCOME_TITLES, RuleOutcome),
        (PART_TITLES, PartKind),
        (MATTER_TITLES, Matter),
        (IDENTITY_TITLES, ObjectorIdentity),
        (CHECK_TITLES, Check),
        (CONCERNED_TITLES, Concerned),
        (MEASURE_TITLES, MeasureKind),
        (ASSESSMENT_TITLES, AssessmentKind),
        (EFFECT_TITLES, Effect),
        (RECTIFICATION_TITLES, RectificationState),
        (REPORT_TITLES, ReportState),
        (GROUND_TITLES, SuccessionGround),
    ],
)
def test_what_a_refusal_may_enumerate_has_its_titles(titles: dict[str, tuple[str, str]], labels: Any) -> None:
    assert set(titles) == set(get_args(labels))
    assert all(en.isascii() and not re.search("[a-z]", zh) for en, zh in titles.values())
