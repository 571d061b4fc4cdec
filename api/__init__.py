"""How to ask: requests into commands, views into answers, over HTTP and on the command line.

Every route stands in the table of its capability (``api/unit.py`` …), one visible line each; ``api/catalogue.py`` lists
the tables. The published schema is made from the same tables, so it cannot say anything else.
"""
