"""What an installation may choose, all of it by environment variables; what the law fixes is data of a programme."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from infra.places import PlaceRefused, state_dir

PREFIX = "BIAOGAN_"

_PostgresUrl = Annotated[str, Meta(pattern=r"^postgres(ql)?://")]
_BrokerUrl = Annotated[str, Meta(pattern=r"^(unix|rediss?|stub)://")]


class SettingsRefused(Exception):
    """A setting cannot be used; the sentence names the variable and its rule, and repeats no address or password."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of one process; each is the variable BIAOGAN_ and its name in capitals."""

    database_url: Annotated[
        _PostgresUrl | None,
        Meta(description="A postgresql:// URL of the application's role; PostgreSQL 15 or newer. Unset: embedded."),
    ] = None
    owner_url: Annotated[
        _PostgresUrl | None,
        Meta(description="A postgresql:// URL: the owner's role on the same database; only migrations use it."),
    ] = None
    broker_url: Annotated[
        _BrokerUrl | None,
        Meta(description="A redis://, rediss:// or unix:// URL of a Valkey or Redis. Unset: embedded."),
    ] = None
    host: Annotated[str, Meta(min_length=1, description="The address the API listens on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535, description="The port the API listens on, 1 to 65535.")] = 8000
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], Meta(description="DEBUG, INFO, WARNING or ERROR.")
    ] = "INFO"
    state_dir: Annotated[Path, Meta(description="Where this machine keeps what must survive.")]
    key_file: Annotated[Path, Meta(description="The file of the vault's master key, readable by its owner alone.")]
    signer_dir: Annotated[Path, Meta(description="Where the signer of checkpoints keeps its key and what it signed.")]


def load(env: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings; an empty variable counts as not set, as compose files and CI write it."""
    try:
        state = state_dir(env)
    except PlaceRefused as error:
        raise SettingsRefused(str(error)) from None
    values: dict[str, object] = {"state_dir": state, "key_file": state / "vault.key", "signer_dir": state / "signer"}
    for field in msgspec.structs.fields(Settings):
        variable = PREFIX + field.name.upper()
        text = env.get(variable)
        if not text:
            continue
        try:
            values[field.name] = msgspec.convert(text, field.type, strict=False, dec_hook=_path)
        except msgspec.ValidationError as error:
            raise SettingsRefused(f"{variable}: {error}. {_description(field)} 设置 {variable} 不符合规则。") from None
    if "owner_url" in values and "database_url" not in values:
        raise SettingsRefused(
            f"{PREFIX}OWNER_URL is set but {PREFIX}DATABASE_URL is not; set both or neither. 两者须同设或同不设。"
        )
    return msgspec.convert(values, Settings, dec_hook=_path)


def _path(kind: type, value: object) -> object:
    return Path(str(value)) if kind is Path else value


def _description(field: msgspec.structs.FieldInfo) -> str:
    information = msgspec.inspect.type_info(field.type)
    if isinstance(information, msgspec.inspect.Metadata):
        return str((information.extra_json_schema or {}).get("description", ""))
    return ""
