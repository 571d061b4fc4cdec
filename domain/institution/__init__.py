"""The institution whose office runs programmes: one institution, one log, one clock.

Its first event says for ever whether its clock is real or simulated. A simulated institution is a rehearsal: its clock
moves only when it is asked to, and every answer says so.
"""
