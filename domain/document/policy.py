"""What other capabilities refuse about documents."""

from __future__ import annotations

from typing import Final

from domain.kernel import Unknown

PUBLIC_KINDS: Final[frozenset[str]] = frozenset({"notice", "basis", "definition", "calendar"})
"""Kinds whose text is published anyway: only theirs may have the digest of its text in the record."""


class DocumentUnknown(Unknown):
    """Document {document_id} has not been deposited.
    zh: 文件 {document_id} 尚未存入。
    """
