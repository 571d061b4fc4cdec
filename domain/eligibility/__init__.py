"""Eligibility (基本条件): each rule judged over the history of the unit and its parents as of the rule's date.

A rule is hard, or can be waived by a second person with a reason. The judgement keeps its trace: the inputs by
position, the outcome of every rule, and what was waived by whom.
"""
