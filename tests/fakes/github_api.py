"""GitHub, on loopback: real HTTP, every call held against GitHub's own description, every token against what it was made for.

`with GitHubApi(folder) as github:`, then `github.url`. Its repositories are bare ones in `folder`, which a `GitServer` on the
same folder serves to git. Answers are the description's examples with what we put in. Leaving it fails when a call was not one
that GitHub describes. `answers` can be given what comes next instead: (status, headers, document).
"""

import json
from collections import deque
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import RLock, Thread
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from tests.fakes.github_access import Access
from tests.fakes.github_rules import Call, NotDescribed, described
from tests.fakes.github_state import Answer, State


class GitHubApi:
    """What GitHub has (`state`), who may (`access`), what was asked: (status, method, path)."""

    def __init__(self, folder: Path) -> None:
        self.access = Access()
        self.state = State(folder, self.access)
        self.asked: list[tuple[int, str, str]] = []
        self.answers: deque[tuple[int, dict[str, str], Any]] = deque()
        self.loses_next_effect = False
        """The next call that changes something is done, and its answer is lost: as if who asked was killed right after it."""
        self.undescribed: list[str] = []
        self._lock = RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        assert kind is not None or not self.undescribed, "\n".join(self.undescribed)

    def count(self, method: str, ending: str) -> int:
        """Count the calls of a method whose path ends so and that GitHub did as asked."""
        return sum(status < 300 and verb == method and path.endswith(ending) for status, verb, path in self.asked)

    def answer(self, method: str, target: str, headers: dict[str, str], content: bytes) -> Answer:
        """Return what GitHub says, and remember that it was asked."""
        with self._lock:
            path = urlsplit(target).path
            said = self._answer(method, target, headers, content)
            self.asked.append((said.status, method, unquote(path)))
            if not self.loses_next_effect or method == "GET" or path.endswith("/access_tokens"):
                return said
            self.loses_next_effect = False
            return Answer(502, {"message": "the answer is lost"})

    def _answer(self, method: str, target: str, headers: dict[str, str], content: bytes) -> Answer:
        parts = urlsplit(target)
        try:
            body = json.loads(content) if content else None
            call = described(method, parts.path, dict(parse_qsl(parts.query)), body)
            _well_formed(headers)
        except (NotDescribed, ValueError) as error:
            self.undescribed.append(str(error))
            return Answer(400, {"message": str(error)})
        if self.answers:
            status, extra, document = self.answers.popleft()
            return Answer(status, document, extra)
        refused = self.access.refused(call.operation, call.repository, headers["authorization"], writes=method != "GET")
        if refused:
            return Answer(refused[0], {"message": refused[1], "documentation_url": "https://docs.github.com/rest"})
        return self._done(method, parts.path, call, dict(parse_qsl(parts.query)), body, headers)

    def _done(self, method: str, path: str, call: Call, query: dict[str, str], body: Any, headers: dict[str, str]) -> Answer:
        said = self.state.answer(call, query, body or {}, headers["authorization"])
        if method != "GET" or said.status != 200:
            return said
        said = _page(said, f"{self.url}{path}", query)
        etag = f'W/"{hash(json.dumps(said.document, sort_keys=True)):x}"'
        if headers.get("if-none-match") == etag:
            return Answer(304, None, {**said.headers, "ETag": etag})
        return Answer(200, said.document, {**said.headers, "ETag": etag})


def _page(said: Answer, address: str, query: dict[str, str]) -> Answer:
    """Return the page of a list that is asked for, with where the next one is."""
    inner = next((key for key in ("check_runs", "statuses") if isinstance(said.document, dict) and key in said.document), None)
    every = said.document[inner] if inner else said.document
    if not isinstance(every, list):
        return said
    size, page = min(int(query.get("per_page", 30)), 100), int(query.get("page", 1))
    part = every[(page - 1) * size : page * size]
    following = f"{address}?{urlencode({**query, 'page': page + 1})}"
    links = {"Link": f'<{following}>; rel="next", <{address}>; rel="first"'} if len(every) > page * size else {}
    return Answer(said.status, {**said.document, inner: part} if inner else part, links)


def _well_formed(headers: dict[str, str]) -> None:
    """Raise NotDescribed where a call lacks what GitHub's documents ask of each."""
    wanted = {"accept": "application/vnd.github+json", "x-github-api-version": "2022-11-28"}
    wrong = [name for name, value in wanted.items() if headers.get(name) != value]
    wrong += [name for name in ("user-agent", "authorization") if not headers.get(name)]
    if wrong:
        raise NotDescribed(f"these headers are not what GitHub asks for: {', '.join(wrong)}")


def _handler(github: GitHubApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            said = github.answer(self.command, self.path, headers, content)
            is_page = isinstance(said.document, bytes)
            text = said.document if is_page else b"" if said.document is None else json.dumps(said.document).encode()
            with suppress(BrokenPipeError, ConnectionResetError):
                self.send_response(said.status)
                for name, value in said.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "text/html" if is_page else "application/json; charset=utf-8")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

        def log_message(self, *_: object) -> None:
            return

    return Handler
