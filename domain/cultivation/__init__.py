"""Cultivation (培育创建): the years between the selection and the acceptance, in the hands of the unit.

The unit files its task book (任务书): milestones, responsible persons, road map and the binding budget; the office
signs it or returns it. What the programme requires besides, summaries and reports on results, is asked of each case by
its day, filed, returned or accepted. Outreach (宣传) is recorded as it happens. A case outlives its unit: merged, split
or dissolved, it is carried on by a successor. Clause 三(四) of the call of 2020: 按计划、分步骤开展争先创建工作.
"""
