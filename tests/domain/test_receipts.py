"""A run's receipt as people read it."""

from datetime import UTC, datetime

from domain.receipts import MODELS, CredentialAnswer, Passage, as_markdown

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_receipt_adds_up_hosts_and_lists_refusals_with_their_reason() -> None:
    passages = [
        Passage(at=NOW, host="packages.example.org", port=443, up=1000, down=2_000_000),
        Passage(at=NOW, host="evil.example", port=443, refused="this host is not on the allow-list"),
        Passage(at=NOW, host="packages.example.org", port=443, up=1, down=2),
        Passage(at=NOW, host=MODELS, up=7, refused="404 not found error"),
    ]
    assert as_markdown(passages) == (
        "| host | times | bytes up | bytes down | refused |\n|---|---|---|---|---|\n"
        "| `packages.example.org:443` | 2 | 1,001 | 2,000,002 |  |\n"
        "| `model gateway` | 1 | 7 | 0 | 404 not found error |\n"
        "| `evil.example:443` | 1 | 0 | 0 | this host is not on the allow-list |\n"
    )


def test_a_receipt_counts_the_credentials_that_git_got_and_was_refused() -> None:
    own, other = "https://github.com/anna/notes.git", "https://github.com/anna/`x`|<b>"
    answers = [
        CredentialAnswer(at=NOW, asked=own),
        CredentialAnswer(at=NOW, asked=other, refused="this is not the project's repository"),
        CredentialAnswer(at=NOW, asked=own),
    ]
    assert as_markdown([], answers) == (
        "The workers of this run asked for nothing on the network.\n\n"
        "| credential for | asked | answer |\n|---|---|---|\n"
        "| `https://github.com/anna/notes.git` | 2 | given |\n"
        "| `https://github.com/anna/?x???b?` | 1 | this is not the project's repository |\n"
    )


def test_a_name_made_by_a_worker_stays_inside_its_cell() -> None:
    row = as_markdown([Passage(at=NOW, host="x`|\n<b>[click](http://evil)", port=443)]).splitlines()[2]
    assert row.startswith("| `x????b?[click]?http:??evil?:443` |")


def test_a_silent_run_has_a_receipt_too_and_an_endless_one_is_cut() -> None:
    assert as_markdown([]) == "The workers of this run asked for nothing on the network.\n"
    many = as_markdown(Passage(at=NOW, host=f"h{n}.example", port=443) for n in range(250))
    assert many.count("\n| `") == 200
    assert many.endswith("\n\n50 more rows are in the run's receipt file.\n")
