"""The working-day calendar: data of the institution, filed by a person, year by year.

A year lists the weekdays that are off and the weekend days that are worked. A later calendar never moves a window that
is already open; only a recorded extension does.
"""
