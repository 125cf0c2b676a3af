"""The guard: outermost, plain ASGI. What it refuses never reaches a parser, a metric's label, a trace or a log."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Mapping, MutableMapping
from typing import Any, final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.refusals import Refusal
from serving.settings import Settings
from serving.web import REQUEST_ID, problem_response

_log = logging.getLogger("spinecast.guard")
_PROBES = {path: frozenset({"GET", "HEAD"}) for path in ("/livez", "/readyz", "/metrics")}
_STAMPS = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"cache-control": b"no-store",
}


@final
class Guard:
    """Lets through what is on its list, at the size and pace it allows; refuses the rest with problem details.

    routes   path → methods. Anything else does not exist: BentoML counts every unknown path in its own metric series,
             with whatever a caller wrote into it.
    """

    def __init__(self, app: ASGIApp, *, routes: Mapping[str, frozenset[str]], settings: Settings) -> None:
        self._app = app
        self._routes = {**routes, **_PROBES}
        self._settings = settings
        self._at_work = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request: checked, stamped with an id, passed on with its body already read."""
        if scope["type"] == "lifespan" or REQUEST_ID in scope:  # a guard in front of this one has done the work
            await self._app(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._guarded({**scope, REQUEST_ID: secrets.token_hex(16)}, receive, send)

    async def _guarded(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        begun = False

        async def stamped(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                message = {**message, "headers": _stamp(list(message.get("headers", [])), scope[REQUEST_ID])}
            await send(message)

        try:
            self._check_head(scope)
            if scope["method"] == "POST":
                await self._work(scope, receive, stamped)
            else:
                await self._app(scope, receive, stamped)
        except Refusal as refusal:
            await problem_response(refusal, scope[REQUEST_ID])(scope, receive, stamped)
        except Exception as error:  # the outermost door: what leaves here reaches the server's log
            _log.error("request %s failed: %s", scope[REQUEST_ID], type(error).__name__)
            if not begun:
                failed = Refusal("internal", "The failure is logged under this request.")
                await problem_response(failed, scope[REQUEST_ID])(scope, receive, stamped)

    def _check_head(self, scope: Mapping[str, Any]) -> None:
        if sum(len(name) + len(value) for name, value in scope["headers"]) > self._settings.header_bytes:
            raise Refusal("headers-too-large", f"At most {self._settings.header_bytes} bytes of headers are read.")
        methods = self._routes.get(scope["path"])
        if methods is None:
            if scope["path"].startswith("/v1/models/"):
                raise Refusal("unknown-model", "See /v1/models for what is served here.")
            raise Refusal("not-found", "See /docs for what is served here.")
        if scope["method"] not in methods:
            allowed = ", ".join(sorted(methods))
            raise Refusal("method-not-allowed", f"Served here: {allowed}.", headers={"Allow": allowed})
        if scope["query_string"]:
            # Values in an address end in the logs of every proxy on the way.
            raise Refusal("unexpected-query", "Send the address without anything behind a question mark.")
        if scope["method"] == "POST":
            self._check_body_headers(scope)

    def _check_body_headers(self, scope: Mapping[str, Any]) -> None:
        headers = dict(scope["headers"])
        content_type = headers.get(b"content-type", b"").decode("latin-1").replace(" ", "").lower()
        if content_type not in (
            "application/json",
            "application/json;charset=utf-8",
            'application/json;charset="utf-8"',
        ):
            raise Refusal(
                "content-type", "Send Content-Type: application/json.", headers={"Accept": "application/json"}
            )
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise Refusal("content-type", "Compressed bodies are not read.", headers={"Accept-Encoding": "identity"})
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self._settings.body_bytes:
            raise self._too_large()

    async def _work(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await self._body(receive)
        if self._at_work >= self._settings.at_once:
            detail = f"{self._settings.at_once} predictions are in work. Nothing was lost: send it again."
            raise Refusal("busy", detail, headers={"Retry-After": "1"})
        self._at_work += 1
        try:
            await self._app(scope, _replay(body, receive), send)
        finally:
            self._at_work -= 1

    async def _body(self, receive: Receive) -> bytes:
        """The whole body, however many chunks it comes in."""
        chunks, size = [], 0
        try:
            async with asyncio.timeout(self._settings.body_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Refusal("malformed-request", "The body ended early.")
                    chunks.append(message.get("body", b""))
                    size += len(chunks[-1])
                    if size > self._settings.body_bytes:
                        raise self._too_large()
                    if not message.get("more_body", False):
                        return b"".join(chunks)
        except TimeoutError:
            raise Refusal("slow-request", f"A body arrives within {self._settings.body_seconds:g} seconds.") from None

    def _too_large(self) -> Refusal:
        return Refusal(
            "too-large", f"At most {self._settings.body_bytes} bytes are read.", headers={"Connection": "close"}
        )


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _stamp(headers: list[tuple[bytes, bytes]], request_id: str) -> list[tuple[bytes, bytes]]:
    present = {name.lower() for name, _ in headers}
    kept = [(name, value) for name, value in headers if name.lower() not in (b"x-request-id", b"server")]
    added = [(name, value) for name, value in _STAMPS.items() if name not in present]
    return [*kept, *added, (b"x-request-id", request_id.encode())]
