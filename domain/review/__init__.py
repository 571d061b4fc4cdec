"""Review (评审): reviewers, known by codes, score applications; scores stay sealed until scoring has closed.

A programme has ordered stages, each with its form (a tree of criteria), its aggregation and its tie-breaks. A panel
sits in one stage, pinned to the stage as it was defined then. Its reviewers act under the code of their seat: the link
to the person lies in the vault, and opening it is an act of its own. A sheet is committed when it is filed and opened
after closing; a recusal takes away access, sheets and counters from a stated moment. Anybody can compute the ranking
again from the opened sheets and the pinned stage. Clause 三(三) of the call of 2020: 牵头组织有关部门及专家进行评选.
"""
