"""The Starlette app: routes, documents with ETag, predictions, problems. Mounted in the Bento, alone in tests."""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serving.desk import Desk
from serving.openapi import document, model_schema
from serving.pages import DOCUMENT_POLICY, POLICY, docs_page, front_page
from serving.predictor import Served
from serving.refusals import PROBLEM, Refusal, problem

REQUEST_ID = "spinecast.request_id"  # in the scope, set by the guard
_log = logging.getLogger("spinecast.web")
_IMMUTABLE = "public, max-age=31536000, immutable"
_FORMS = {"html": "text/html; charset=utf-8", "md": "text/markdown; charset=utf-8", "json": "application/json"}
_DOCUMENTS = ("card", "calibration-report")


@final
@dataclass(frozen=True)
class Web:
    """Answers by route. Nothing leaves as an exception: what it says could hold a value."""

    desk: Desk

    def app(self) -> Starlette:
        """The app with every route."""
        routes = [
            Route("/", self._guarded(self._page(front_page(self.desk), POLICY))),
            Route("/docs", self._guarded(self._page(docs_page(document(self.desk)), POLICY))),
            Route("/openapi.json", self._guarded(self._page(_json(document(self.desk)), "", "application/json"))),
            Route("/v1/models", self._guarded(self._models)),
            Route("/v1/predictions", self._guarded(self._predictions), methods=["POST"]),
        ]
        for stem in ("/v1/models/{model}", "/v1/models/{model}/versions/{version}"):
            routes += [Route(stem, self._guarded(self._model)), Route(f"{stem}/schema", self._guarded(self._schema))]
            routes += [Route(f"{stem}/{kind}", self._guarded(self._document(kind))) for kind in _DOCUMENTS]
        return Starlette(routes=routes)

    def routes(self) -> dict[str, frozenset[str]]:
        """Every path that exists, with its methods: the guard's allow-list. Withdrawn models keep theirs, to say so."""
        reading = frozenset({"GET", "HEAD"})
        paths = {"/", "/docs", "/openapi.json", "/v1/models"}
        references = [*self.desk.by_reference, *self.desk.withdrawn]
        stems = [f"/v1/models/{reference}" for reference in references]
        stems += [f"/v1/models/{r.replace('@', '/versions/')}" for r in references if r.rpartition("@")[2].isdigit()]
        paths |= {stem + tail for stem in stems for tail in ("", "/schema", *(f"/{kind}" for kind in _DOCUMENTS))}
        return {**dict.fromkeys(sorted(paths), reading), "/v1/predictions": frozenset({"POST"})}

    def _guarded(self, endpoint: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        @functools.wraps(endpoint)
        async def answer(request: Request) -> Response:
            try:
                return await endpoint(request)
            except Refusal as refusal:
                return problem_response(refusal, request_id(request.scope))
            except Exception as error:  # the last door: a traceback could quote a patient
                where = request_id(request.scope)
                _log.error("request %s failed: %s", where, type(error).__name__)
                return problem_response(Refusal("internal", "The failure is logged under this request."), where)

        return answer

    def _page(
        self, content: bytes, policy: str, media: str = "text/html; charset=utf-8"
    ) -> Callable[[Request], Awaitable[Response]]:
        async def page(request: Request) -> Response:
            return _cached(request, content, media, {"Content-Security-Policy": policy} if policy else {}, "no-cache")

        return page

    async def _models(self, request: Request) -> Response:
        listed = [{**served.identity(), "href": f"/v1/models/{served.reference}"} for served in self.desk.models]
        gone = [{"name": p.name, "version": p.version, "status": p.status} for p in self.desk.withdrawn.values()]
        return _cached(request, _json({"models": listed, "withdrawn": gone}), "application/json", {}, "no-cache")

    async def _model(self, request: Request) -> Response:
        served, cache = self._found(request)
        at = f"/v1/models/{served.reference}"
        facts = {
            **served.identity(),
            "title": served.endpoint["title"],
            "endpoint": served.endpoint["name"],
            "time_zero": served.endpoint["time_zero"],
            "states": list(served.states),
            "horizons_days": list(served.horizons),
            "inputs": [
                {"name": n, "label": q.field.label, "unit": q.field.unit} for n, q in served.form.questions.items()
            ],
            "population": served.endpoint["population"],
            "run": served.bundle.manifest.run,
            "manifest": f"sha-256:{served.bundle.manifest_sha256}",
            "links": {"schema": f"{at}/schema", **{kind: f"{at}/{kind}" for kind in _DOCUMENTS}},
        }
        return _cached(request, _json(facts), "application/json", _about(served), cache)

    async def _schema(self, request: Request) -> Response:
        served, cache = self._found(request)
        return _cached(request, _json(model_schema(served)), "application/schema+json", _about(served), cache)

    def _document(self, kind: str) -> Callable[[Request], Awaitable[Response]]:
        async def released(request: Request) -> Response:
            served, cache = self._found(request)
            documents = served.bundle.documents
            there = [form for form in _FORMS if f"{kind}.{form}" in documents]
            if not there:
                raise Refusal("not-found", f"{served.reference} was released without this document.")
            form = _wanted(request.headers.get("accept", "*/*"), there)
            if form is None:
                types = ", ".join(_FORMS[form].split(";")[0] for form in there)
                raise Refusal("not-acceptable", f"It exists as {types}.")
            headers = {**_about(served), "Vary": "Accept", "Content-Security-Policy": DOCUMENT_POLICY}
            return _cached(request, documents[f"{kind}.{form}"], _FORMS[form], headers, cache)

        return released

    async def _predictions(self, request: Request) -> Response:
        answer = await run_in_threadpool(self.desk.predict, await request.body())
        body = {
            "id": f"prd_{secrets.token_hex(8)}",
            "created_at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "synthetic": any(served.synthetic for served in answer.served),
            "patients": answer.patients,
            "warnings": answer.warnings,
        }
        named = ", ".join(_named(served) for served in answer.served)
        headers = {"Cache-Control": "no-store", "Spinecast-Model": named}
        return Response(_json(body), media_type="application/json", headers=headers)

    def _found(self, request: Request) -> tuple[Served, str]:
        name, version = request.path_params["model"], request.path_params.get("version")
        reference = name if version is None else f"{name}@{version}"
        # A version's status may change; its facts carry the status, so only what was released is immutable.
        released = reference.rpartition("@")[2].isdigit() and request.url.path.endswith((*_DOCUMENTS, "/schema"))
        return self.desk.find(reference), _IMMUTABLE if released else "no-cache"


def problem_response(refusal: Refusal, where: str) -> Response:
    """A refusal as problem details."""
    headers = {"Cache-Control": "no-store", "X-Request-Id": where, **refusal.headers}
    return Response(_json(problem(refusal, where)), refusal.status, headers, PROBLEM)


def request_id(scope: Mapping[str, Any]) -> str:
    """The guard's id of this request, or a new one where no guard stands in front."""
    return str(scope.get(REQUEST_ID) or secrets.token_hex(16))


def _cached(request: Request, content: bytes, media: str, headers: Mapping[str, str], cache: str) -> Response:
    tag = f'"sha256-{hashlib.sha256(content).hexdigest()}"'
    known = {part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")}
    shared = {**headers, "ETag": tag, "Cache-Control": cache}
    if tag in known or "*" in known:
        return Response(status_code=304, headers=shared)
    return Response(content, media_type=media, headers=shared)


def _wanted(accept: str, there: list[str]) -> str | None:
    """The form that the caller likes best; of equals, the first that there is."""
    likes: dict[str, float] = {}
    for part in accept.split(","):
        media, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        likes[media] = float(quality) if quality.replace(".", "", 1).isdigit() else 0.0

    def liking(form: str) -> float:
        media = _FORMS[form].split(";")[0]
        return next((likes[m] for m in (media, f"{media.split('/')[0]}/*", "*/*") if m in likes), 0.0)

    best = max(there, key=liking)
    return best if liking(best) > 0 else None


def _about(served: Served) -> dict[str, str]:
    return {"Spinecast-Model": _named(served), "Spinecast-Status": served.status}


def _named(served: Served) -> str:
    return f"{served.reference}; sha-256={served.bundle.model_digest}"


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
