"""Untrusted XML as a stream of `testcase` elements, in bounded memory.

The document is never held as a tree: expat calls back, one small element per test case is built and handed out.
A document type is refused before any of its entities is declared, so that none can be expanded or fetched.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO
from xml.etree import ElementTree as ET
from xml.parsers import expat

CHUNK = 64 * 1024
DEPTH_LIMIT = 64
TOKEN_LIMIT = 4 * 1024 * 1024
"""Bytes of one tag with its attributes: expat holds a tag whole, in several copies."""
TEXT_LIMIT = 16_000
"""Characters kept of one text: its beginning and its end."""
SAME_TAG_LIMIT = 10

_SUITES = ("testsuites", "testsuite")
_FINAL = ("failure", "error")
_INTERIM = ("rerunFailure", "rerunError", "flakyFailure", "flakyError")
_SKIPPING = ("skip", "todo")
"""Properties by which node-tap says that a case was not run."""
_KEPT = frozenset({*_FINAL, *_INTERIM, "skipped", "system-out", "system-err"})
_WORDS = {
    "failure": "failed failure fail broken undefined timedout crashed",
    "error": "error errored",
    "skipped": "skipped skip notrun disabled pending suppressed ignored untested inconclusive warning",
}
_MEANT = {word: tag for tag, words in _WORDS.items() for word in words.split()}


def meant(word: str) -> str:
    """Return the element that a runner's own word for a result stands for, as a status or as a tag; any other as it is.

    PHPUnit's `warning` (a class without tests) and NUnit's `inconclusive` show as little as a test that was skipped.
    """
    return _MEANT.get(word.strip().lower(), word)


class UnreadableXml(Exception):
    """The file is no JUnit report that can be trusted; the message says why and where."""


@dataclass(frozen=True)
class FoundCase:
    """One `testcase` element, or one made of a failure that hangs at a suite itself."""

    suite: str
    element: ET.Element


@dataclass(frozen=True)
class FoundHidden:
    """Failures that a suite counts in its attributes beyond those that it holds."""

    number: int


@dataclass
class _Suite:
    name: str
    depth: int
    declared: int
    shown: int = 0


@dataclass
class _Text:
    """Collects a text of any length, keeping its beginning and its end."""

    head: str = ""
    rest: list[str] = field(default_factory=list)
    length: int = 0

    def add(self, data: str) -> None:
        self.rest.append(data)
        self.length += len(data)
        if self.length > 4 * TEXT_LIMIT:
            self._shorten()

    def value(self) -> str:
        if self.length > TEXT_LIMIT:
            self._shorten()
        return self.head + "".join(self.rest)

    def _shorten(self) -> None:
        whole = "".join(self.rest)
        if not self.head:
            self.head = whole[: TEXT_LIMIT // 4] + "\n[... cut ...]\n"
        self.rest = [whole[-TEXT_LIMIT * 3 // 4 :]]
        self.length = len(self.rest[0])


class _Reader:
    """Holds what is open at the current place in the document."""

    def __init__(self) -> None:
        self.ready: list[FoundCase | FoundHidden] = []
        self.depth = 0
        self.suites: list[_Suite] = []
        self.case: ET.Element | None = None
        self.case_depth = 0
        self.open: list[tuple[int, ET.Element, _Text]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        tag = name.rpartition(":")[2]
        if self.depth > DEPTH_LIMIT:
            raise UnreadableXml(f"elements are nested more than {DEPTH_LIMIT} deep")
        if self.depth == 1 and tag not in _SUITES:
            raise UnreadableXml(f"its root element is <{tag[:40]}>, not <testsuites> or <testsuite>")
        if self.case is not None:
            self._start_inside(self.case, tag, attributes)
        elif tag == "testcase":
            self._begin(ET.Element(tag, attributes))
        elif tag in _SUITES:
            self.suites.append(_Suite(attributes.get("name", "")[:200], self.depth, _declared(attributes)))
        elif tag in _FINAL:
            self._begin(ET.Element("testcase", {"name": "(the suite itself)"}))
            self._start_inside(self.case, tag, attributes)

    def text(self, data: str) -> None:
        if self.open and self.open[-1][0] == self.depth:
            self.open[-1][2].add(data)

    def end(self, _name: str) -> None:
        if self.open and self.open[-1][0] == self.depth:
            _, element, text = self.open.pop()
            element.text = text.value()
        if self.case is not None:
            if self.depth == self.case_depth:
                self.ready.append(FoundCase(self._path(), self.case))
                self.case = None
        elif self.suites and self.depth == self.suites[-1].depth:
            self._end_suite(self.suites.pop())
        self.depth -= 1

    def refuse_document_type(self, *_: object) -> None:
        raise UnreadableXml("it declares a document type or entities, which a test report never needs")

    def _begin(self, element: ET.Element) -> None:
        self.case, self.case_depth = element, self.depth

    def _start_inside(self, case: ET.Element | None, tag: str, attributes: dict[str, str]) -> None:
        if tag == "testcase":
            raise UnreadableXml("a test case stands inside a test case")
        if tag == "property" and attributes.get("name") in _SKIPPING:
            tag, attributes = "skipped", {"message": attributes.get("value", "")}
        if self.depth == self.case_depth + 1:
            tag = meant(tag)
        if case is None or tag not in _KEPT or (self.open and tag not in _FINAL):
            return
        if tag in _FINAL and self.suites:
            self.suites[-1].shown += 1
        if len(case.findall(tag)) < SAME_TAG_LIMIT:
            self.open.append((self.depth, ET.SubElement(case, tag, attributes), _Text()))

    def _end_suite(self, suite: _Suite) -> None:
        if suite.declared > suite.shown:
            self.ready.append(FoundHidden(suite.declared - suite.shown))
        if self.suites:
            self.suites[-1].shown += max(suite.declared, suite.shown)

    def _path(self) -> str:
        return " > ".join(suite.name for suite in self.suites if suite.name)


def read(file: IO[bytes], count: Callable[[int], None]) -> Iterator[FoundCase | FoundHidden]:
    """Yield what one file holds; `count` is told the bytes of each chunk and may refuse more.

    Raises UnreadableXml; what was yielded before it stands.
    """
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.refuse_document_type
    parser.EntityDeclHandler = reader.refuse_document_type
    fed = 0
    while True:
        chunk = file.read(CHUNK)
        fed += len(chunk)
        count(len(chunk))
        _feed(parser, chunk)
        if fed - parser.CurrentByteIndex > TOKEN_LIMIT:
            raise UnreadableXml(f"one tag is longer than {TOKEN_LIMIT // 1024 // 1024} MB")
        yield from reader.ready
        reader.ready.clear()
        if not chunk:
            return


def _feed(parser: expat.XMLParserType, chunk: bytes) -> None:
    try:
        parser.Parse(chunk, not chunk)
    except expat.ExpatError as error:
        raise UnreadableXml(f"it is not well-formed XML: {error}") from error
    except (LookupError, ValueError) as error:  # an encoding that Python does not know, or not byte by byte
        raise UnreadableXml(f"its encoding cannot be read: {error}") from error


def _declared(attributes: dict[str, str]) -> int:
    """Return how many failed cases a suite says it has; mocha counts them under `errors`, others under both."""
    values = (attributes.get(name, "").strip() for name in ("failures", "errors"))
    return sum(int(value) for value in values if value.isascii() and value.isdigit() and len(value) < 9)
