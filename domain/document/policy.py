"""What other capabilities refuse about documents."""

from __future__ import annotations

from typing import Final

from domain.document.events import DocumentKind
from domain.kernel import Unknown

PUBLIC_KINDS: Final[frozenset[str]] = frozenset({"notice", "basis", "definition", "calendar"})
"""Kinds whose text is published anyway: only theirs may have the digest of its text in the record."""
KIND_TITLES: Final[dict[DocumentKind, tuple[str, str]]] = {
    "notice": ("notice", "通知"),
    "basis": ("basis", "依据"),
    "definition": ("definition", "项目定义"),
    "resolution": ("resolution", "会议决议"),
    "form": ("form", "申报书"),
    "self_check": ("self-check", "自查"),
    "plan": ("plan", "创建方案"),
    "evidence": ("evidence", "佐证"),
    "reason": ("reason", "事由"),
    "calendar": ("calendar", "放假安排"),
    "other": ("other", "其他"),
}


class DocumentUnknown(Unknown):
    """Document {document_id} has not been deposited.
    zh: 文件 {document_id} 尚未存入。
    title: The document has not been deposited · 文件尚未存入
    """
