"""What may be asked about the keys that sign checkpoints: announce a new one, end a former one."""

from __future__ import annotations

from collections.abc import Sequence

from domain.audit.events import SigningKeyAnnounced, SigningKeyEnded
from domain.ids import InstitutionId, tag
from domain.kernel import Command, Digest, Invalid, Refusal, Selector, asked, event, known


class SigningKeyKnown(Refusal):
    """Signing key {public_key} was announced before, or was there from the start.
    zh: 签名公钥 {public_key} 此前已公告,或自始即在用。
    title: The signing key is known already · 签名公钥已知
    """


class SigningKeyFollowsItself(Invalid):
    """A signing key follows another one, not itself.
    zh: 签名公钥须接替另一公钥,不能接替自身。
    """


class SigningKeyNotSucceeded(Refusal):
    """No announced key follows signing key {public_key}, so it does not end.
    zh: 尚无已公告的公钥接替签名公钥 {public_key},不得终止。
    title: No key follows this one · 尚无接替的公钥
    """


class SigningKeyAlreadyEnded(Refusal):
    """Signing key {public_key} has ended; it neither signs nor ends again.
    zh: 签名公钥 {public_key} 已终止,不再用于签名,亦不再次终止。
    title: The signing key has ended · 签名公钥已终止
    """


class AboutSigningKeys(Command):
    """What both commands about signing keys know: which were announced after which, and which have ended.
    zh: 关于签名公钥的各项命令所共知:接替关系与终止情况。
    """

    public_key: Digest = asked("Public key (Ed25519, hexadecimal)", "公钥(Ed25519,十六进制)")

    followed: frozenset[str] = known(frozenset())
    announced: frozenset[str] = known(frozenset())
    ended: frozenset[str] = known(frozenset())

    def consistency_boundary(self) -> Sequence[Selector]:
        return [Selector([SigningKeyAnnounced, SigningKeyEnded], [tag(InstitutionId, self.institution_id)])]

    @event(SigningKeyAnnounced)
    def _(self, public_key: str, former_public_key: str) -> None:
        self.announced |= {public_key}
        self.followed |= {former_public_key}

    @event(SigningKeyEnded)
    def _(self, public_key: str) -> None:
        self.ended |= {public_key}


class AnnounceSigningKey(AboutSigningKeys):
    """Announce, under the key that signs, the key that is to sign beside it and then in its place.
    zh: 在现行公钥签名之下公告接替的签名公钥。
    """

    former_public_key: Digest = asked("Key that it follows", "所接替的公钥")

    def execute(self) -> None:
        if self.public_key == self.former_public_key:
            raise SigningKeyFollowsItself(field="public_key")
        if self.public_key in self.announced | self.followed:
            raise SigningKeyKnown(public_key=self.public_key)
        if self.former_public_key in self.ended:
            raise SigningKeyAlreadyEnded(public_key=self.former_public_key)
        self.trigger_event(
            SigningKeyAnnounced,
            institution_id=self.institution_id,
            public_key=self.public_key,
            former_public_key=self.former_public_key,
        )


class EndSigningKey(AboutSigningKeys):
    """End a signing key that another one follows; whatever it signs from then on counts for nothing.
    zh: 终止已被接替的签名公钥;此后其签名无效。
    """

    def execute(self) -> None:
        if self.public_key in self.ended:
            raise SigningKeyAlreadyEnded(public_key=self.public_key)
        if self.public_key not in self.followed:
            raise SigningKeyNotSucceeded(public_key=self.public_key)
        self.trigger_event(SigningKeyEnded, institution_id=self.institution_id, public_key=self.public_key)
