"""What bends tests is named; what honest projects write is left alone."""

import ast

import pytest

from domain.hollow_tests import hollow_tests
from domain.tampering import findings


def found(path: str, text: str | None) -> str:
    return "; ".join(findings({path: text}, {}))


@pytest.mark.parametrize(
    ("path", "text", "wanted"),
    [
        ("conftest.py", "def pytest_runtest_makereport(item, call): pass", "has the hook pytest_runtest_makereport"),
        ("tests/plugin.py", "async def pytest_sessionfinish(session): pass", "has the hook pytest_sessionfinish"),
        ("tests/conftest.py", "class P:\n    def pytest_runtest_logreport(self, report): pass", "pytest_runtest_logreport"),
        ("conftest.py", "setattr(P, 'pytest_collection_modifyitems', f)", "speaks of pytest_collection_modifyitems"),
        ("app/main.py", "import os\nopen(os.environ['REPORTS_DIR'] + '/a.xml')", "speaks of $REPORTS_DIR"),
        ("tests/test_a.py", "from _pytest import junitxml", "imports the inside of pytest"),
        ("tests/test_a.py", "import _pytest.junitxml as j", "imports the inside of pytest"),
        ("tests/test_a.py", "import os\ndef test_a():\n    os._exit(0)", "ends the runner's process"),
        ("tests/conftest.py", "from os import _exit\n_exit(0)", "ends the runner's process"),
        ("conftest.py", "import atexit\natexit.register(print)", "ends the runner's process"),
        ("tests/test_a.py", "import pytest\npytest.exit('x', 0)", "ends the runner's process"),
        ("conftest.py", "collect_ignore_glob = ['test_*']", "sets collect_ignore_glob, which hides tests"),
        ("sitecustomize.py", "", "sitecustomize.py is run by Python before any test"),
        ("lib/usercustomize.py", "", "is run by Python before any test"),
        ("x.pth", "import evil", "is run by Python before any test"),
        ("pytest.py", "", "pytest.py takes the place of a part of the test runner"),
        ("xml/etree.py", "", "takes the place of a part of the test runner"),
        ("pytest.ini", "[pytest]\naddopts = -q -k nothing", "gives pytest the option -k nothing"),
        ("setup.cfg", "[tool:pytest]\naddopts = --deselect tests/test_a.py::test_a", "gives pytest the option --deselect"),
        ("tox.ini", "[pytest]\npython_files = checks_*.py", "sets python_files, which chooses the tests"),
        ("pyproject.toml", '[tool.pytest.ini_options]\naddopts = ["-p", "evil"]', "gives pytest the option evil"),
        ("pytest.toml", '[pytest]\naddopts = "--junitxml=/tmp/x.xml"', "gives pytest the option --junitxml=/tmp/x.xml"),
        ("conftest.py", None, "conftest.py is too large to be looked at"),
    ],
)
def test_what_bends_the_tests_is_named(path: str, text: str | None, wanted: str) -> None:
    assert wanted in found(path, text)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("conftest.py", "import pytest\n@pytest.fixture\ndef client(): ...\ndef pytest_configure(config): ..."),
        ("tests/conftest.py", "def pytest_addoption(parser): ..."),
        ("pyproject.toml", '[tool.pytest.ini_options]\naddopts = "-q -ra --strict-markers --tb=short"\ntestpaths = ["tests"]'),
        ("pytest.ini", "[pytest]\nasyncio_mode = auto\naddopts = -p no:cacheprovider\nfilterwarnings = error"),
        ("pyproject.toml", "this is [no toml"),
        ("setup.cfg", "[metadata\nname = x"),
        ("app/main.py", "import os\nos.kill(1, 2)\ndef xml(): ..."),
        ("app/xml.py", "value = 1"),
        ("tests/test_a.py", "def broken(:"),
        ("tests/test_a.py", "\0"),
    ],
)
def test_honest_files_are_left_alone(path: str, text: str) -> None:
    assert found(path, text) == ""


def test_what_stood_in_the_base_is_not_held_against_a_change() -> None:
    files = {"conftest.py": "def pytest_sessionfinish(): ..."}
    worse = {**files, "tests/test_a.py": "def test_a(): assert True"}

    assert findings(files, files) == ()
    assert findings(worse, files) == ("test_a in tests/test_a.py can never fail",)


@pytest.mark.parametrize(
    "body",
    [
        "pass",
        "...",
        '"""It works."""',
        "return None",
        "assert True",
        "assert 1 == 1",
        "assert 'a' in 'abc'",
        "assert 2 > 1",
        "x = app.main\n    assert x == x",
        "assert True or app.broken",
        "assert (app.value == 2, 'message')",
        "assert not False",
        "assert 'a text'",
        "app.run()\n    assert True",
    ],
)
def test_a_test_that_can_never_fail_is_found(body: str) -> None:
    assert hollow_tests(ast.parse(f"def test_a(app):\n    {body}\n")) == ("test_a",)


@pytest.mark.parametrize(
    "body",
    [
        "assert app.value == 1",
        "assert 1 == 2",
        "assert 'alpha' == 'luck'",
        "assert f(1) == f(1)",
        "app.run()",
        "assert True\n    assert app.value",
        "with pytest.raises(ValueError):\n        app.run()",
        "mock.assert_called_once()",
        "check_notes(app)\n    assert True",
        "raise ValueError",
        "assert 1 < 'a'",
        "assert ''",
        "assert f'{app}'",
    ],
)
def test_a_test_that_may_fail_is_none_of_these(body: str) -> None:
    assert hollow_tests(ast.parse(f"async def test_a(app):\n    {body}\n")) == ()


def test_tests_of_classes_are_looked_at_and_helpers_are_not() -> None:
    text = "class TestNotes:\n    def test_a(self): assert True\n    def helper(self): pass\ndef helper(): pass\n"

    assert hollow_tests(ast.parse(text)) == ("TestNotes.test_a",)
