from __future__ import annotations

from pathlib import Path

import pytest

from infra.settings import SettingsRefused, load


def test_nothing_set_means_a_private_embedded_installation() -> None:
    settings = load({"BIAOGAN_STATE_DIR": "/srv/biaogan"})
    assert (settings.database_url, settings.host, settings.port) == (None, "127.0.0.1", 8000)
    assert settings.broker_url is None
    assert settings.key_file == Path("/srv/biaogan/vault.key")


def test_everything_can_be_chosen() -> None:
    settings = load(
        {
            "BIAOGAN_DATABASE_URL": "postgresql://app@db/biaogan",
            "BIAOGAN_OWNER_URL": "postgres://owner@db/biaogan",
            "BIAOGAN_BROKER_URL": "rediss://queue:6379/1",
            "BIAOGAN_HOST": "0.0.0.0",
            "BIAOGAN_PORT": "9000",
            "BIAOGAN_LOG_LEVEL": "WARNING",
            "BIAOGAN_STATE_DIR": "/srv/biaogan",
            "BIAOGAN_KEY_FILE": "/run/secrets/vault",
        }
    )
    assert (settings.host, settings.port, settings.log_level) == ("0.0.0.0", 9000, "WARNING")
    assert (settings.state_dir, settings.key_file) == (Path("/srv/biaogan"), Path("/run/secrets/vault"))
    assert settings.owner_url == "postgres://owner@db/biaogan"
    assert settings.broker_url == "rediss://queue:6379/1"


@pytest.mark.parametrize("url", ["unix:///run/biaogan/broker.sock", "redis://db/0", "stub://"])
def test_a_broker_is_a_valkey_or_redis_by_socket_or_network_or_in_memory(url: str) -> None:
    assert load({"BIAOGAN_BROKER_URL": url, "BIAOGAN_STATE_DIR": "/x"}).broker_url == url


def test_an_empty_variable_is_not_set() -> None:
    assert load({"BIAOGAN_PORT": "", "BIAOGAN_DATABASE_URL": "", "BIAOGAN_STATE_DIR": "/x"}).port == 8000


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        ({"BIAOGAN_PORT": "99999"}, "BIAOGAN_PORT: .*The port the API listens on, 1 to 65535"),
        ({"BIAOGAN_PORT": "eighty"}, "BIAOGAN_PORT: .*1 to 65535"),
        ({"BIAOGAN_LOG_LEVEL": "loud"}, "BIAOGAN_LOG_LEVEL: .*DEBUG, INFO, WARNING or ERROR"),
        ({"BIAOGAN_DATABASE_URL": "mysql://li:geheim@db"}, "BIAOGAN_DATABASE_URL: .*postgresql:// URL"),
        ({"BIAOGAN_BROKER_URL": "amqp://li:geheim@db"}, "BIAOGAN_BROKER_URL: .*Valkey or Redis"),
        ({"BIAOGAN_OWNER_URL": "postgresql://owner@db"}, "BIAOGAN_DATABASE_URL is not; set both or neither"),
    ],
)
def test_a_wrong_setting_is_refused_by_name_and_rule(env: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingsRefused, match=sentence) as refused:
        load(env)
    assert "geheim" not in str(refused.value), "an address may hold a password"
