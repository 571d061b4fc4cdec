"""What people see: pure folds, event in, row out. Every table can be dropped and built again.

``VIEWS`` is the whole list, in the order of a case's life. The case file needs no table: it is read from the log.
"""

from typing import Any

from projections.account_book import ACCOUNT_BOOK
from projections.accountability import ACCOUNTABILITY_RULE, FINDING, MEASURE, REFERRAL
from projections.application import APPLICATION
from projections.assessment import ASSESSED, ASSESSMENT
from projections.audit import AUDIT_FINDING, CERTIFICATE, ENGAGEMENT, LEGAL_HOLD, SIGNING_KEY
from projections.calendar import CALENDAR
from projections.cultivation import CASE, OUTREACH, REPORT, REQUIREMENT, TASK_BOOK
from projections.designation import DESIGNATION, TITLE
from projections.document import DOCUMENT
from projections.eligibility import ELIGIBILITY
from projections.evaluation import SECRETARY_DOSSIER, UNIT_DOSSIER
from projections.funding import BALANCE, CLOSING, FUNDING_RULE, MATCHING_REGISTER, PAYMENT, PERIOD, RECOVERY
from projections.hearing import HEARING
from projections.inbox import INBOX
from projections.institution import ACCESS_DAY, INSTITUTION
from projections.journal import JOURNAL
from projections.judging import JUDGING
from projections.kernel import View
from projections.ledger import INSTITUTION_LEDGER, LEDGER
from projections.nomination import PLAN, QUOTA
from projections.obligation import OBLIGATION
from projections.organisation import ORGANISATION, UNIT_FACT
from projections.panel import PANEL, SEAT, STAGE
from projections.person import APPOINTMENT, PERSON
from projections.privacy import ERASURE, RETENTION
from projections.programme import CATALOGUE, FORM, PROGRAMME, RULE, TERM, TRACK
from projections.publicity import OBJECTION, POSTING, PUBLICITY, PUBLICITY_RULE
from projections.roster import ROSTER
from projections.scoreboard import ADMISSION, SCORE_SHEET
from projections.screening import SCREENING
from projections.selection import DECISION, PARTNER, SELECTED, SELECTION, SELECTION_RULE
from projections.window import WINDOW

__all__ = ["VIEWS"]

VIEWS: tuple[View[Any], ...] = (
    INSTITUTION,
    ACCESS_DAY,
    PERSON,
    APPOINTMENT,
    CALENDAR,
    DOCUMENT,
    ORGANISATION,
    UNIT_FACT,
    PROGRAMME,
    TERM,
    TRACK,
    RULE,
    CATALOGUE,
    FORM,
    WINDOW,
    QUOTA,
    PLAN,
    APPLICATION,
    ELIGIBILITY,
    ROSTER,
    SCREENING,
    STAGE,
    PANEL,
    SEAT,
    ADMISSION,
    SCORE_SHEET,
    SELECTION_RULE,
    DECISION,
    SELECTION,
    SELECTED,
    PARTNER,
    PUBLICITY_RULE,
    PUBLICITY,
    POSTING,
    OBJECTION,
    REQUIREMENT,
    CASE,
    TASK_BOOK,
    REPORT,
    OUTREACH,
    ASSESSMENT,
    ASSESSED,
    FUNDING_RULE,
    JOURNAL,
    ACCOUNT_BOOK,
    BALANCE,
    PAYMENT,
    RECOVERY,
    MATCHING_REGISTER,
    PERIOD,
    LEDGER,
    INSTITUTION_LEDGER,
    CLOSING,
    TITLE,
    DESIGNATION,
    ACCOUNTABILITY_RULE,
    FINDING,
    MEASURE,
    REFERRAL,
    UNIT_DOSSIER,
    SECRETARY_DOSSIER,
    ENGAGEMENT,
    AUDIT_FINDING,
    LEGAL_HOLD,
    CERTIFICATE,
    SIGNING_KEY,
    OBLIGATION,
    RETENTION,
    ERASURE,
    INBOX,
    JUDGING,
    HEARING,
)
