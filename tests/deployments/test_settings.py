"""Settings: all problems at once, each with its cure; nothing secret is shown; `.env.example` names every one."""

from pathlib import Path

import pytest

from deployments.settings import CA_VARIABLES, Settings, load_settings, variable
from domain.errors import BadInput

EXAMPLE = Path(__file__).parents[2] / ".env.example"


pytestmark = pytest.mark.usefixtures("no_settings")


def test_every_problem_is_told_at_once_with_the_variable_and_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPWAY_HTTP_PORT", "eighty")
    monkeypatch.setenv("SLIPWAY_ENGINE", "podman")
    monkeypatch.setenv("SLIPWAY_REPLAY", "/no/such/folder")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "localhost")
    with pytest.raises(BadInput) as refused:
        load_settings()
    told = str(refused.value).splitlines()
    assert len(told) == 5
    assert "SLIPWAY_HTTP_PORT: Input should be a valid integer" in told[1]
    assert "set it to a port number" in told[1]
    assert "SLIPWAY_ENGINE: Input should be 'auto', 'docker' or 'process'" in told[2]
    assert "ANTHROPIC_BASE_URL" in told[3]
    assert told[4].strip() == (
        "- SLIPWAY_REPLAY: there is no such folder; set it to an existing folder with a recorded model session to play"
    )


def test_models_that_are_not_json_are_told_like_any_other_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPWAY_MODELS", "tester=haiku")
    with pytest.raises(BadInput, match="SLIPWAY_MODELS: no JSON; set it to JSON of role to model"):
        load_settings()
    monkeypatch.delenv("SLIPWAY_MODELS")
    monkeypatch.setenv("SLIPWAY_GATEWAY_MODELS", "haiku")
    with pytest.raises(BadInput, match="SLIPWAY_GATEWAY_MODELS: no JSON; set it to JSON of model name to model"):
        load_settings()


def test_misspelt_line_of_the_file_is_told_with_what_was_meant(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SLIPWAY_HTTP_PROT=8081\n")
    with pytest.raises(BadInput, match=r"SLIPWAY_HTTP_PROT in \.env is no setting; did you mean SLIPWAY_HTTP_PORT\?"):
        load_settings()


def test_file_is_read_and_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("SLIPWAY_ROUNDS=5\nSLIPWAY_HTTP_PORT=8081\nSLIPWAY_TELEGRAM_ALLOWED=7, 8\n")
    monkeypatch.setenv("SLIPWAY_HTTP_PORT", "9000")
    settings = load_settings()
    assert (settings.rounds, settings.http_port, settings.telegram_allowed) == (5, 9000, (7, 8))


def test_secrets_are_not_shown_and_survive_the_way_into_a_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-very-secret")
    settings = load_settings(telegram_token="1:secret", telegram_allowed=(5, 6), models={"tester": "m"}, home="/x")
    assert "secret" not in repr(settings) + str(settings)
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    assert load_settings() == settings


def test_example_file_names_every_setting_and_is_accepted_as_it_is(tmp_path: Path) -> None:
    text = EXAMPLE.read_text()
    assert [variable(field) for field in Settings.model_fields if f"\n{variable(field)}=" not in text] == []
    (tmp_path / ".env").write_text(text)
    assert load_settings() == Settings(_env_file=None)


def test_ca_bundle_is_the_first_of_the_usual_variables_that_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pem = tmp_path / "ca.pem"
    pem.touch()
    monkeypatch.setenv(CA_VARIABLES[0], "/no/such/file")
    monkeypatch.setenv(CA_VARIABLES[1], str(pem))
    assert load_settings().certificates == pem
    monkeypatch.delenv(CA_VARIABLES[1])
    monkeypatch.delenv(CA_VARIABLES[2], raising=False)
    assert load_settings().certificates is None


def test_workers_can_be_given_what_they_have_not_anyway(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPWAY_CAPABILITIES", "node, docker, github")
    assert load_settings().capabilities == ("node", "docker", "github")
    monkeypatch.setenv("SLIPWAY_CAPABILITIES", "git")
    with pytest.raises(
        BadInput, match=r"SLIPWAY_CAPABILITIES: Input should be 'node'.*set it to what developers' workers have"
    ):
        load_settings()


@pytest.mark.parametrize(
    "address", ["github.com", "https://github.com/", "https://anna@github.com", "ssh://github.com", "https://"]
)
def test_address_of_github_is_a_site_and_nothing_more(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPWAY_GITHUB_URL", address)
    with pytest.raises(BadInput, match="SLIPWAY_GITHUB_URL"):
        load_settings()


def test_program_whose_quotes_do_not_end_is_told_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPWAY_TRANSCRIBE_COMMAND", "whisper --prompt 'tea")
    with pytest.raises(BadInput, match="SLIPWAY_TRANSCRIBE_COMMAND: its words cannot be told apart: No closing quotation"):
        load_settings()


@pytest.mark.parametrize(
    ("said", "meant"),
    [("True", "true"), ("false", ""), ("", ""), ("https://bot.example.org/telegram", "https://bot.example.org/telegram")],
)
def test_webhook_is_true_false_or_an_address(said: str, meant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPWAY_TELEGRAM_WEBHOOK", said)
    assert load_settings().telegram_webhook == meant


@pytest.mark.parametrize(
    "said", ["yes", "bot.example.org", "ftp://bot.example.org", "https://a@bot.example.org/", "https:///x"]
)
def test_webhook_that_is_no_address_is_told_with_the_cure(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPWAY_TELEGRAM_WEBHOOK", said)
    with pytest.raises(BadInput, match="SLIPWAY_TELEGRAM_WEBHOOK: neither true nor an address; set it to true, or"):
        load_settings()
