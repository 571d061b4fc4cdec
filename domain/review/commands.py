"""What may be asked of the review, in the order in which it is done; each matter has a page of its own."""

from __future__ import annotations

from domain.kernel import Command
from domain.review.ranking import RankApplications
from domain.review.recusal import DeclareInterest, ImposeRecusal, LiftRecusal
from domain.review.scoring import CloseScoring, ExtendScoring, OpenScoring
from domain.review.seat import OpenSeatIdentity, SeatReviewer, UnseatReviewer
from domain.review.sheet import AmendScoreSheet, ExcludeScoreSheet, FileScoreSheet, OpenScoreSheet
from domain.review.stage import ConstitutePanel, DefineStage

COMMANDS: tuple[type[Command], ...] = (
    DefineStage,
    ConstitutePanel,
    SeatReviewer,
    UnseatReviewer,
    OpenSeatIdentity,
    DeclareInterest,
    ImposeRecusal,
    LiftRecusal,
    OpenScoring,
    ExtendScoring,
    FileScoreSheet,
    AmendScoreSheet,
    CloseScoring,
    OpenScoreSheet,
    ExcludeScoreSheet,
    RankApplications,
)
