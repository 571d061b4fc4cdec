"""A programme: one call (通知) that selects, funds, assesses and names, kept as data.

Three things stay apart for ever: the text as published, with its damage; the value as interpreted, by whom, when and
why; and a later erratum. A programme is announced once; each of its policies is an event of its own, so that later
facts can name exactly the policy they depend on.
"""
