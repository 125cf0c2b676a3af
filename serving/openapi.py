"""The OpenAPI 3.1 document, derived from the models that answer. Its example is complete and is answered with 200."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serving.desk import Desk
from serving.predictor import Served
from serving.refusals import CODES, PROBLEM, kinds
from serving.schemas import DIALECT, patient_schema

VERSION = "1.0.0"
_NUMBER = {"type": "number", "minimum": 0, "maximum": 1}


def model_schema(served: Served) -> dict[str, Any]:
    """JSON Schema 2020-12 of one patient for this model."""
    return {
        "$schema": DIALECT,
        "$id": f"urn:spinecast:schema:{served.reference}",
        **patient_schema([served.form], f"One patient for {served.reference}"),
    }


def document(desk: Desk) -> dict[str, Any]:
    """The whole interface: every route, every status, one complete example."""
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": DIALECT,
        "info": {
            "title": "spinecast",
            "version": VERSION,
            "description": "Risks over time for one patient, from models released with card and report. "
            "Keys may be added to answers; clients ignore keys that they do not know. "
            "A prediction is pure: the same patient and model version give the same numbers, so a retry is safe.",
        },
        "paths": {**_fixed_paths(), **_model_paths(), "/v1/predictions": {"post": _predictions(desk)}},
        "components": {"schemas": {"Answer": _answer_schema(), "Problem": _problem_schema()}},
    }


def _predictions(desk: Desk) -> dict[str, Any]:
    served = desk.champions
    forms = [one.form for one in served]
    names = sorted(desk.by_reference)
    strict = patient_schema(forms, "One patient; what is asked depends on the models")
    # Which fields are required depends on `models`: each model's own schema says it, this one says what may be sent.
    strict["required"] = sorted(set.intersection(*(set(form.questions) for form in forms)))
    strict["allOf"] = []
    request = {
        "type": "object",
        "properties": {
            "models": {
                "type": "array",
                "items": {"enum": names},
                "minItems": 1,
                "maxItems": desk.settings.models,
                "uniqueItems": True,
            },
            "patients": {"type": "array", "items": strict, "minItems": 1, "maxItems": desk.settings.patients},
        },
        "required": ["models", "patients"],
        "additionalProperties": False,
    }
    body = {"application/json": {"schema": request, "example": desk.example(served)}}
    return {
        "operationId": "predict",
        "summary": "Risks at the study's horizons for one or several patients and models",
        "requestBody": {"required": True, "content": body},
        "responses": {
            "200": {
                "description": "One result per patient and model",
                "headers": {name: {"schema": {"type": "string"}} for name in ("X-Request-Id", "Spinecast-Model")},
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Answer"}}},
            },
            **_problems(400, 404, 408, 410, 413, 415, 422, 431, 500, 503),
        },
    }


def _fixed_paths() -> dict[str, Any]:
    def page(summary: str, media: str) -> dict[str, Any]:
        content = {media: {"schema": {"type": "object" if "json" in media else "string"}}}
        return {"get": {"summary": summary, "responses": {"200": {"description": summary, "content": content}}}}

    return {
        "/": page("What is served here, for a person", "text/html"),
        "/docs": page("This document, for a person", "text/html"),
        "/openapi.json": page("This document", "application/json"),
        "/v1/models": page("The models that answer, and those withdrawn", "application/json"),
        "/livez": page("The process lives", "text/plain"),
        "/readyz": page("Models are open and answer their own examples", "text/plain"),
        "/metrics": page("Counters for Prometheus", "text/plain"),
    }


def _model_paths() -> dict[str, Any]:
    parameter = {
        "name": "model",
        "in": "path",
        "required": True,
        "schema": {"type": "string"},
        "description": "`name` (the champion), `name@3` or `name@challenger`",
    }

    def route(summary: str, *media: str) -> dict[str, Any]:
        content = {m: {"schema": {"type": "object" if "json" in m else "string"}} for m in media}
        responses = {
            "200": {"description": summary, "content": content},
            "304": {"description": "Not changed since the ETag that you have"},
            **_problems(404, 406, 410),
        }
        return {"get": {"summary": summary, "parameters": [parameter], "responses": responses}}

    return {
        "/v1/models/{model}": route("Facts about one model", "application/json"),
        "/v1/models/{model}/schema": route("JSON Schema of one patient", "application/schema+json"),
        "/v1/models/{model}/card": route("The model card", "text/html", "text/markdown", "application/json"),
        "/v1/models/{model}/calibration-report": route("The calibration report", "text/html", "application/json"),
    }


def _problems(*statuses: int) -> dict[str, Any]:
    content = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    titles: dict[int, list[str]] = {}
    for status, title in kinds().values():
        titles.setdefault(status, []).append(title)
    return {str(status): {"description": "; ".join(titles[status]), "content": content} for status in statuses}


def _problem_schema() -> dict[str, Any]:
    codes = "; ".join(f"{code}: {meaning}" for code, meaning in CODES.items())
    text = {"type": "string"}
    error = {"pointer": text, "code": {"enum": list(CODES), "description": codes}, "detail": text}
    return {
        "type": "object",
        "description": "RFC 9457. Never holds a value that was sent.",
        "properties": {
            "type": {"enum": [f"urn:spinecast:problem:{kind}" for kind in kinds()]},
            "title": text,
            "status": {"type": "integer"},
            "detail": text,
            "instance": text,
            "replaced_by": text,
            "errors": {
                "type": "array",
                "items": {"type": "object", "properties": error, "required": list(error)},
            },
        },
        "required": ["type", "title", "status", "detail", "instance"],
    }


def _answer_schema() -> dict[str, Any]:
    result = {
        "model": {
            "type": "object",
            "properties": {key: {"type": "string"} for key in ("name", "digest", "status", "developed_on", "card")}
            | {"version": {"type": "integer"}},
            "required": ["name", "version", "digest", "status", "developed_on", "card"],
        },
        "endpoint": {"type": "string"},
        "time_zero": {"type": "string"},
        "not_applicable": {
            "type": "string",
            "description": "Why the model is not for this patient; then nothing follows",
        },
        "states": {"type": "array", "items": {"type": "string"}},
        "horizons": {"type": "array", "items": _horizon_schema()},
        "scenarios": {"type": "object", "description": "Quantiles of the curve; null beyond the end of the data"},
        "curve": {"type": "object", "description": "Steps: a value holds from its day until the next"},
        "unknown_inputs": {"type": "array", "items": {"type": "object"}},
        "reading": {"type": "string"},
    }
    patient: Mapping[str, Any] = {
        "client_reference": {"type": "string"},
        "results": {
            "type": "array",
            "items": {"type": "object", "properties": result, "required": ["model", "endpoint", "time_zero"]},
        },
    }
    warning = {key: {"type": "string"} for key in ("code", "pointer", "detail")}
    one = {"type": "object", "properties": patient, "required": ["results"]}
    return {
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "created_at": {"type": "string", "format": "date-time"},
            "synthetic": {
                "type": "boolean",
                "description": "A model that answers was made from synthetic patients: not for patients",
            },
            "patients": {"type": "array", "items": one},
            "warnings": {"type": "array", "items": {"type": "object", "properties": warning}},
        },
        "required": ["id", "created_at", "synthetic", "patients", "warnings"],
    }


def _horizon_schema() -> dict[str, Any]:
    whole = {"type": "integer", "minimum": 0, "maximum": 100}
    properties = {
        "days": {"type": "number"},
        "label": {"type": "string"},
        "risk": {**_NUMBER, "description": "Of the one event, by this day"},
        "probability": {"type": "object", "additionalProperties": _NUMBER, "description": "Of each state; sum to one"},
        "per_100": {"type": "object", "additionalProperties": whole, "description": "Whole numbers that sum to 100"},
    }
    return {"type": "object", "properties": properties, "required": ["days", "label", "per_100"]}
