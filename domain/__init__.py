"""What the rules say: no database, no clock, no network, no framework.

``ls domain/`` is the life of a case; each folder is one capability with the same three files: ``events`` (what can have
happened), ``policy`` (arithmetic that rules and views share, only where there is any) and ``commands`` (what may be
asked, and when it is refused).
"""
