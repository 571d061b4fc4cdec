"""Application (申报): the unit prepares form, self-check and budget; the parent stands by it and files it in time.

In time is ``received_at < closes_at``, the dates written when the window was opened; it never depends on whether a
worker has run. What is filed is exactly what was vetted: materials are named by the digest of all their parts.
"""
