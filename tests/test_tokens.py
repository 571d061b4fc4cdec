from __future__ import annotations

import asyncio
import hashlib
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from infra.tokens import STILL_VALID, Created, GivenBefore, Identity, Tokens
from tests.vaulting import OPEN_LOGS, everything

pytestmark = pytest.mark.store

PERSON = "0b9d1a1e-8f0e-4a3c-9c1b-2f6f0d8e7a11"


@pytest_asyncio.fixture(autouse=True)
async def logs(superuser: asyncpg.Connection) -> None:
    await superuser.execute(OPEN_LOGS)


class Seconds:
    """A stop watch that moves when the test says so."""

    def __init__(self) -> None:
        self.value = 0.0

    def __call__(self) -> float:
        return self.value


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def tokens(pool: asyncpg.Pool, seconds: Seconds) -> Tokens:
    return Tokens(pool, seconds)


async def is_valid(pool: asyncpg.Pool, created: Created) -> bool:
    """What a decision's statement is told."""
    answer: bool = await pool.fetchval(STILL_VALID.format("$1"), hashlib.sha256(created.secret.encode()).digest())
    return answer


async def test_a_token_names_its_institution_person_and_scopes(tokens: Tokens) -> None:
    created = await tokens.create(1, PERSON, ["write", "read", "read"], lifetime=timedelta(days=1))
    neighbour = await tokens.create(2, PERSON, ["read"])
    identity = await tokens.authenticate(created.secret)
    assert identity is not None
    assert (identity.log_id, identity.token_id, identity.person_id) == (1, created.token_id, PERSON)
    assert identity.scopes == {"read", "write"}
    other = await tokens.authenticate(neighbour.secret)
    assert other is not None
    assert other.log_id == 2


async def test_a_secret_is_long_random_and_nowhere_but_in_its_owner_s_hands(
    tokens: Tokens, superuser: asyncpg.Connection
) -> None:
    created = await tokens.create(1, PERSON, ["read"])
    assert created.secret.startswith("bg_")
    assert len(created.secret) == 46
    dump = "\n".join((await everything(superuser)).values())
    assert str(created.token_id) in dump
    assert created.secret[3:] not in dump
    identity = await tokens.authenticate(created.secret)
    assert identity is not None
    for shown in (repr(created), repr(identity), repr(await tokens.list(1))):
        assert created.secret not in shown
        assert identity.hash.hex() not in shown
        assert repr(identity.hash) not in shown


@pytest.mark.parametrize("secret", ["", "bg_", "bg_" + "A" * 43, "Bearer x", "\x00", "\ud800", "标记", "x" * 100_000])
async def test_what_is_no_token_is_nobody(tokens: Tokens, secret: str) -> None:
    await tokens.create(1, PERSON, ["read"])
    assert await tokens.authenticate(secret) is None
    assert await tokens.recall(secret) is None
    assert await tokens.presume(secret) is None
    assert await tokens.exchange(secret, key="k") is None


async def test_an_expired_token_is_nobody_by_the_database_s_clock(
    tokens: Tokens, superuser: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    created = await tokens.create(1, PERSON, ["read"], lifetime=timedelta(hours=1))
    assert await is_valid(pool, created)
    await superuser.execute("UPDATE token SET created_at = now() - interval '2 hours', expires_at = now()")
    assert await tokens.authenticate(created.secret) is None
    assert not await is_valid(pool, created)
    with pytest.raises(asyncpg.CheckViolationError):
        await tokens.create(1, PERSON, ["read"], lifetime=timedelta(0))


async def test_a_revoked_token_is_nobody_at_once_for_writes_and_within_a_second_for_reads(
    tokens: Tokens, seconds: Seconds, pool: asyncpg.Pool
) -> None:
    created = await tokens.create(1, PERSON, ["read"])
    identity = await tokens.authenticate(created.secret)
    assert await tokens.revoke(1, created.token_id)
    assert not await tokens.revoke(1, created.token_id)
    assert await tokens.presume(created.secret) == identity
    assert not await is_valid(pool, created)
    seconds.value = 1.0
    assert await tokens.recall(created.secret) == identity
    seconds.value = 1.001
    assert await tokens.recall(created.secret) is None
    assert await tokens.presume(created.secret) is None


async def test_recalling_and_presuming_ask_nothing_of_the_database(tokens: Tokens, pool: asyncpg.Pool) -> None:
    created = await tokens.create(1, PERSON, ["read"])
    identity = await tokens.authenticate(created.secret)
    await pool.close()
    assert await tokens.recall(created.secret) == identity
    assert await tokens.presume(created.secret) == identity
    with pytest.raises(asyncpg.InterfaceError):
        await tokens.authenticate(created.secret)


async def test_one_institution_cannot_revoke_the_token_of_another(tokens: Tokens) -> None:
    created = await tokens.create(1, PERSON, ["read"])
    assert not await tokens.revoke(2, created.token_id)
    assert await tokens.authenticate(created.secret) is not None
    assert await tokens.list(2) == ()


async def test_a_list_shows_every_token_and_its_state(tokens: Tokens) -> None:
    first = await tokens.create(1, PERSON, ["read"], once=True)
    second = await tokens.create(1, str(uuid4()), ["write"])
    await tokens.exchange(first.secret, key="k")
    await tokens.revoke(1, second.token_id)
    listed = {token.token_id: token for token in await tokens.list(1)}
    assert len(listed) == 3
    assert listed[first.token_id].once
    assert listed[first.token_id].used_at is not None
    assert listed[second.token_id].revoked_at is not None
    assert {token.token_id for token in await tokens.list(1, PERSON)} == set(listed) - {second.token_id}


async def test_a_token_that_works_once_is_good_for_its_exchange_only(tokens: Tokens, pool: asyncpg.Pool) -> None:
    once = await tokens.create(1, PERSON, ["admin"], once=True)
    assert await tokens.authenticate(once.secret) is None
    assert not await is_valid(pool, once)
    ordinary = await tokens.exchange(once.secret, key="k", lifetime=timedelta(days=1))
    assert ordinary is not None
    identity = await tokens.authenticate(ordinary.secret)
    assert identity is not None
    assert (identity.log_id, identity.person_id, identity.scopes) == (1, PERSON, frozenset({"admin"}))
    assert await tokens.exchange(once.secret, key="another") is None
    assert await tokens.exchange(ordinary.secret, key="k") is None


async def test_of_sixteen_exchanges_at_once_one_wins(tokens: Tokens) -> None:
    once = await tokens.create(1, PERSON, ["admin"], once=True)
    asked = [tokens.exchange(once.secret, key=f"k-{number}") for number in range(16)]
    won = [created for created in await asyncio.gather(*asked) if created]
    assert len(won) == 1
    assert len(await tokens.list(1)) == 2


async def test_an_exchange_whose_answer_was_lost_is_asked_for_again_until_its_token_is_used(tokens: Tokens) -> None:
    once = await tokens.create(1, PERSON, ["read"], once=True)
    lost = await tokens.exchange(once.secret, key="k", lifetime=timedelta(days=1))
    again = await tokens.exchange(once.secret, key="k", lifetime=timedelta(days=1))
    assert lost is not None
    assert again is not None
    assert (again.token_id, again.renewed, lost.renewed) == (lost.token_id, True, False)
    assert len(await tokens.list(1)) == 2
    assert await tokens.authenticate(lost.secret) is None, "the secret before opens nothing"
    assert await tokens.exchange(once.secret, key="guessed") is None
    assert await tokens.authenticate(again.secret) is not None
    with pytest.raises(GivenBefore) as used:
        await tokens.exchange(once.secret, key="k")
    assert (used.value.token_id, used.value.for_another) == (lost.token_id, False)
    assert await tokens.authenticate(again.secret) is not None


async def test_sixteen_equal_exchanges_at_once_leave_one_token_that_one_secret_opens(tokens: Tokens) -> None:
    once = await tokens.create(1, PERSON, ["read"], once=True)
    made = await asyncio.gather(*(tokens.exchange(once.secret, key="k") for _ in range(16)))
    opened = [await tokens.authenticate(created.secret) for created in made if created]
    assert (len(made), len([each for each in opened if each])) == (16, 1)
    assert len(await tokens.list(1)) == 2


async def test_of_a_first_use_and_another_secret_in_its_place_one_comes_first(tokens: Tokens) -> None:
    for number in range(20):
        once = await tokens.create(1, PERSON, ["read"], once=True)
        first = await tokens.exchange(once.secret, key="k")
        assert first is not None
        used, again = await asyncio.gather(
            tokens.authenticate(first.secret), tokens.exchange(once.secret, key="k"), return_exceptions=True
        )
        assert isinstance(used, Identity) is isinstance(again, GivenBefore), number


async def test_a_token_asked_for_again_by_its_id_is_the_same_one_with_another_secret(tokens: Tokens) -> None:
    token_id, year = uuid4(), timedelta(days=365)
    first = await tokens.create(1, PERSON, ["read"], lifetime=year, token_id=token_id)
    again = await tokens.create(1, PERSON, ["read", "read"], lifetime=year, token_id=token_id)
    assert (again.token_id, again.renewed) == (first.token_id, True)
    for person, scopes, lifetime in ((str(uuid4()), ["read"], year), (PERSON, ["act"], year), (PERSON, ["read"], None)):
        with pytest.raises(GivenBefore) as other:
            await tokens.create(1, person, scopes, lifetime=lifetime, token_id=token_id)
        assert other.value.for_another
    await tokens.revoke(1, token_id)
    with pytest.raises(GivenBefore) as over:
        await tokens.create(1, PERSON, ["read"], lifetime=year, token_id=token_id)
    assert not over.value.for_another
    assert await tokens.authenticate(again.secret) is None


async def test_a_list_says_when_a_token_was_first_used(tokens: Tokens) -> None:
    created = await tokens.create(1, PERSON, ["read"])
    (line,) = await tokens.list(1)
    assert line.used_at is None
    await tokens.authenticate(created.secret)
    (line,) = await tokens.list(1)
    await tokens.authenticate(created.secret)
    assert [line] == list(await tokens.list(1))
    assert line.used_at is not None


async def test_a_revoked_token_cannot_be_exchanged(tokens: Tokens) -> None:
    once = await tokens.create(1, PERSON, ["admin"], once=True)
    await tokens.revoke(1, once.token_id)
    assert await tokens.exchange(once.secret, key="k") is None


async def test_the_application_itself_cannot_revive_or_rewrite_a_token(tokens: Tokens, pool: asyncpg.Pool) -> None:
    once = await tokens.create(1, PERSON, ["read"], once=True)
    await tokens.exchange(once.secret, key="k")
    await tokens.revoke(1, once.token_id)
    for statement in ("UPDATE token SET revoked_at = NULL WHERE once", "UPDATE token SET used_at = NULL WHERE once"):
        with pytest.raises(asyncpg.PostgresError, match="stays so"):
            await pool.execute(statement)
    used = await tokens.create(1, PERSON, ["read"])
    await tokens.authenticate(used.secret)
    with pytest.raises(asyncpg.PostgresError, match="keeps its secret"):
        await pool.execute("UPDATE token SET hash = sha256('x') WHERE token_id = $1", used.token_id)
    for statement in ("UPDATE token SET scopes = '{admin}'", "UPDATE token SET expires_at = NULL", "DELETE FROM token"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute(statement)


async def test_the_memory_of_identities_is_bounded(pool: asyncpg.Pool) -> None:
    tokens = Tokens(pool, remembered=3)
    identities: list[Identity | None] = []
    for _ in range(5):
        created = await tokens.create(1, PERSON, [])
        identities.append(await tokens.authenticate(created.secret))
    assert [identity for identity, _ in tokens._remembered.values()] == identities[2:]
