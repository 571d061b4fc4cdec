"""Assessment (中期评估、验收): how a case is judged on its way and at its end, and what follows.

Each programme defines its assessments: in which order, on which form and by which panel, with which outcomes, and what
each outcome leads to. The panel scores, the office decides; the ranking is evidence, not the decision. What falls
short is rectified (限期整改) by a day and looked at again, or the case gets more time. Completion (结项) is a fact of
its own. Clauses 三(五) and 三(六) of the call of 2020: 中期评估 in June 2021, 验收 by the end of June 2022.
"""
