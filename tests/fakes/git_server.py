"""A git host of our own: smart HTTP by git's own `http-backend`, and as strict with credentials as GitHub.

Every repository is private: who asks without a known token is asked for one (401), whether there is such a repository or not;
a token opens the one repository that it was made for (403 for others, 404 for none). `with GitServer(folder) as host:`, then
`host.url`.
What it does is what git-http-backend(1) and CGI (RFC 3875) say; both spellings, with `.git` and without, are one repository.
"""

import base64
import binascii
import os
import re
import ssl
import subprocess
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Self
from urllib.parse import urlsplit

WANTED = re.compile(r"/([A-Za-z0-9_-]+/[A-Za-z0-9._-]+?)(?:\.git)?/(info/refs|git-upload-pack|git-receive-pack)")
IDENTITY = ("-c", "user.name=Anna", "-c", "user.email=anna@example.org")


class GitServer:
    """Keeps bare repositories in `folder`, which token opens which, and what was asked: (status, path, with a token or not)."""

    def __init__(self, folder: Path, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self.folder = folder
        self.tokens: dict[str, str] = {}
        self.opens: Callable[[str, str], bool] = lambda _token, _repository: False
        """Tells of a token that is in nobody's list whether it opens a repository."""
        self.moved: dict[str, str] = {}
        """By repository: the address to which it sends whoever may see it."""
        self.asked: list[tuple[int, str, bool]] = []
        self.breaks_after: int | None = None
        """The next pack is broken off after so many bytes, as by a network that fails."""
        self._server = ThreadingHTTPServer((host, 0), _handler(self))
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        scheme = "https" if tls else "http"
        self.port = int(self._server.server_address[1])
        self.url = f"{scheme}://{host}:{self.port}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def make(self, repository: str, token: str) -> str:
        """Make a repository with one commit on main, opened by the token; return the commit."""
        bare = self.folder / f"{repository}.git"
        bare.mkdir(parents=True)
        git(bare, "init", "-q", "--bare", "-b", "main")
        git(bare, "config", "http.receivepack", "true")
        tree = git(bare, "mktree", given=b"100644 blob " + git(bare, "hash-object", "-w", "--stdin").encode() + b"\tREADME\n")
        commit = git(bare, *IDENTITY, "commit-tree", tree, "-m", "Start")
        git(bare, "update-ref", "refs/heads/main", commit)
        self.tokens[token] = repository
        return commit

    def head(self, repository: str, branch: str = "main") -> str:
        return git(self.folder / f"{repository}.git", "rev-parse", branch)

    def status_for(self, repository: str, authorization: str) -> int:
        """Return 200 when the header's token opens the repository; empty: what is asked for can be none."""
        scheme, _, encoded = authorization.partition(" ")
        token = ""
        with suppress(binascii.Error, ValueError):
            token = base64.b64decode(encoded, validate=True).decode().partition(":")[2]
        if scheme.lower() != "basic" or not (token in self.tokens or self.opens(token, repository)):
            return 401
        if not (self.folder / f"{repository}.git").is_dir():
            return 404
        return 200 if self.tokens.get(token) == repository or self.opens(token, repository) else 403


def git(folder: Path, *words: str, given: bytes = b"") -> str:
    """Run git in a folder, without anybody's configuration."""
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}
    ran = subprocess.run(["git", *words], cwd=folder, input=given, capture_output=True, check=True, env=environment)
    return ran.stdout.decode().strip()


def _handler(host: GitServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self._body()
            path, query = urlsplit(self.path).path, urlsplit(self.path).query
            authorization = self.headers.get("Authorization", "")
            found = WANTED.fullmatch(path)
            status = host.status_for(found[1] if found else "", authorization)
            host.asked.append((status, path, bool(authorization)))
            if found and status == 200 and found[1] in host.moved:
                self._answer(302, {"Location": f"{host.moved[found[1]]}/{found[2]}?{query}"}, b"")
            elif found and status == 200:
                self._answer_by_git(f"/{found[1]}.git/{found[2]}", query, body)
            else:
                challenge = {"WWW-Authenticate": 'Basic realm="Slipway tests"'} if status == 401 else {}
                self._answer(status, {"Content-Type": "text/plain", **challenge}, b"no\n")

        do_POST = do_GET

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def _answer_by_git(self, path: str, query: str, body: bytes) -> None:
            headers = {
                "CONTENT_TYPE": "Content-Type",
                "HTTP_CONTENT_ENCODING": "Content-Encoding",
                "GIT_PROTOCOL": "Git-Protocol",
            }
            environment = {
                "PATH": os.environ["PATH"],
                "GIT_PROJECT_ROOT": str(host.folder),
                "GIT_HTTP_EXPORT_ALL": "1",
                "REQUEST_METHOD": self.command,
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "CONTENT_LENGTH": str(len(body)),
                "REMOTE_USER": "anna",
                "REMOTE_ADDR": self.client_address[0],
                **{name: self.headers[header] for name, header in headers.items() if header in self.headers},
            }
            ran = subprocess.run(["git", "http-backend"], input=body, capture_output=True, check=True, env=environment)
            head, _, content = ran.stdout.partition(b"\r\n\r\n")
            fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
            self._answer(int(fields.pop("Status", "200").split()[0]), fields, content)

        def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if headers.get("Content-Type") == "application/x-git-upload-pack-result" and b"PACK" in content:
                limit, host.breaks_after = host.breaks_after, None
                self.close_connection = limit is not None
                content = content[:limit]
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            return

    return Handler
