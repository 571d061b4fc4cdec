"""Audit: what an auditor is let into and finds, what must not be erased meanwhile, and what replay has shown.

The head of the office opens an engagement for an auditor from outside: read-only, from a day to a day, over the whole
institution, or over programmes and units, with or without sealed material. Whatever is read under it stands in the
access journal. Findings are the auditor's, answers the office's. A legal hold stops the erasure of whom or what it is
about. Every night the views are folded anew from the record, and what came of it is recorded. Clause 七 of the call of
2020: 加强督促检查,资金使用接受审计监督.
"""
