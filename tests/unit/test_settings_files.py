"""Settings are read from variables and files, and refused if they make no sense."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from config.settings import BadSetting, Settings, environment_value, settings
from tests.command import forget_settings
from worker.sources.environment_names import describe_unknown_variables


def test_a_setting_is_read_from_the_file_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in {"REDIS_PASSWORD": "sec ret\n", "API_TOKENS": "one,two\n", "POLL_SECONDS": "3"}.items():
        file = tmp_path / name
        file.write_text(text)
        monkeypatch.setenv(f"MILLRACE_{name}_FILE", str(file))
    found = Settings()
    assert found.redis_password.get_secret_value() == "sec ret"
    assert [token.get_secret_value() for token in found.api_tokens] == ["one", "two"]
    assert found.poll_seconds == 3


def test_a_credential_is_read_from_the_file_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text("the key\n")
    monkeypatch.setenv("ACME_KEY_FILE", str(tmp_path / "key"))
    assert environment_value("ACME_KEY") == "the key"


@pytest.mark.parametrize(("value", "key"), [("the key\n", "the key"), (" the key\r\n", " the key"), ("\n", None)])
def test_a_line_end_behind_a_credential_is_no_part_of_it(
    monkeypatch: pytest.MonkeyPatch, value: str, key: str | None
) -> None:
    monkeypatch.setenv("ACME_KEY", value)
    assert environment_value("ACME_KEY") == key


def test_a_line_end_behind_a_setting_is_no_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_REDIS_PASSWORD", "sec ret\r\n")
    monkeypatch.setenv("MILLRACE_API_TOKENS", "one,two\n")
    monkeypatch.setenv("MILLRACE_LOG", "json\n")
    monkeypatch.setenv("MILLRACE_DATA_DIR", "data\n")
    found = Settings(_env_file=None)
    assert found.redis_password.get_secret_value() == "sec ret"
    assert [token.get_secret_value() for token in found.api_tokens] == ["one", "two"]
    assert (found.log, found.data_dir) == ("json", Path("data"))


def test_files_may_begin_with_the_byte_order_mark_of_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfMILLRACE_POLL_SECONDS=3\r\nACME_KEY_FILE=key\r\n")
    (tmp_path / "key").write_bytes(b"\xef\xbb\xbfthe key\r\n")
    forget_settings()
    try:
        assert settings().poll_seconds == 3
        assert environment_value("ACME_KEY") == "the key"
    finally:
        forget_settings()


def test_two_places_for_one_value_and_a_file_that_is_not_there_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLRACE_REDIS_PASSWORD_FILE", str(tmp_path / "none"))
    with pytest.raises(BadSetting, match=r"MILLRACE_REDIS_PASSWORD_FILE: .*none: No such file"):
        Settings()
    monkeypatch.setenv("MILLRACE_REDIS_PASSWORD", "secret")
    with pytest.raises(BadSetting, match="both set") as refusal:
        Settings()
    assert "secret" not in str(refusal.value)


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.setenv(f"MILLRACE_{name.upper()}", "")
    assert Settings(_env_file=None) == Settings.model_construct()


@pytest.mark.parametrize("value", ["inf", "nan", "1e30", "-1"])
@pytest.mark.parametrize("name", [name for name in Settings.model_fields if name.endswith(("_seconds", "_days"))])
def test_a_time_that_no_clock_can_measure_is_refused(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"MILLRACE_{name.upper()}", value)
    with pytest.raises(ValidationError, match=name):
        Settings()


def test_an_env_file_that_is_not_utf_8_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_bytes(b"KARGO_PASSWORD=gr\xfc\xdfe\n")
    monkeypatch.chdir(tmp_path)
    forget_settings()
    with pytest.raises(BadSetting, match=r"\.env: is not UTF-8"):
        settings()
    forget_settings()


def test_an_env_file_that_cannot_be_looked_at_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").symlink_to(".env")  # the tests' user may search every directory
    monkeypatch.chdir(tmp_path)
    forget_settings()
    with pytest.raises(BadSetting, match=r"^\.env: Too many levels of symbolic links$"):
        settings()
    forget_settings()


def test_variables_named_like_settings_that_nothing_reads_are_named_with_what_was_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = ["MILLRACE_REDIS_URL", "MILLRACE_API_TOKENS_FILE", "MILLRACE_KARGO_KEY_FILE", "MILLRACE_KARGO_URL"]
    of_kubernetes = ["MILLRACE_PORT", "MILLRACE_SERVICE_PORT_HTTP", "MILLRACE_PORT_80_TCP_ADDR"]
    for name in (*used, *of_kubernetes, "MILLRACE_REDIS_PASWORD_FILE", "MILLRACE_FLAVOUR"):
        monkeypatch.setenv(name, "x")
    (tmp_path / ".env").write_text("MILLRACE_REDIS_URI=redis://there\n")
    connections = tmp_path / "connections.yaml"
    connections.write_text("kargo: {base_url: '${MILLRACE_KARGO_URL:-x}', credentials: {key: $MILLRACE_KARGO_KEY}}\n")
    monkeypatch.chdir(tmp_path)
    forget_settings()
    found = describe_unknown_variables(connections)
    forget_settings()
    assert found == [
        "MILLRACE_FLAVOUR has no effect: there is no such setting",
        "MILLRACE_REDIS_PASWORD_FILE has no effect; did you mean MILLRACE_REDIS_PASSWORD_FILE?",
        "MILLRACE_REDIS_URI has no effect; did you mean MILLRACE_REDIS_URL?",
    ]
