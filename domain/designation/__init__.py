"""Designation (命名): a title is conferred on a completed case, kept in a public register, renewed, revoked, lapsed.

Outcome, completion and title are three facts: what an acceptance found, that a case came to its end, and what its unit
may be called since. A title is decided on, never automatic: an outcome only says that it may be conferred, and a
university may name only some of those who passed. How long a title holds may be left unsaid. Clause 三(五) of the call
of 2020: 达到建设标准的予以结项,并命名为"校级党建工作标杆学院""校级党建工作样板支部".
"""
