"""Who may ask for what, and in which state of its subject: the law of the door, kept as data.

Authorisation is a published table, role by command by state. Refusals of permission and reads of sealed material are
kept in the access journal; the root of each day's lines is recorded here as one event.
"""
