"""Accountability (追责问责): a finding, a hearing, a decision of one measure or another, and an appeal with its clock.

Whom a finding is against (a unit, its parent, its secretary, an adviser) is given notice of it and of its evidence, and
is heard; then the competent body decides. A measure takes effect whether or not it is appealed, unless the decision
says otherwise. A bar and a cut of the quota show in the next programme, as of its dates. Discipline is never decided
here: it is referred (移送), and only what its own body notified is recorded. Clause 三(五) of the call of 2020:
未达到建设标准的,予以通报,并严肃追责问责,不予结项.
"""
