"""Publicity (公示): a list is shown for a time, objections are heard, and only then does it bind.

What is shown is pinned: the entries, the position of the record they follow from, and their digest. Before it opens a
second person checks it for secrecy and personal data. The window is counted on the recorded calendar. An objection is
against one entry and affects that entry alone; while one is open, or the window is, nothing of its entry is confirmed.
Clause 三(三) of the call of 2020: 在全校范围内公示通过后组织实施; its length is not stated there.
"""
