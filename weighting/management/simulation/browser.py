"""A browser reduced to what a virtual interviewer needs: cookies, forms, JSON, and a stopwatch."""

from __future__ import annotations

import http.client
import json
import re
import time
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode, urlsplit

TIMEOUT = 60


@dataclass
class Unexpected(Exception):
    """The product answered what it should not have."""

    what: str


@dataclass(frozen=True)
class Page:
    """One response. `location` is the path to which it redirects, '' elsewhere."""

    status: int
    location: str
    text: str

    def json(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.text)
        return body

    def field(self, name: str) -> str:
        """The value of the first form field of this name. Raises Unexpected."""
        found = re.search(rf'name="{name}" value="([^"]*)"', self.text)
        if found is None:
            raise Unexpected(f"no field {name} on the page")
        return found[1]


@dataclass
class Browser:
    """One person's session. `seconds` holds how long each request of a kind took."""

    base: str
    seconds: dict[str, list[float]] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    _connection: http.client.HTTPConnection | None = None

    def get(self, path: str, *, wants: str = "text/html") -> Page:
        return self._send("GET", path, None, {"Accept": wants}, (200, 302), "page")

    def post(self, path: str, fields: dict[str, Any], *, wants: str = "text/html") -> Page:
        """Send a form as the page does."""
        form = {"csrfmiddlewaretoken": self.cookies.get("csrftoken", ""), **fields}
        headers = {"Accept": wants, "Content-Type": "application/x-www-form-urlencoded"}
        return self._send("POST", path, urlencode(form), headers, (200, 302), "form")

    def post_json(self, path: str, body: dict[str, Any], kind: str) -> dict[str, Any]:
        """Send what the interview's script sends, and return the reply."""
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "X-CSRFToken": self.cookies.get("csrftoken", ""),
        }
        return self._send("POST", path, json.dumps(body), headers, (200,), kind).json()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _send(
        self,
        method: str,
        path: str,
        body: str | None,
        headers: dict[str, str],
        expected: tuple[int, ...],
        kind: str,
    ) -> Page:
        headers |= {
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            "Referer": self.base,
        }
        began = time.monotonic()
        page = self._exchange(method, path, body, headers)
        self.seconds.setdefault(kind, []).append(time.monotonic() - began)
        if page.status not in expected:
            said = re.sub(r"<[^>]*>|\s+", " ", page.text).strip()[:200]
            raise Unexpected(f"{method} {path}: {page.status} {said}")
        return page

    def _exchange(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Page:
        for again in (True, False):
            connection = self._connection or self._connect()
            try:
                connection.request(method, path, body and body.encode(), headers)
                response = connection.getresponse()
                text = response.read().decode()
            except (OSError, http.client.HTTPException) as error:
                # A server may close a connection that rests; every post here can be repeated.
                connection.close()
                self._connection = None
                if not again:
                    raise Unexpected(f"{method} {path}: {error!r}") from None
                continue
            for header in response.headers.get_all("Set-Cookie", []):
                cookie = SimpleCookie(header)
                self.cookies |= {name: morsel.value for name, morsel in cookie.items()}
            location = urlsplit(response.headers.get("Location", "")).path
            return Page(response.status, location, text)
        raise AssertionError("unreachable")

    def _connect(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.base)
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        self._connection = kind(parts.netloc, timeout=TIMEOUT)
        return self._connection
