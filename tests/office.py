"""An office to test in: an institution opened through the front door, and people who may ask."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid4, uuid5
from zoneinfo import ZoneInfo

from domain.document.commands import DepositDocument
from domain.document.policy import PUBLIC_KINDS
from domain.ids import InstitutionId, PersonId, tag
from domain.institution.commands import OpenInstitution
from domain.institution.events import ClockAdvanced
from domain.kernel import Command
from domain.lifecycle import CATALOGUE
from domain.permission import policy as law
from domain.person.commands import Appoint, RegisterPerson
from infra.assembly import Assembly, assemble, open_pool
from infra.clock import Institution
from infra.event_store import open_log
from infra.front_door import Ask, Caller, Reason, Receipt, service_id
from infra.master_key import ensure_key_file

OPENED_AT = datetime(2020, 5, 9, 8, 36, tzinfo=UTC)


@dataclass
class Office:
    """One institution in a database, and its administrator."""

    parts: Assembly
    institution_id: str
    log_id: int
    administrator: Caller
    _keys: itertools.count[int] = field(default_factory=itertools.count)

    async def ask(
        self,
        caller: Caller,
        command: type[Command],
        *,
        key: str | None = None,
        reason: str | Reason | None = None,
        **values: Any,
    ) -> Receipt:
        """Ask at the front door; ``subject`` and further fields of an Ask go in by name, the rest are the command's."""
        own = {name: values.pop(name) for name in ("subject", "if_match", "effective_on", "attempt") if name in values}
        answer = await self.parts.door.ask(
            Ask(
                caller=caller,
                command=command,
                values=values,
                idempotency_key=key or f"key-{next(self._keys)}",
                reason=Reason(reason) if isinstance(reason, str) else reason,
                **own,
            )
        )
        assert isinstance(answer, Receipt)
        return answer

    async def somebody(self, role: str, unit_id: str | None = None, first_day: date = date(2020, 5, 9)) -> Caller:
        """Register a person and appoint them."""
        person_id = str(uuid4())
        details = {"name": "某人", "phone": "13800000000"}
        await self.ask(
            self.administrator,
            RegisterPerson,
            person_id=person_id,
            details=details,
            subject=tag(PersonId, person_id),
        )
        await self.ask(
            self.administrator,
            Appoint,
            appointment_id=f"a-{person_id}",
            person_id=person_id,
            role=role,
            unit_id=unit_id,
            first_day=first_day,
        )
        return Caller(log_id=self.log_id, person_id=person_id, scopes=frozenset({"backdate"}))

    async def deposit(self, caller: Caller, kind: str = "evidence", owner_unit_id: str | None = None) -> str:
        """Deposit a short text; returns the document's id."""
        institution = await self.parts.clock.institution(self.log_id)
        key = f"document-{next(self._keys)}"
        command_id = self.parts.door.command_id(institution, caller.person_id, key)
        async with self.parts.staging.attempt(self.log_id, command_id) as attempt:
            received = await self.parts.documents.receive_bytes(attempt, "institution", kind, key.encode())
            await self.ask(
                caller,
                DepositDocument,
                key=key,
                attempt=attempt,
                document_id=received.document_id,
                kind=kind,
                media_type=received.media_type,
                size_bytes=received.size,
                text_digest=sha256(key.encode()).hexdigest() if kind in PUBLIC_KINDS else None,
                owner_unit_id=owner_unit_id,
            )
        return received.document_id


async def open_office(parts: Assembly, institution_id: str = "UNI", *, simulated: bool = True) -> Office:
    """Open an institution in a log of its own."""
    clock = "simulated" if simulated else "real"
    log_id = await open_log(parts.pool, institution_id, clock)
    administrator_id = str(uuid5(NAMESPACE_OID, f"{institution_id} administrator"))
    starts_at = OPENED_AT if simulated else None
    zone = ZoneInfo("Asia/Shanghai")
    await parts.door.ask(
        Ask(
            caller=Caller(log_id=log_id, person_id=administrator_id),
            command=OpenInstitution,
            values={
                "institution_id": institution_id,
                "name_zh": "示例大学",
                "name_en": "Example University",
                "clock": clock,
                "starts_at": starts_at,
                "administrator_id": administrator_id,
                "details": {"name": "管理员", "email": "admin@example.test"},
                "schedule_id": service_id(institution_id, "schedule"),
                "automation_id": service_id(institution_id, "automation"),
                "import_id": service_id(institution_id, "import"),
            },
            idempotency_key="open",
            subject=tag(InstitutionId, institution_id),
            sealed_under=tag(PersonId, administrator_id),
            founding=Institution(log_id, institution_id, zone, simulated, starts_at),
        )
    )
    administrator = Caller(log_id=log_id, person_id=administrator_id, scopes=frozenset({"backdate", "clock"}))
    return Office(parts, institution_id, log_id, administrator)


@asynccontextmanager
async def parts_of(app_url: str, name: str = "test", key_file: Path | None = None) -> AsyncIterator[Assembly]:
    """What one process is put together from; processes of one database share a key file."""
    with tempfile.TemporaryDirectory() as folder:
        keys = ensure_key_file(key_file or Path(folder) / "vault.key")
        async with (
            open_pool(app_url, name=name) as pool,
            assemble(pool, keys, catalogue=CATALOGUE, law=law, advanced=ClockAdvanced) as parts,
        ):
            yield parts
