"""Obligations (义务): what somebody must do by a day, from the fact that asks for it to the fact that does it.

Nobody enters an obligation: it arises from an event that carries a deadline (a correction was requested, an objection
received, scoring opened) and ends by the event that answers it. What is recorded here is what happens to it in between:
a reminder was issued, it fell overdue, it was excused with a reason.
"""
