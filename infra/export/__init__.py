"""Tables as files for other programs. The bytes that are hashed are not made here: those are the canonical CSV."""
