"""The bundle that an auditor takes away: what is put into it, and the two programs in it that judge it.

``verify.py`` and ``replay.py`` are carried as they are and run alone: the first imports nothing of the product, the
second only the rules that lie in the bundle.
"""
