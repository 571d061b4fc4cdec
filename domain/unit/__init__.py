"""Units and their tree: who belongs to whom, since when; what became of whom.

What rules read from before or outside the record (foundation, incidents, honours, earlier outcomes and titles) is
recorded on the unit by the office, each with its source document and the day from which it counts.
"""
