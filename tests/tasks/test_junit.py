"""JUnit files as the tools really write them, and as nobody should."""

import io
import json
import random
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest

from domain.reports import CaseResult, TestCase
from domain.verdicts import ParsedReports
from tasks import junit, junit_stream
from tests.bench import junit as bench

ROOT = Path(__file__).parents[2]
SAMPLES = Path(__file__).parent / "junit"


def parsed(*texts: bytes | str) -> ParsedReports:
    files = [text.encode() if isinstance(text, str) else text for text in texts]
    return junit.parse((f"{number}.xml", io.BytesIO(data)) for number, data in enumerate(files))


def sample(name: str) -> ParsedReports:
    return parsed((SAMPLES / f"{name}.xml").read_bytes())


def tally(cases: tuple[TestCase, ...]) -> str:
    letters = {
        CaseResult.PASSED: "P",
        CaseResult.FAILED: "F",
        CaseResult.ERROR: "E",
        CaseResult.SKIPPED: "S",
        CaseResult.FLAKY: "K",
    }
    return "".join(letters[case.result] for case in cases)


DIALECTS = [
    ("pytest_ok", "PPP"),
    ("pytest_fail", "FEFESSFP"),
    ("pytest_collection_failure", "E"),
    ("pytest_none", ""),
    ("pytest_skip", "S"),
    ("pytest_exit_zero_in_the_middle", "PE"),
    ("pytest_exit_in_the_middle", "PE"),
    ("unittest", "PFFESE"),
    ("unittest_not_loaded", "E"),
    ("jest", "PFSP"),
    ("jest_suite_error", "PFSPEF"),
    ("vitest", "PFSSF"),
    ("mocha", "PFSSF"),
    ("node_test", "PPFSSP"),
    ("node_test_hooks", "PSSFFF"),
    ("robot", "PFS"),
    ("behave", "PFEES"),
    ("surefire", "PKFS"),
    ("gotestsum", "PFS"),
    ("phpunit", "PPFE"),
    ("nextest", "PKFE"),
    ("nested_without_counts", "PFEFS"),
    ("pytest_teardown", "FEE"),
    ("pytest_xunit1", "FEE"),
    ("pytest_reruns", "KFFSP"),
    ("pytest_subtests", "FF"),
    ("pytest_own_subtests", "FSFF"),
    ("playwright", "PPFPSSPFEES"),
    ("pytest_xdist_crash", "PEP"),
    ("unittest_setup_class", "PFESSEE"),
    ("nose2", "EFESPSS"),
    ("green", "PFES"),
    ("subunit", "FFFPPSF"),
    ("robot_suites", "PFSF"),
    ("vitest_retry", "PFSPSF"),
    ("mocha_junit_reporter", "PFSSF"),
    ("cucumber", "PFFPFF"),
    ("jasmine", "SSFPF"),
    ("tap", "PFFPFSSF"),
    ("ant_junit4", "EPFS"),
    ("junit_jupiter", "PSFSPPEP"),
    ("gtest", "PFFSSPF"),
    ("catch2", "PFPES"),
    ("ctest", "PFFSSS"),
    ("meson", "PFSEPEPF"),
    ("bats", "PFS"),
]


@pytest.mark.parametrize(("name", "wanted"), DIALECTS)
def test_each_dialect_gives_its_cases_in_order(name: str, wanted: str) -> None:
    reports = sample(name)

    assert reports.malformed == ""
    assert tally(reports.cases) == wanted
    assert all(case.name for case in reports.cases)


def test_every_sample_is_in_the_table() -> None:
    assert {path.stem for path in SAMPLES.glob("*.xml")} == {name for name, _ in DIALECTS}


def test_pytest_failure_keeps_message_and_end_of_traceback() -> None:
    case = sample("pytest_fail").cases[0]

    assert (case.suite, case.name) == ("test_f", "test_eq")
    assert case.message.startswith("AssertionError: assert {'a': 1} == {'a': 2}")
    assert case.details.endswith("test_f.py:4: AssertionError")


def test_case_in_which_the_runner_was_stopped_is_an_error() -> None:
    last = sample("pytest_exit_zero_in_the_middle").cases[-1]

    assert last.result is CaseResult.ERROR
    assert "stopped" in last.message


def test_reruns_keep_surefires_meaning() -> None:
    cases = {case.name: case for case in sample("surefire").cases}

    assert cases["comesAndGoes"].result is CaseResult.FLAKY
    assert cases["comesAndGoes"].message.startswith("flaky: failed first and passed when run again: expected: <1>")
    assert cases["breaks"].result is CaseResult.FAILED
    assert cases["breaks"].message == "no row\n(failed again in 1 rerun(s))"
    assert cases["comesAndGoes"].seconds == 1200.5


def test_attempts_that_pytest_repeats_are_one_case_and_flaky_where_the_last_one_passed() -> None:
    attempt = "<testcase classname='t' name='a'/>"
    suite = "<testsuites><testsuite name='pytest' tests='1'>{}</testsuite></testsuites>"

    assert tally(parsed(suite.format(attempt * 3)).cases) == "K"
    failed = attempt.replace("/>", "><failure message='no'/></testcase>")
    assert tally(parsed(suite.format(attempt + failed)).cases) == "F"
    torn_down = attempt.replace("/>", "><error message='failed on teardown'/></testcase>")
    assert tally(parsed(suite.format(attempt + torn_down)).cases) == "PE"
    assert tally(parsed(f"<testsuite name='jest'>{attempt * 2}</testsuite>").cases) == "PP", "there two cases may share a name"


NAME, OUTPUT = "prüft „Löschen“", "größer als ½ <b> & ]]>"
PLAIN = f"<testsuite><testcase name='{NAME}'><failure message='größer'><![CDATA[{OUTPUT.replace(']]>', ']] >')}]]></failure></testcase></testsuite>"  # noqa: E501


@pytest.mark.parametrize(
    ("declared", "encoding", "prefix"),
    [
        ("", "utf-8", b""),
        ("UTF-8", "utf-8", b"\xef\xbb\xbf"),
        ("utf-8", "utf-8", b""),
        ("UTF-16", "utf-16", b""),
        ("", "utf-16", b""),
        ("UTF-16", "utf-16-be", b"\xfe\xff"),
        ("windows-1252", "cp1252", b""),
        ("cp1252", "cp1252", b""),
    ],
)
def test_files_are_read_in_the_encoding_that_they_declare(declared: str, encoding: str, prefix: bytes) -> None:
    head = f"<?xml version='1.0' encoding='{declared}'?>" if declared else ""
    [case] = parsed(prefix + (head + PLAIN).encode(encoding)).cases

    assert (case.name, case.message, case.details) == (NAME, "größer", "größer als ½ <b> & ]] >")


def test_latin_1_is_read_where_it_is_declared_and_malformed_where_it_is_not() -> None:
    text = "<testsuite><testcase name='größer'/></testsuite>".encode("latin-1")

    assert parsed(b"<?xml version='1.0' encoding='ISO-8859-1'?>" + text).cases[0].name == "größer"
    assert "not well-formed" in parsed(text).malformed


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "<j:testsuite xmlns:j='urn:a'><j:testcase name='a'><j:failure/></j:testcase></j:testsuite>",
            "F",
        ),
        ("<testsuite tests='1' failures='0' skipped='-3'><testcase name='a'/><testcase name='b'/></testsuite>", "PP"),
        ("<testsuite tests='nine' time='1,5 s'><testcase name='a' time='fast'/></testsuite>", "P"),
        ("<testsuite><testcase name='a'><system-out>FAILED</system-out><properties/></testcase></testsuite>", "P"),
        ("<testsuite><properties><property name='x'/></properties><system-out/></testsuite>", ""),
        ("<testsuite><testcase name='a'><skipped/><failure message='tolerated'/></testcase></testsuite>", "S"),
        (
            "<testsuite><testcase name='a'><properties><property name='skip' value='x'/></properties></testcase></testsuite>",
            "S",
        ),
        ("<testsuite><testcase name='a'><warning>No tests found</warning></testcase></testsuite>", "S"),
        ("<testsuite><testcase name='a'><Failure/></testcase></testsuite>", "F"),
        ("<testsuite><testcase name='a' status='Inconclusive'/></testsuite>", "S"),
        ("<testsuite><testcase name='a'><rerunFailure/></testcase></testsuite>", "F"),
        ("<testsuite><testcase name=' '/><testcase name='' classname=''/></testsuite>", "PP"),
        ("<testsuite><!-- <testcase name='a'/> --><?x <testcase/> ?><testcase name='b'/></testsuite>", "P"),
        ("<testsuite><![CDATA[<testcase name='no'/>]]><testcase name='a'/></testsuite>", "P"),
    ],
)
def test_odd_but_well_formed_files_are_counted_by_their_elements(text: str, wanted: str) -> None:
    reports = parsed(text)

    assert (reports.malformed, tally(reports.cases)) == ("", wanted)
    assert all(case.name for case in reports.cases)


def test_failure_beats_error_and_error_beats_skipped() -> None:
    report = parsed("<testsuite><testcase name='a'><skipped/><error message='e'/></testcase></testsuite>")

    assert tally(report.cases) == "E"
    assert next(case for case in sample("nested_without_counts").cases if case.name == "both").result is CaseResult.FAILED


def test_failure_at_a_suite_becomes_a_case() -> None:
    case = next(case for case in sample("nested_without_counts").cases if case.name == "(the suite itself)")

    assert (case.suite, case.result, case.message, case.details) == ("outer", CaseResult.ERROR, "fixture broke", "at setup")


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("<testsuite tests='2' failures='1'><testcase name='a'/></testsuite>", 1),
        ("<testsuites failures='2' errors='1'><testsuite failures='2'><testcase name='a'/></testsuite></testsuites>", 3),
        ("<testsuite failures='1' errors='0'><testcase name='a'><failure/></testcase></testsuite>", 0),
        ("<testsuite failures='many' errors='-4'><testcase name='a'/></testsuite>", 0),
        ("<testsuites><group><testsuite name='x' failures='1'><testcase name='a'/></testsuite></group></testsuites>", 1),
    ],
)
def test_failures_that_are_counted_but_not_shown_are_counted_here(text: str, hidden: int) -> None:
    assert parsed(text).hidden == hidden


def test_several_files_are_one_report_and_a_bad_one_is_named() -> None:
    reports = parsed("<testsuite><testcase name='a'/></testsuite>", "<testsuite><testcase name='b'/>", b"")

    assert reports.files == 3
    assert [case.name for case in reports.cases] == ["a", "b"]
    assert reports.malformed.startswith("1.xml: it is not well-formed XML: no element found")
    assert "2.xml: it is not well-formed XML" in reports.malformed


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (f'<!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]><testsuite name="&l9;"/>'.encode(), "declares a document type"),
        (b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><testsuite>&f;</testsuite>', "declares a document type"),
        (b'<!DOCTYPE testsuites SYSTEM "http://127.0.0.1:1/x.dtd"><testsuites/>', "declares a document type"),
        (b"<testsuite>&unknown;</testsuite>", "not well-formed"),
        (b"<testsuite>" + b"<a>" * 100_000, "nested more than 64 deep"),
        (b"<testsuite><testcase name='a'>" + b"<failure>" * 100_000, "nested more than 64 deep"),
        (b"<html><body>502</body></html>", "root element is <html>"),
        (b"<coverage/>", "root element is <coverage>"),
        (b"not xml at all", "not well-formed"),
        (b"\x00\xff\xfe", "not well-formed"),
        (b"<testsuite><testcase name='a'><failure>\x1b[31m</failure></testcase></testsuite>", "not well-formed"),
        (b"<?xml version='1.0' encoding='klingon'?><testsuite/>", "encoding"),
        (b"<?xml version='1.0' encoding='shift_jis'?><testsuite/>", "encoding"),
        (b"<testsuite><testcase name='a'><testcase name='b'/></testcase></testsuite>", "inside a test case"),
        (b"<testsuite/><testsuite/>", "not well-formed"),
        (b"<testsuite><testcase name='a'/></testsuite>\x00\x00", "not well-formed"),
        (b"<testsuite><testcase name='&#1;'/></testsuite>", "not well-formed"),
        (b"<testsuite><testcase name='a' name='b'/></testsuite>", "not well-formed"),
        (b"<?xml version='1.0' encoding='utf-16'?><testsuite/>", "encoding"),
        (b"\xff\xfe<\x00t", "not well-formed"),
        (b"<testsuite name='" + b"x" * 9_000_000 + b"'/>", "longer than 4 MB"),
    ],
)
def test_hostile_or_broken_xml_is_a_value(data: bytes, why: str) -> None:
    reports = parsed(data)

    assert why in reports.malformed
    assert reports.files == 1


def test_too_much_is_refused_by_size_and_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(junit, "BYTES_LIMIT", 200_000)
    monkeypatch.setattr(junit, "CASES_LIMIT", 10)

    assert "larger than" in parsed(b"<testsuite>" + b" " * 300_000).malformed
    many = parsed("<testsuite>" + "<testcase name='a'/>" * 11 + "</testsuite>")
    assert "more than 10 test cases" in many.malformed
    assert len(many.cases) == 10


def test_long_texts_keep_beginning_and_end() -> None:
    text = "first line\n" + "noise\n" * 200_000 + "last line"
    case = parsed(f"<testsuite><testcase name='a'><failure>{text}</failure></testcase></testsuite>").cases[0]

    assert case.details.startswith("first line")
    assert case.details.endswith("last line")
    assert "cut" in case.details
    assert len(case.details) < junit.DETAILS_LIMIT + 100


def test_texts_of_all_cases_together_are_bounded() -> None:
    one = f"<testcase name='a'><failure message='m'>{'x' * 7_000}</failure></testcase>"
    reports = parsed(f"<testsuite>{one * 1000}</testsuite>")

    assert len(reports.cases) == 1000
    assert sum(len(case.details) for case in reports.cases) < junit.TEXT_BUDGET + junit.DETAILS_LIMIT


def test_terminal_escapes_that_xml_can_carry_are_dropped() -> None:
    case = parsed(
        "<testsuite><testcase name='&#x9b;2J a'><failure message='#x1B[31mred#x1B[0m'/></testcase></testsuite>"
    ).cases[0]

    assert case.message == "red"
    assert case.name == "2J a"


def test_fifty_megabytes_are_read_below_300_megabytes_of_memory(tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    with path.open("w", encoding="utf-8") as file:
        cases = bench.write(file, 50_000_000)

    done = subprocess.run(
        [sys.executable, "-m", bench.__name__, str(path)], capture_output=True, check=True, text=True, cwd=ROOT, timeout=120
    )

    found = json.loads(done.stdout)
    assert (found["cases"], found["malformed"]) == (cases, "")
    assert found["peak"] < 300, "MiB of the whole process, libraries included"


def test_text_of_many_failures_stays_in_bounded_memory() -> None:
    one = b"<testcase classname='a' name='b'><failure message='m'>" + b"E  assert 1 == 2\n" * 500 + b"</failure></testcase>"
    data = io.BytesIO(b"<testsuite>" + one * (10_000_000 // len(one)) + b"</testsuite>")
    tracemalloc.start()

    reports = junit.parse([("big.xml", data)])

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(reports.cases) == 10_000_000 // len(one)
    assert peak < 30_000_000


def test_mutated_files_are_never_more_than_malformed_and_cost_little() -> None:
    chance = random.Random(20261123)  # noqa: S311  a fixed seed
    originals = [path.read_bytes() for path in sorted(SAMPLES.glob("*.xml"))]
    outcomes, longest = set(), 0.0
    for _ in range(1500):
        data = bytearray(chance.choice(originals))
        if chance.random() < 0.2:
            data = bytearray(
                data.decode("utf-8", "replace").encode(chance.choice(["utf-16", "utf-32", "latin-1", "cp1252"]), "replace")
            )
        for _ in range(chance.randint(1, 6)):
            _mutate(data, chance)
        if chance.random() < 0.2:
            data[chance.randrange(len(data) or 1) :] = chance.choice(originals)[chance.randrange(600) :]
        began = time.process_time()

        reports = parsed(bytes(data))

        longest = max(longest, time.process_time() - began)
        assert reports.files == 1
        assert all(case.name and case.result in CaseResult for case in reports.cases)
        outcomes.add(bool(reports.malformed))
    assert outcomes == {True, False}
    assert longest < 1.0, "seconds of processor time for one small file"


def _mutate(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data) or 1)
    match chance.randrange(5):
        case 0:
            data[at : at + 1] = bytes([chance.randrange(256)])
        case 1:
            del data[at : at + chance.randrange(40)]
        case 2:
            data[at:at] = data[chance.randrange(len(data) or 1) :][: chance.randrange(60)]
        case 3:
            tokens = [b"<", b"&", b"]]>", b"<testcase>", b"</testsuite>", b"<failure>", b'"', b"<!--", b"<?x?>", b"&#0;"]
            data[at:at] = chance.choice(tokens)
        case _:
            del data[at:]


def test_a_tag_is_cut_off_while_it_is_read() -> None:
    class Endless(io.RawIOBase):
        given = 0

        def read(self, size: int = -1) -> bytes:
            self.given += size
            assert self.given < 20_000_000, "it was read on after the limit"
            return b"<testsuite name='" if self.given == size else b"x" * size

    assert "longer than 4 MB" in junit.parse([("endless.xml", Endless())]).malformed  # type: ignore[list-item]
    assert junit_stream.TOKEN_LIMIT == 4 * 1024 * 1024
