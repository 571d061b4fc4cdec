"""What waits for the office between the scoring and the withdrawal of the posting; gone when it is done or moot.

Every row is one matter: a panel, a publicity, an objection, or one of three about a track. A fold sees no second row,
so a row keeps what decides whether there is anything to do: whose places are free, who is left in reserve, what is to
be shown. None of it is shown here; who may see it reads it where it belongs.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec.structs import replace

from domain.application.events import ApplicationWithdrawn
from domain.assessment.events import AssessmentDefined
from domain.ids import ApplicationId, ProgrammeId, PublicityId, TrackId
from domain.kernel import Code, Event, Recorded, office
from domain.obligation.events import ObligationReminded
from domain.person.events import Role
from domain.publicity.events import (
    ObjectionAdmitted,
    ObjectionDismissed,
    ObjectionInvestigated,
    ObjectionNotAdmitted,
    ObjectionReceived,
    ObjectionUpheld,
    ObjectionWithdrawn,
    PostingWithdrawn,
    PublicityApproved,
    PublicityClosed,
    PublicityOpened,
    PublicityPrepared,
    PublicityTakenDown,
)
from domain.review.events import ApplicationAdmitted, PanelConstituted, RankingRecorded, ScoringClosed, StageDefined
from domain.selection.events import (
    ApplicationDecided,
    ApplicationRecommended,
    CommitteeDecided,
    DecisionReopened,
    ReservePromoted,
    SelectionReversed,
    SelectionStruck,
)
from projections.kernel import Key, View, Where
from projections.task import TASKS, JudgingTask, Waiting, waiting_as

Matter = Literal["panel", "track", "promotion", "list", "publicity", "objection"]


class Stage(msgspec.Struct, frozen=True):
    """A stage that the track goes through, and its place among them."""

    stage: Code
    order: int


class Shown(msgspec.Struct, frozen=True):
    """What a publicity shows, or is to show: of all its tracks, or of one."""

    publicity_id: PublicityId
    track_ids: tuple[TrackId, ...]
    application_ids: tuple[ApplicationId, ...]


class JudgingRow(msgspec.Struct, frozen=True, kw_only=True):
    """One matter of the office and the act it waits for.
    zh: 主管部门的一件事项及其待办。
    """

    matter: Annotated[Matter, office("Matter", "事项")]
    subject_id: Annotated[str, office("About", "对象")]
    waiting: Annotated[bool, office("Waiting", "待办中")] = False
    task: Annotated[JudgingTask, office("Task", "待办")]
    since: Annotated[datetime, office("Since", "起始时间")]
    programme_id: Annotated[str, office("Programme", "项目")] = ""
    track_id: Annotated[str, office("Track", "赛道")] = ""
    about: Annotated[tuple[ApplicationId, ...], office("About applications", "所涉申报")] = ()
    not_by: Annotated[str, office("Not by", "不得由其办理")] = ""
    due_at: Annotated[datetime | None, office("Due before", "截止时刻")] = None
    last_day: Annotated[date | None, office("Last day", "截止日")] = None
    reminded_at: Annotated[datetime | None, office("Reminded at", "催办时间")] = None
    unranked: Annotated[tuple[TrackId, ...], office("Tracks without a ranking", "尚未排名赛道")] = ()
    stages: Annotated[tuple[Stage, ...], office("Stages", "评审阶段")] = ()
    assessing: Annotated[tuple[Code, ...], office("Stages of assessments", "评估所用阶段")] = ()
    decided: Annotated[bool, office("Decided", "已决定")] = False
    free: Annotated[tuple[ApplicationId, ...], office("Places free", "空出的名额")] = ()
    reserves: Annotated[tuple[ApplicationId, ...], office("Reserves left", "候补")] = ()
    withdrawn: Annotated[tuple[ApplicationId, ...], office("Reserves withdrawn", "已撤回的候补")] = ()
    to_show: Annotated[tuple[ApplicationId, ...], office("To be shown", "待公示")] = ()
    prepared: Annotated[Shown | None, office("Prepared", "已拟定")] = None
    shown: Annotated[tuple[Shown, ...], office("Shown", "公示中")] = ()


# --- what an event touches -------------------------------------------------------------------------------------------


_FIRST: Final[Mapping[Matter, JudgingTask]] = {
    "track": "recommend",
    "promotion": "promote_reserve",
    "list": "prepare_publicity",
}
"""What waits first of the matters of a track."""
_OWN: Final[Mapping[type[Event], tuple[Matter, ...]]] = {
    PanelConstituted: ("panel",),
    ApplicationAdmitted: ("panel",),
    ScoringClosed: ("panel",),
    RankingRecorded: ("panel", "track"),
    ApplicationRecommended: ("track",),
    CommitteeDecided: ("track",),
    ApplicationDecided: ("promotion", "list"),
    PublicityPrepared: ("publicity",),
    PublicityApproved: ("publicity",),
    PostingWithdrawn: ("publicity",),
    ObjectionReceived: ("objection",),
    ObjectionAdmitted: ("objection",),
    ObjectionNotAdmitted: ("objection",),
    ObjectionInvestigated: ("objection",),
    ObjectionUpheld: ("objection",),
    ObjectionDismissed: ("objection",),
    ObjectionWithdrawn: ("objection",),
    ObligationReminded: ("objection",),
}
"""The matters that an event names."""
_PROGRAMME_WIDE: Final[tuple[type[Event], ...]] = (
    StageDefined,
    AssessmentDefined,
    DecisionReopened,
    ReservePromoted,
    SelectionStruck,
    SelectionReversed,
    ApplicationWithdrawn,
    PublicityPrepared,
    PublicityOpened,
    PublicityTakenDown,
    PublicityClosed,
)
"""What concerns every track, list and publicity of the programme that names one of the same."""


def _touches(recorded: Recorded) -> list[Key | Where]:
    event, body = recorded.event, recorded.event.as_dict()
    found: list[Key | Where] = [Where("programme_id", body["programme_id"])] if type(event) in _PROGRAMME_WIDE else []
    if isinstance(event, StageDefined | AssessmentDefined):
        found += (_key("track", {**body, "track_id": track_id}) for track_id in event.track_ids)
    # A reminder need not be of an objection.
    return found + [_key(each, body) for each in _OWN.get(type(event), ()) if body.get("objection_id", "") is not None]


def _key(matter: Matter, body: Mapping[str, Any]) -> Key:
    return matter, f"{body['programme_id']}/{body['track_id']}" if matter in _FIRST else body[f"{matter}_id"]


# --- a panel that has scored -----------------------------------------------------------------------------------------


def _panel(row: JudgingRow, event: Event) -> JudgingRow:
    match event:
        case ApplicationAdmitted(track_id=track_id):
            return replace(row, unranked=tuple(sorted({*row.unranked, track_id})))
        case ScoringClosed():
            return replace(row, waiting=bool(row.unranked))
        case RankingRecorded(track_id=track_id):
            left = tuple(each for each in row.unranked if each != track_id)
            return replace(row, unranked=left, waiting=bool(left))
    return row


# --- a track: recommended, decided -----------------------------------------------------------------------------------


def _staged(row: JudgingRow, event: StageDefined | AssessmentDefined) -> JudgingRow:
    """The stages of the selection; what a panel finds of cases recommends nobody."""
    others = tuple(each for each in row.stages if each.stage != event.stage)
    if isinstance(event, AssessmentDefined):
        found = () if event.stage is None else (event.stage,)
        return replace(row, stages=others, assessing=tuple(sorted({*row.assessing, *found})))
    own = row.track_id in event.track_ids and event.stage not in row.assessing
    named = (Stage(event.stage, event.order),) if own else ()
    return replace(row, stages=tuple(sorted((*others, *named), key=lambda each: each.order)))


def _track(row: JudgingRow, event: Event) -> JudgingRow:
    match event:
        case StageDefined() | AssessmentDefined():
            return _staged(row, event)
        case RankingRecorded(stage=stage) if stage not in row.assessing and not row.decided and row.task == "recommend":
            # An earlier stage's ranking says who goes on to the next, and recommends nobody.
            return replace(row, waiting=row.waiting or not row.stages or row.stages[-1].stage == stage)
        case ApplicationRecommended():
            return replace(row, task="decide_selection", waiting=True)
        case CommitteeDecided():
            return replace(row, decided=True, waiting=False)
        case DecisionReopened(track_id=row.track_id):
            return replace(row, decided=False, waiting=True)
    return row


# --- places that fell free -------------------------------------------------------------------------------------------


def _promotion(row: JudgingRow, event: Event) -> JudgingRow:
    match event:
        case ApplicationDecided(application_id=application_id, outcome="reserve"):
            row = replace(row, reserves=(*row.reserves, application_id))
        case ReservePromoted(application_id=application_id, freed_by=freed_by):
            row = replace(row, reserves=_less(row.reserves, application_id), free=_less(row.free, freed_by))
        case DecisionReopened(track_id=row.track_id):
            row = replace(row, reserves=(), withdrawn=(), free=())
        case SelectionStruck() | SelectionReversed() | ApplicationWithdrawn():
            row = _left(row, event)
    return replace(row, waiting=bool(row.free) and bool(row.reserves))


def _left(row: JudgingRow, event: SelectionStruck | SelectionReversed | ApplicationWithdrawn) -> JudgingRow:
    """A reserve that goes leaves no place; one that was chosen does, once it is struck or reversed."""
    match event:
        case SelectionStruck(application_id=application_id) if application_id in (*row.reserves, *row.withdrawn):
            return replace(row, reserves=_less(row.reserves, application_id))
        case SelectionStruck(track_id=row.track_id) | SelectionReversed(track_id=row.track_id) as event:
            return replace(row, free=(*row.free, event.application_id))
        case ApplicationWithdrawn(application_id=application_id) if application_id in row.reserves:
            left = _less(row.reserves, application_id)
            return replace(row, reserves=left, withdrawn=(*row.withdrawn, application_id))
    return row


def _less(named: tuple[ApplicationId, ...], *gone: ApplicationId) -> tuple[ApplicationId, ...]:
    return tuple(each for each in named if each not in gone)


# --- what is to be shown ---------------------------------------------------------------------------------------------


def _list(row: JudgingRow, event: Event) -> JudgingRow:
    row = _listed(row, event)
    if row.prepared is not None and _outdates(event, row.prepared):
        row = replace(row, prepared=None)
    prepared = () if row.prepared is None else row.prepared.application_ids
    return replace(row, waiting=not set(row.to_show) <= set(prepared))


def _outdates(event: Event, shown: Shown) -> bool:
    """Whether what was prepared is not what is decided now, or was superseded; then it is not opened any more."""
    match event:
        case SelectionStruck(application_id=application_id) | ApplicationWithdrawn(application_id=application_id):
            return application_id in shown.application_ids
        case DecisionReopened(track_id=track_id) | ReservePromoted(track_id=track_id):
            return track_id in shown.track_ids
        case PublicityPrepared() | PublicityOpened():
            named = {entry.application_id for entry in event.entries}
            return event.publicity_id != shown.publicity_id and not named.isdisjoint(shown.application_ids)
    return False


def _listed(row: JudgingRow, event: Event) -> JudgingRow:
    match event:
        case ApplicationDecided(application_id=application_id, outcome="selected"):
            return replace(row, to_show=(*row.to_show, application_id))
        case ReservePromoted(track_id=row.track_id, application_id=application_id):
            return replace(row, to_show=(*row.to_show, application_id))
        case SelectionStruck(application_id=application_id) | ApplicationWithdrawn(application_id=application_id):
            shown = tuple(
                replace(each, application_ids=_less(each.application_ids, application_id)) for each in row.shown
            )
            return replace(row, to_show=_less(row.to_show, application_id), shown=shown)
        case DecisionReopened(track_id=row.track_id):
            return replace(row, to_show=(), shown=())
    return _posted(row, event)


def _posted(row: JudgingRow, event: Event) -> JudgingRow:
    match event:
        case PublicityPrepared():
            prepared = _shown(event)
            return replace(row, prepared=prepared) if row.track_id in prepared.track_ids else row
        case PublicityOpened():
            opened = _shown(event)
            on_the_wall = tuple(each for each in row.to_show if each in opened.application_ids)
            if not on_the_wall:
                return row
            shown = Shown(event.publicity_id, opened.track_ids, on_the_wall)
            return replace(row, to_show=_less(row.to_show, *on_the_wall), shown=(*row.shown, shown), prepared=None)
        case PublicityTakenDown(publicity_id=publicity_id) | PublicityClosed(publicity_id=publicity_id):
            ended = [each for each in row.shown if each.publicity_id == publicity_id]
            row = replace(row, shown=tuple(each for each in row.shown if each not in ended))
            if isinstance(event, PublicityTakenDown):
                again = [application_id for each in ended for application_id in each.application_ids]
                row = replace(row, to_show=(*row.to_show, *again))
    return row


def _shown(event: PublicityPrepared | PublicityOpened) -> Shown:
    return Shown(
        event.publicity_id,
        tuple(dict.fromkeys(entry.track_id for entry in event.entries)),
        tuple(entry.application_id for entry in event.entries),
    )


# --- a publicity ------------------------------------------------------------------------------------------------------


def _publicity(row: JudgingRow, event: Event) -> JudgingRow | None:
    if row.waiting and row.prepared is not None and _outdates(event, row.prepared):
        return replace(row, waiting=False, prepared=None)
    if getattr(event, "publicity_id", "") != row.subject_id:
        return row
    match event:
        case PublicityApproved():
            row = replace(row, task="open_publicity", waiting=row.prepared is not None, not_by="")
        case PublicityOpened():
            row = replace(row, waiting=False, prepared=None)
        case PublicityTakenDown() | PublicityClosed():
            row = replace(row, task="withdraw_posting", waiting=True)
    return None if isinstance(event, PostingWithdrawn) else row


# --- an objection -----------------------------------------------------------------------------------------------------


def _objection(row: JudgingRow, recorded: Recorded) -> JudgingRow | None:
    match recorded.event:
        case ObjectionAdmitted():
            return replace(row, task="investigate_objection")
        case ObjectionInvestigated():
            # Whoever investigated does not also decide.
            return replace(row, task="decide_objection", not_by=recorded.envelope.actor_id)
        case ObligationReminded():
            return replace(row, reminded_at=recorded.envelope.effective_at)
        case ObjectionReceived():
            return row
    return None


# --- the fold ---------------------------------------------------------------------------------------------------------


def _begun(recorded: Recorded, key: Key) -> JudgingRow | None:
    """The matter that begins with an event, if one does."""
    matter, subject_id = str(key[0]), str(key[1])
    at = recorded.envelope.effective_at
    match matter, recorded.event:
        case "panel", PanelConstituted(programme_id=programme_id):
            return JudgingRow(matter="panel", subject_id=subject_id, task="rank", programme_id=programme_id, since=at)
        case "publicity", PublicityPrepared() as event:
            shown = _shown(event)
            return JudgingRow(
                matter="publicity", subject_id=subject_id, task="approve_publicity", waiting=True, since=at,
                programme_id=event.programme_id, about=shown.application_ids, prepared=shown,
                not_by=recorded.envelope.actor_id,
            )  # fmt: skip
        case "objection", ObjectionReceived() as event:
            return JudgingRow(
                matter="objection", subject_id=subject_id, task="admit_objection", waiting=True, since=at,
                programme_id=event.programme_id, about=(event.application_id,), due_at=event.due_at,
                last_day=event.due_day,
            )  # fmt: skip
    return next((_of(recorded, each, subject_id) for each in _FIRST if each == matter), None)


def _of(recorded: Recorded, matter: Matter, subject_id: str) -> JudgingRow:
    programme_id = ProgrammeId(recorded.event.as_dict()["programme_id"])
    return JudgingRow(
        matter=matter, subject_id=subject_id, task=_FIRST[matter], since=recorded.envelope.effective_at,
        programme_id=programme_id, track_id=TrackId(subject_id.removeprefix(f"{programme_id}/")),
    )  # fmt: skip


_FOLDS: Final[Mapping[str, Callable[[JudgingRow, Event], JudgingRow | None]]] = {
    "panel": _panel,
    "track": _track,
    "promotion": _promotion,
    "list": _list,
    "publicity": _publicity,
}


def _fold(row: JudgingRow | None, recorded: Recorded, key: Key) -> JudgingRow | None:
    before = row or _begun(recorded, key)
    if before is None:
        return None
    if before.matter == "objection":
        after = _objection(before, recorded)
    else:
        after = _FOLDS[before.matter](before, recorded.event)
    if after is not None and (after.task, after.waiting) != (before.task, before.waiting):
        after = replace(after, since=recorded.envelope.effective_at)
    return row if after == row else after


JUDGING = View(
    name="judging",
    version=2,
    en="What waits for the office",
    zh="主管部门待办",
    row=JudgingRow,
    key=("matter", "subject_id"),
    reads=(*dict.fromkeys((*_OWN, *_PROGRAMME_WIDE)),),
    touches=_touches,
    fold=_fold,
    indexes=("programme_id",),
    filters=("waiting",),
    is_open=lambda _: False,
)

# --- what a caller is shown ------------------------------------------------------------------------------------------


def waiting_in_office(
    rows: Iterable[JudgingRow], roles: Collection[Role], person_id: str, barred: Collection[ApplicationId] = ()
) -> list[Waiting]:
    """The tasks of these rows that wait for one of these offices of a person; what is recused waits for others."""
    found = []
    for row in rows:
        role = next((each for each in TASKS[row.task][0] if each in roles), None)
        if role is None or not row.waiting or person_id == row.not_by or not _is_for(row, barred):
            continue
        one = row.about[0] if row.matter == "objection" else ""
        found.append(
            waiting_as(
                row.task, role, row.subject_id, row.since, programme_id=row.programme_id, track_id=row.track_id,
                application_id=one, due=(row.due_at, row.last_day), reminded_at=row.reminded_at,
            )
        )  # fmt: skip
    return found


def _is_for(row: JudgingRow, barred: Collection[ApplicationId]) -> bool:
    """Whether something is left of it that whoever is recused from these may know of."""
    if not barred:
        return True
    if row.matter == "promotion":
        return bool(set(row.free) - set(barred)) and bool(set(row.reserves) - set(barred))
    if row.matter == "list":
        return bool(set(row.to_show) - set(barred))
    return set(row.about).isdisjoint(barred)
