"""Persons by pseudonym, and the offices they hold from a date to a date.

A name and a contact are in the vault; the record knows a person only by a pseudonymous id. Every right descends from a
recorded appointment: a role at a unit, or at the whole institution, for some days.
"""
