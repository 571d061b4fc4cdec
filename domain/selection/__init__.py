"""Selection (遴选): the panel recommends, the committee decides, and only what passed its publicity is confirmed.

Recommending is not deciding: a committee may depart from the ranking, and may choose more or fewer than the places,
each with a reason. Reserves have an order and are promoted when a place falls free. A decision may be reopened, and a
confirmed selection reversed while its case runs, which names all that hangs on it. Clause 三(三) of the call of 2020:
确定…建设名单,并在全校范围内公示通过后组织实施.
"""
