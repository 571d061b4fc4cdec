"""Funding (经费): budget authority by stage, from the appropriation to what was accounted for or came back.

Money is appropriated to the programme by source and fiscal year, allocated to a case when its gates hold, committed,
paid after a second person approved, and accounted for with evidence. What does not hold is frozen and released to where
it came from; what is not spent is returned, recovered, carried into the next year or lapses, as the programme's rule
says. Matching money is a source of its own and never mixed with the programme's. No posting is stored: entries follow
from events. Clause 四 of the call of 2020: 标杆学院每年 2.5 万元、样板支部每年 1 万元;获上级立项的按不低于 1:1 配套.
"""
