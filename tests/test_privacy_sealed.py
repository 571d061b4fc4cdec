"""Every kind of subject whose key the vault holds: each is erased by the fact of its kind, or kept on a ground."""

from __future__ import annotations

import os
from itertools import product
from uuid import uuid4

import asyncpg
import pytest

from api.catalogue import PAGES
from api.routes import Act
from domain.institution.commands import OpenInstitution
from domain.kernel import Event
from domain.privacy.events import ObjectorErased, PersonErased
from domain.privacy.policy import SEALED
from infra.master_key import MasterKeys
from infra.sealed_fields import sealed_fields
from infra.staging import Attempt
from infra.vault import KeyDestroyed, Vault, erase, prepare
from tests.vaulting import OPEN_LOGS, accept, say_erased

FACTS: tuple[type[Event], ...] = (PersonErased, ObjectorErased)


def kinds_of(act: Act) -> set[str]:
    """Under whose keys the sealed fields of a command lie, as ``infra/sealed_fields.py`` has it."""
    if not sealed_fields(act.command):
        return set()
    if act.command.GIVES_CODE:
        return {"seat", "matter"}
    if act.command.CODED:
        return {"seat"}
    assert act.about is not None
    return {act.about[1]}


def test_the_table_names_every_kind_and_no_other() -> None:
    by_commands = {kind for page in PAGES for act in page.routes if isinstance(act, Act) for kind in kinds_of(act)}
    assert sealed_fields(OpenInstitution), "the first administrator, under the key of the person"
    by_deposit = {"person", "unit", "institution"}
    assert set(SEALED) == by_commands | by_deposit


@pytest.mark.parametrize("kind", SEALED)
def test_each_kind_is_erased_or_kept_and_says_why(kind: str) -> None:
    sealed = SEALED[kind]
    assert sealed.en
    assert sealed.zh
    assert (sealed.erased_by is None) == bool(sealed.kept_by), "one of the two"
    assert sealed.erased_by is None or sealed.erased_by in FACTS


@pytest.mark.store
@pytest.mark.parametrize(("kind", "fact"), list(product(SEALED, FACTS)), ids=lambda each: getattr(each, "TOPIC", each))
async def test_the_database_destroys_a_key_for_the_fact_of_its_kind_and_for_no_other(
    pool: asyncpg.Pool, superuser: asyncpg.Connection, kind: str, fact: type[Event]
) -> None:
    await superuser.execute(OPEN_LOGS)
    vault, subject = Vault(pool, MasterKeys(os.urandom(32))), f"{kind}:S-1"
    attempt = Attempt(1, uuid4())
    (sealed,) = await vault.stage(attempt, prepare(1, subject, "text", b"what is kept"))
    await accept(superuser, 1, attempt.command_id, sealed.commitment)
    await say_erased(superuser, 1, subject, fact)
    async with pool.acquire() as connection:
        if SEALED[kind].erased_by is fact:
            await erase(connection, 1, subject)
            with pytest.raises(KeyDestroyed):
                await vault.open_(1, subject, "text")
            assert await superuser.fetchval("SELECT sealed FROM envelope") == b""
        else:
            with pytest.raises(asyncpg.PostgresError, match="does not say"):
                await erase(connection, 1, subject)
            assert await vault.open_(1, subject, "text") == b"what is kept"
