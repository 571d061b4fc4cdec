"""Documents: every text longer than a label. The record holds a digest of the ciphertext; the text is encrypted.

Whoever destroys the key leaves the record whole: the digest still names exactly what was there.
"""
