"""The guard's pace: bodies that dawdle, too many at once, and what stands behind it."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from serving.guard import Guard
from serving.settings import Settings

ROUTES = {"/v1/predictions": frozenset({"POST"})}
HEADERS = {"content-type": "application/json"}


def client_of(app: Any, **limits: Any) -> httpx.AsyncClient:
    guard = Guard(app, routes=ROUTES, settings=Settings(**limits))
    return httpx.AsyncClient(transport=httpx.ASGITransport(guard), base_url="http://guarded")


async def reply(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"server", b"x")]})
    await send({"type": "http.response.body", "body": b"ok"})


def test_one_more_than_at_once_is_a_503_that_says_when_to_come_back() -> None:
    async def run() -> list[int]:
        gate = asyncio.Event()

        async def slow(scope: Any, receive: Any, send: Any) -> None:
            await gate.wait()
            await reply(scope, receive, send)

        async with client_of(slow, at_once=2) as client:
            waiting = [asyncio.create_task(client.post("/v1/predictions", headers=HEADERS)) for _ in range(2)]
            await asyncio.sleep(0.05)
            refused = await client.post("/v1/predictions", headers=HEADERS)
            assert refused.headers["retry-after"] == "1"
            gate.set()
            answered = [(await task).status_code for task in waiting]
            return [refused.status_code, *answered, (await client.post("/v1/predictions", headers=HEADERS)).status_code]

    assert asyncio.run(run()) == [503, 200, 200, 200]


def test_a_body_that_dawdles_is_a_408() -> None:
    async def run() -> int:
        async def dripping() -> Any:
            yield b"{"
            await asyncio.sleep(5)

        async with client_of(reply, body_seconds=0.1) as client:
            return (await client.post("/v1/predictions", content=dripping(), headers=HEADERS)).status_code

    assert asyncio.run(run()) == 408


@pytest.mark.parametrize("encoding", ["gzip", "br"])
def test_a_compressed_body_is_refused_unread(encoding: str) -> None:
    async def run() -> int:
        async with client_of(reply) as client:
            headers = {**HEADERS, "content-encoding": encoding}
            return (await client.post("/v1/predictions", content=b"x", headers=headers)).status_code

    assert asyncio.run(run()) == 415


def test_probes_pass_and_no_server_is_named() -> None:
    async def run() -> httpx.Response:
        async with client_of(reply) as client:
            return await client.get("/livez")

    response = asyncio.run(run())
    assert response.status_code == 200
    assert "server" not in response.headers


def test_a_websocket_is_closed() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    asyncio.run(Guard(reply, routes=ROUTES, settings=Settings())({"type": "websocket"}, receive, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]
