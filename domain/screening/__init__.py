"""Screening (初审): the office checks what was filed before anybody scores it.

The office passes an application, rejects it (its place goes back to the nominating unit), or returns it for the
correction of named parts until a day. What is changed then lapses the endorsement: the nominating unit vets the
materials anew and files them again, and what was changed without being asked for is told apart. Clause 三(三) of the
call of 2020: 党建办对相关申报材料进行初审.
"""
