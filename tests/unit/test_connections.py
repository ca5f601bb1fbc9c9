"""A connection takes values from the environment, names its credentials, and has a base URL that is safe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from config.settings import PACKAGED
from worker.errors import BadInput
from worker.sources.connections import Connections, connections_schema, find_report, load_connections
from worker.sources.credentials import auth_for, credential_names, is_set_up, missing_credentials
from worker.sources.environment_names import value_of, variable_name
from worker.sources.loading import Catalogue, load_catalogue
from worker.sources.schema import AllAuth, HeaderAuth, OAuth2Auth, SessionAuth

CREDENTIALS = "credentials: {username: $U, password: $P}"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def load(tmp_path: Path, catalogue: Catalogue, text: str, **environment: str) -> Connections:
    """The connections of a file with this text. Raises the first fault."""
    found = load_with_faults(tmp_path, catalogue, text, **environment)
    for fault in found.faults.values():
        raise fault
    return found


def load_with_faults(tmp_path: Path, catalogue: Catalogue, text: str, **environment: str) -> Connections:
    path = tmp_path / "connections.yaml"
    path.write_text(text, encoding="utf-8")
    return load_connections(path, catalogue, environment.get)


def entry(**fields: Any) -> str:
    lines = {"source": "kargo", "credentials": "{username: $U, password: $P}", **fields}
    return "kargo:\n" + "".join(f"  {key}: {value}\n" for key, value in lines.items())


def packaged(catalogue: Catalogue, **environment: str) -> Connections:
    return load_connections(PACKAGED / "connections.yaml", catalogue, environment.get)


def test_the_packaged_accounts_load_without_any_variable_set(catalogue: Catalogue) -> None:
    bases = {name: connection.base_url for name, connection in packaged(catalogue).items()}
    assert bases == {
        "kargo": "https://datasharingapi.prod.kargo.com/v1",
        "mediamath": "https://api.mediamath.com/reporting/v2",
        "rokt": "https://api.rokt.com",
        "instal": "https://dashboard.instal.com/advertiser/api/v1",
    }


def test_a_base_comes_from_the_environment_and_may_be_this_machine(catalogue: Catalogue) -> None:
    connections = packaged(catalogue, KARGO_BASE_URL="http://127.0.0.1:8900/kargo/v1/")
    assert connections["kargo"].base_url == "http://127.0.0.1:8900/kargo/v1"


@pytest.mark.parametrize(
    ("base", "words"),
    [
        ("http://api.kargo.com/v1", "allow_http"),
        ("http://10.0.0.1/v1", "allow_http"),
        ("http://localhost.example.com/v1", "allow_http"),
        ("http://127.0.0.1.evil.example/v1", "allow_http"),
        ("https://api.kargo.com/v1/../admin", ""),
        ("ftp://api.kargo.com", "https://HOST/PATH"),
        ("api.kargo.com/v1", "https://HOST/PATH"),
        ("https:///v1", "https://HOST/PATH"),
        ("https://api.kargo.com:port/", "https://HOST/PATH"),
        ("https://api.kargo.com/v1?key=1", "without ? and #"),
        ("https://api.kargo.com/v1#x", "without ? and #"),
        ("https://me:hush@api.kargo.com/v1", "a user or password"),
        ("https://api.kargo.com/überblick/%20", "a path in ASCII: /%C3%BCberblick/%20"),
    ],
)
def test_a_base_that_is_not_safe_is_refused(tmp_path: Path, catalogue: Catalogue, base: str, words: str) -> None:
    with pytest.raises(BadInput) as caught:
        load(tmp_path, catalogue, entry(base_url=f"'{base}'"))
    assert caught.value.where == f"{tmp_path}/connections.yaml:4: kargo.base_url"
    assert words in caught.value.allowed
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("variable", ["ACME_API_KEY", "ACME_TOKEN_V2", "P"])
def test_a_base_with_a_key_in_it_is_refused(tmp_path: Path, catalogue: Catalogue, variable: str) -> None:
    text = entry(base_url=f"https://api.acme.example/${{{variable}}}/v1")
    with pytest.raises(BadInput, match="a URL without a key: paths are shown") as caught:
        load(tmp_path, catalogue, text, **{variable: "hush"})
    assert caught.value.where.endswith(": kargo.base_url")
    assert "hush" not in str(caught.value)
    harmless = entry(base_url="https://api.acme.example/${ACCOUNT}/v1")
    assert load(tmp_path, catalogue, harmless, ACCOUNT="17")["kargo"].base_url.endswith("/17/v1")


@pytest.mark.parametrize("base", ["http://localhost:1/x", "http://127.8.9.1", "http://[::1]:8080/v1"])
def test_plain_http_to_this_machine_is_accepted(tmp_path: Path, catalogue: Catalogue, base: str) -> None:
    assert load(tmp_path, catalogue, entry(base_url=f"'{base}'"))["kargo"].base_url == base


def test_plain_http_to_another_machine_must_be_allowed(tmp_path: Path, catalogue: Catalogue) -> None:
    text = entry(base_url="http://intranet.example/v1", allow_http="true")
    assert load(tmp_path, catalogue, text)["kargo"].allow_http


def test_a_proxy_of_its_own_is_named_with_its_connection(tmp_path: Path, catalogue: Catalogue) -> None:
    text = entry(proxy="'http://${USER}@proxy.example:3128'")
    assert load(tmp_path, catalogue, text, USER="me")["kargo"].proxy == "http://me@proxy.example:3128"


def test_limits_of_a_connection_override_those_of_the_source(tmp_path: Path, catalogue: Catalogue) -> None:
    limits = load(tmp_path, catalogue, entry(limits="{requests_per_second: 0.5, streams_at_once: '${N:-9}'}"))[
        "kargo"
    ].limits
    assert (limits.requests_per_second, limits.reports_at_once, limits.streams_at_once) == (0.5, 10, 9)


@pytest.mark.parametrize(
    ("fields", "line", "field", "words"),
    [
        ({"source": "karg"}, 2, "kargo.source", "did you mean 'kargo'"),
        ({"timezone": "Europe/Berln"}, 4, "kargo.timezone", "Europe/Berlin"),
        ({"limits": "{requests_per_secnd: 1}"}, 4, "requests_per_secnd", "requests_per_second"),
        ({"limits": "{requests_per_second: inf}"}, 4, "requests_per_second", "a finite number"),
        ({"limits": "{reports_at_once: 0}"}, 4, "reports_at_once", "greater than or equal to 1"),
        ({"allow_http": "perhaps"}, 4, "allow_http", "true or false"),
        ({"baseurl": "https://x.example"}, 4, "baseurl", "did you mean 'base_url'"),
        ({"base_url": "${NOT_SET}"}, 4, "base_url", "NOT_SET set in the environment"),
        ({"credentials": "{username: $U, pasword: $P}"}, 3, "pasword", "did you mean 'password'"),
        ({"credentials": "{username: $U}"}, 3, "credentials", "username, password"),
    ],
)
def test_a_mistake_names_its_line_its_field_and_what_is_allowed(
    tmp_path: Path, catalogue: Catalogue, fields: dict[str, str], line: int, field: str, words: str
) -> None:
    with pytest.raises(BadInput) as caught:
        load(tmp_path, catalogue, entry(**fields))
    assert caught.value.where.startswith(f"{tmp_path}/connections.yaml:{line}: ")
    assert field in caught.value.where
    assert words in caught.value.allowed


def test_a_connection_s_name_has_only_small_letters_digits_and_dashes(tmp_path: Path, catalogue: Catalogue) -> None:
    for name in ("Kargo", "a.b", "17"):
        with pytest.raises(BadInput, match="small letters"):
            load(tmp_path, catalogue, f"{name}: {{source: kargo}}")


@pytest.mark.parametrize(
    "credentials", ["hush-1", "[hush-1]", "{username: $U, password: 5551234}", "{username: {a: hush-1}}"]
)
def test_a_misplaced_secret_is_not_repeated(tmp_path: Path, catalogue: Catalogue, credentials: str) -> None:
    with pytest.raises(BadInput) as caught:
        load(tmp_path, catalogue, entry(credentials=credentials, unknown="x"))
    chain = f"{caught.value} {caught.value.__cause__}"
    assert "hush" not in chain
    assert "5551234" not in chain


def test_credentials_keep_their_names_and_are_not_shown(tmp_path: Path, catalogue: Catalogue) -> None:
    text = entry(credentials="{username: $U, password: a-literal}")
    connection = load(tmp_path, catalogue, text, U="someone")["kargo"]
    assert connection.credentials == {"username": "$U", "password": "a-literal"}
    assert "a-literal" not in repr(connection)


def test_a_credential_is_a_variable_a_default_or_a_literal() -> None:
    environment = {"U": "someone"}.get
    assert [value_of(text, environment) for text in ("$U", "${U}", "${U:-x}", "${V:-x}", "$V", "${V:-}")] == [
        *("someone", "someone", "someone", "x"),
        *(None, None),
    ]
    assert [value_of(text, environment) for text in ("literal", "$$U", "pa$$word", "$U-x")] == [
        *("literal", "$U", "pa$$word", "$U-x")
    ]
    assert [variable_name(text) for text in ("$U", "${U:-x}", "literal", "$$U")] == ["U", "U", None, None]


def test_what_is_missing_is_named_by_variable(catalogue: Catalogue) -> None:
    connections = packaged(catalogue)
    assert missing_credentials(connections["kargo"], {}.get) == ["KARGO_USERNAME", "KARGO_PASSWORD"]
    assert missing_credentials(connections["kargo"], {"KARGO_USERNAME": "x"}.get) == ["KARGO_PASSWORD"]
    assert missing_credentials(connections["kargo"], {"KARGO_USERNAME": "x", "KARGO_PASSWORD": "y"}.get) == []


def test_an_account_needs_either_a_token_or_all_of_oauth(catalogue: Catalogue) -> None:
    connection = packaged(catalogue)["mediamath"]
    (both,) = missing_credentials(connection, {}.get)
    assert both.startswith("MEDIAMATH_TOKEN, or MEDIAMATH_CLIENT_ID and ")
    assert missing_credentials(connection, {"MEDIAMATH_TOKEN": "t"}.get) == []
    begun = {"MEDIAMATH_CLIENT_ID": "c", "MEDIAMATH_CLIENT_SECRET": "s", "MEDIAMATH_USERNAME": "u"}
    assert missing_credentials(connection, begun.get) == ["MEDIAMATH_PASSWORD"]
    assert isinstance(auth_for(connection, {**begun, "MEDIAMATH_PASSWORD": "p"}.get), OAuth2Auth)


def test_an_account_for_one_way_of_authenticating_is_set_up_without_the_credentials_of_the_others(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    """As one at Google Ads without a manager account, which has no login_customer_id."""
    path = tmp_path / "connections.yaml"
    path.write_text(
        "ads:\n  source: google-ads\n"
        "  credentials: {client_id: $ID, client_secret: $S, refresh_token: $R, developer_token: $D}\n"
    )
    connection = load_connections(path, catalogue, {}.get)["ads"]
    assert not is_set_up(connection, {}.get)
    assert is_set_up(connection, {"R": "r"}.get)


def test_each_way_of_authenticating_knows_its_credentials() -> None:
    session = SessionAuth.model_validate({"kind": "session", "login": {"path": "/login", "json": {"k": "{key}"}}})
    assert credential_names(session) == ["key"]
    grant = {"kind": "oauth2", "grant": "client_credentials", "token_url": "/token"}
    assert credential_names(OAuth2Auth.model_validate(grant)) == ["client_id", "client_secret"]
    refresh = OAuth2Auth.model_validate({**grant, "grant": "refresh_token"})
    assert credential_names(refresh) == ["client_id", "client_secret", "refresh_token"]
    # {token} is what the login gives, wherever a login may need one of that name.
    cookie = {"kind": "header", "name": "Cookie", "value": "{account}={token}"}
    assert credential_names(session.model_copy(update={"send": HeaderAuth.model_validate(cookie)})) == [
        "key",
        "account",
    ]
    key = HeaderAuth(kind="header", name="X-Key", value="{key}")
    both = AllAuth(kind="all", of=[refresh, key])
    assert credential_names(both) == ["client_id", "client_secret", "refresh_token", "key"]


def test_a_mistake_in_one_connection_or_in_its_source_leaves_the_others_usable(tmp_path: Path) -> None:
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / "acme.yaml").write_text("source: acme\ntitel: Acme\n", encoding="utf-8")
    text = entry() + "slow: {source: kargo, limits: {reports_at_once: 0}}\nours: {source: acme}\n"
    found = load_with_faults(tmp_path, load_catalogue([sources]), text)
    assert list(found) == ["kargo"]
    with pytest.raises(BadInput, match=r"connections\.yaml:4: slow\.limits\.reports_at_once"):
        find_report(found, "slow.reports")
    with pytest.raises(BadInput, match=r"acme\.yaml:2: titel"):
        find_report(found, "ours.rows")
    assert [mistake.rpartition("/")[2].partition(": ")[0] for mistake in found.mistakes()] == [
        "acme.yaml:2",
        "connections.yaml:4",
    ]


def test_a_report_is_found_by_connection_and_name(catalogue: Catalogue) -> None:
    connections = packaged(catalogue)
    connection, report = find_report(connections, "rokt.campaign-overview")
    assert (connection.name, report.title) == ("rokt", "One campaign, summed up")
    for name, words in [
        ("rok.x", "did you mean 'rokt'"),
        ("rokt.campaign-overvew", "campaign-overview"),
        ("rokt", "CONN"),
    ]:
        with pytest.raises(BadInput, match=words):
            find_report(connections, name)


def test_the_packaged_connections_hold_no_secret(catalogue: Catalogue) -> None:
    for connection in packaged(catalogue).values():
        assert all(variable_name(credential) for credential in connection.credentials.values())


def test_the_schema_of_connections_knows_every_field() -> None:
    assert {"source", "base_url", "credentials", "limits", "timezone", "allow_http", "proxy"} == set(
        connections_schema()["additionalProperties"]["properties"]
    )
