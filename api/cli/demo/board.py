"""Rows 18 to 24: the publicity from its check to the withdrawn posting, an objection, and four confirmed selections."""

from __future__ import annotations

from typing import Final

from api.cli.demo import texts
from api.cli.demo.call import PROGRAMME
from api.cli.demo.cast import INSTITUTION
from api.cli.demo.player import Player

__all__ = ["PUBLICITY", "check", "closed_publicity", "objection", "objection_decided", "opened_publicity"]

PUBLICITY: Final = "selection-2020"
_AT: Final = f"/v1/programmes/{PROGRAMME}"
_SHOWN: Final = f"/v1/publicities/{PUBLICITY}"
_OBJECTION: Final = "O-2020-1"
_AGAINST: Final = "2020-BR-2"


def check(p: Player) -> None:
    """Row 18: the list is prepared, and a second person checks it for secrecy and personal data."""
    p.advance("clock-18", "administrator", "2020-06-19T10:00:00+08:00")
    p.heading("18", "The list is prepared and checked by a second person", "拟定公示名单,由另一人审查")
    why = p.deposit("why-publicity-rule", "head", "reason", texts.WHY_PUBLICITY_RULE)
    p.act(
        "publicity-rule", "head", f"{_AT}/publicity-rules", texts.PUBLICITY_RULE,
        reason=f"call_is_silent; document={why}",
        en="decides on five working days, since the call names none", zh="通知未载明公示期,定为 5 个工作日",
    )  # fmt: skip
    body = {"publicity_id": PUBLICITY, "programme_id": PROGRAMME, "track_ids": ["college", "branch"]}
    p.act("prepare-publicity", "clerk", "/v1/publicities", body, en="prepares the list", zh="拟定名单")
    approval = {
        "list_digest": p.read("head", _SHOWN)["list_digest"],
        "checks": ["secrecy", "personal_data"],
    }
    p.refused(
        "no-open-unapproved", "clerk", f"{_SHOWN}/open", {}, kind="not-in-this-state",
        what="posts it unchecked · 未经审查即公示",
    )  # fmt: skip
    p.refused(
        "no-approve-clerk", "clerk", f"{_SHOWN}/approve", approval, kind="not-permitted",
        what="approves what he prepared · 自拟自批",
    )  # fmt: skip
    p.refused(
        "no-approve-half", "head", f"{_SHOWN}/approve", approval | {"checks": ["secrecy"]}, kind="checks-missing",
        what="approves without the check of personal data · 未作个人信息审查即批准",
    )  # fmt: skip
    p.act(
        "approve-publicity", "head", f"{_SHOWN}/approve", approval,
        en="approves exactly this list", zh="批准该名单",
    )  # fmt: skip


def opened_publicity(p: Player) -> None:
    """Row 19: five working days from Monday 22 June end on Monday 29 June, over a holiday and a worked Sunday."""
    p.advance("clock-19", "administrator", "2020-06-22T09:00:00+08:00")
    p.heading("19", "The list is shown to everybody", "名单公示")
    p.act("open-publicity", "clerk", f"{_SHOWN}/open", {}, en="posts the list", zh="张贴名单")
    posted = p.read_public("posted-anybody", f"/public/{INSTITUTION['institution_id']}/publicities/{PUBLICITY}")
    p.say(
        f"    {len(posted['entries'])} entries until {posted['last_day']}, digest {posted['list_digest'][:16]}…, "
        f"log {posted['log_size']} {posted['log_root'][:16]}… · 共 {len(posted['entries'])} 项,"
        f"截止 {posted['last_day']}"
    )
    again = {"publicity_id": "again", "programme_id": PROGRAMME, "track_ids": ["branch"]}
    p.refused(
        "no-show-twice", "clerk", "/v1/publicities", again, kind="already-shown",
        what="prepares the same list again · 重复拟定",
    )  # fmt: skip
    p.refused(
        "no-reopen-shown", "head", f"{_AT}/tracks/branch/decisions/2020-branch/reopen", {}, reason="second_thoughts",
        kind="publicity-stands", what="reopens what is shown · 公示期间重新开启决定",
    )  # fmt: skip
    p.refused(
        "no-take-down-clerk", "clerk", f"{_SHOWN}/take-down", {}, reason="typo", kind="not-permitted",
        what="takes it down · 擅自撤下",
    )  # fmt: skip


def objection(p: Player) -> None:
    """Row 20: somebody objects to BR-2 in confidence; only BR-2 is held up."""
    p.advance("clock-20", "administrator", "2020-06-23T10:00:00+08:00")
    p.heading("20", "An objection against BR-2 is received in confidence", "收到针对 BR-2 的保密异议")
    path = f"{_SHOWN}/objections"
    body = {"objection_id": _OBJECTION, "application_id": _AGAINST, **texts.OBJECTION}
    p.refused(
        "no-anonymous", "clerk", path, body | {"identity": "anonymous", "objector": {}}, kind="identity-not-allowed",
        what="takes it anonymously · 收匿名异议",
    )  # fmt: skip
    p.refused(
        "no-objection-unlisted", "clerk", path, body | {"application_id": "2020-BR-4"}, kind="not-shown",
        what="takes one against BR-4, which is not shown · 收针对未公示 BR-4 的异议",
    )  # fmt: skip
    p.refused(
        "no-confirm-shown", "head", f"/v1/applications/{_AGAINST}/confirm", {"publicity_id": PUBLICITY},
        kind="not-passed-publicity", what="confirms before the time is over · 公示未满即确认",
    )  # fmt: skip
    p.act(
        "object", "clerk", path, body,
        en="receives it; who objects is sealed", zh="收下异议;异议人身份封存",
    )  # fmt: skip
    p.act("admit", "supervisor", f"/v1/objections/{_OBJECTION}/admit", {})


def objection_decided(p: Player) -> None:
    """Row 21: investigated by one, decided by another, on Sunday 28 June, which is worked."""
    p.advance("clock-21", "administrator", "2020-06-28T10:00:00+08:00")
    p.heading("21", "The objection is decided on a Sunday that is worked", "异议于调休上班的周日办结")
    at = f"/v1/objections/{_OBJECTION}"
    p.refused(
        "no-dismiss-unseen", "head", f"{at}/dismiss", {}, reason="unfounded", kind="not-in-this-state",
        what="dismisses it uninvestigated · 未经调查即驳回",
    )  # fmt: skip
    findings = p.deposit("findings", "supervisor", "evidence", texts.FINDINGS)
    p.act("investigate", "supervisor", f"{at}/investigate", {"findings_document_id": findings})
    p.refused(
        "no-dismiss-supervisor", "supervisor", f"{at}/dismiss", {}, reason="unfounded", kind="not-permitted",
        what="decides on what he investigated · 自查自决",
    )  # fmt: skip
    p.refused(
        "no-uphold-reasonless", "head", f"{at}/uphold", {}, kind="reason-missing",
        what="upholds it without a reason · 无事由认定成立",
    )  # fmt: skip
    p.act(
        "dismiss", "head", f"{at}/dismiss", {}, reason="not_substantiated",
        en="dismisses it: not substantiated", zh="驳回:查无实据",
    )  # fmt: skip


def closed_publicity(p: Player) -> None:
    """Rows 22 to 24: the publicity closes by itself, four selections are confirmed so too, the list comes down."""
    p.heading("22", "The publicity closes, four selections are confirmed [23]", "公示期满,四项入选自行确认")
    p.refused(
        "no-close-early", "clerk", f"{_SHOWN}/close", {}, kind="publicity-still-open",
        what="closes it early · 提前截止公示",
    )  # fmt: skip
    p.advance("clock-22", "administrator", "2020-06-30T09:00:00+08:00")
    late = {"objection_id": "O-2020-2", "application_id": _AGAINST, **texts.OBJECTION}
    p.refused(
        "no-objection-late", "clerk", f"{_SHOWN}/objections", late, kind="publicity-not-open",
        what="takes an objection after the time · 公示期满后收异议",
    )  # fmt: skip
    p.refused(
        "no-confirm-reserve", "head", "/v1/applications/2020-BR-4/confirm", {"publicity_id": PUBLICITY},
        kind="not-in-this-state", what="confirms the reserve · 确认候补",
    )  # fmt: skip
    for row in p.read("auditor", "/v1/selected", programme_id=PROGRAMME)["items"]:
        p.say(f"    {row['unit_id']:<6} {row['track_id']:<8} {row['first_day']} – {row['last_day']}")
    p.heading("24", "The posting is withdrawn", "撤下公示")
    p.act("withdraw-posting", "clerk", f"{_SHOWN}/withdraw-posting", {}, en="takes the list down", zh="撤下名单")
