"""The app behind its guard, in process: routes, documents, predictions, problems, and no patient anywhere else."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from serving.desk import Desk
from serving.guard import Guard
from serving.refusals import CODES, PROBLEM
from serving.web import Web

JSON = {"content-type": "application/json"}


class Client:
    """One request at a time to an app in this process; an exception that leaves the app fails the test."""

    def __init__(self, app: Any) -> None:
        self.transport = httpx.ASGITransport(app)

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def run() -> httpx.Response:
            async with httpx.AsyncClient(transport=self.transport, base_url="http://here") as client:
                return await client.request(method, path, **more)

        return asyncio.run(run())

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.request("POST", path, **more)


@pytest.fixture(scope="module")
def client(desk: Desk) -> Client:
    web = Web(desk)
    return Client(Guard(web.app(), routes=web.routes(), settings=desk.settings))


def ask(client: Client, models: list[str], *patients: dict[str, Any]) -> Any:
    return client.post("/v1/predictions", json={"models": models, "patients": list(patients)})


def test_both_models_answer_for_one_patient(client: Client, desk: Desk, patient: dict[str, Any]) -> None:
    response = ask(client, ["survival", "recovery"], {"client_reference": "mdt-4711", **patient})
    assert response.status_code == 200
    body = response.json()
    assert body["patients"][0]["client_reference"] == "mdt-4711"
    assert body["synthetic"] is False
    assert [result["model"]["name"] for result in body["patients"][0]["results"]] == ["survival", "recovery"]
    named = [f"{s.reference}; sha-256={s.bundle.model_digest}" for s in (desk.find("survival"), desk.find("recovery"))]
    assert response.headers["spinecast-model"] == ", ".join(named)
    assert response.headers["cache-control"] == "no-store"


def test_the_same_question_gets_the_same_answer_but_for_its_id_and_hour(
    client: Client, patient: dict[str, Any]
) -> None:
    first, second = (ask(client, ["survival"], patient).json() for _ in range(2))
    assert first.pop("id") != second.pop("id")
    del first["created_at"], second["created_at"]
    assert first == second


def test_patients_in_one_request_are_answered_as_each_alone(client: Client, patient: dict[str, Any]) -> None:
    others = [{**patient, "ecog": ecog, "opioid_use": "unknown"} for ecog in range(5)]
    together = ask(client, ["survival", "recovery"], *others).json()["patients"]
    assert together == [ask(client, ["survival", "recovery"], other).json()["patients"][0] for other in others]


def test_the_example_of_the_interface_is_answered_200_as_it_stands(client: Client) -> None:
    document = client.get("/openapi.json").json()
    content = document["paths"]["/v1/predictions"]["post"]["requestBody"]["content"]["application/json"]
    response = client.post("/v1/predictions", json=content["example"])
    assert response.status_code == 200
    assert all("horizons" in result for result in response.json()["patients"][0]["results"])
    Draft202012Validator(content["schema"]).validate(content["example"])
    Draft202012Validator(document["components"]["schemas"]["Answer"]).validate(response.json())


def test_one_fault_anywhere_refuses_the_whole_request_with_all_of_them(client: Client, patient: dict[str, Any]) -> None:
    wrong = {**patient, "albumin": {"value": 32, "unit": "g/dL"}, "albumn": 1}
    del wrong["crp"]
    response = ask(client, ["survival", "recovery"], patient, wrong)
    assert response.status_code == 422
    assert response.headers["content-type"] == PROBLEM
    body = response.json()
    assert body["title"] == "The patient data do not fit the model's contract"
    assert body["detail"] == "4 fields need attention. No prediction was made."
    assert [(error["pointer"], error["code"]) for error in body["errors"]] == [
        ("#/patients/1", "SC202"),
        ("#/patients/1/albumin", "SC221"),
        ("#/patients/1/crp", "SC201"),
        ("#/patients/1/crp", "SC201"),
    ]
    assert body["errors"][0]["detail"] == "1 key that no requested model asks for. Did you mean albumin?"
    assert body["instance"] == f"urn:request:{response.headers['x-request-id']}"


def test_an_ais_e_patient_gets_not_applicable_and_no_error(client: Client, patient: dict[str, Any]) -> None:
    patient |= {"ais_grade": "E", "deficit_duration": "not_applicable"}
    results = ask(client, ["survival", "recovery"], patient).json()["patients"][0]["results"]
    assert "horizons" in results[0]
    assert results[1]["not_applicable"] == "no deficit (AIS E)"


@pytest.mark.parametrize(
    ("models", "status", "kind"),
    [
        (["nothing"], 404, "unknown-model"),
        (["survival@1"], 410, "model-withdrawn"),
        (["survival@9"], 404, "unknown-model"),
        (["../survival"], 404, "unknown-model"),
    ],
)
def test_a_model_that_does_not_answer_says_so(
    client: Client, patient: dict[str, Any], models: list[str], status: int, kind: str
) -> None:
    response = ask(client, models, patient)
    assert response.status_code == status
    assert response.json()["type"] == f"urn:spinecast:problem:{kind}"
    assert response.json()["errors"][0]["pointer"] == "#/models/0"
    assert response.json().get("replaced_by") == ("survival@3" if status == 410 else None)


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"],
)
def test_any_other_content_type_is_a_415(client: Client, content_type: str) -> None:
    response = client.post("/v1/predictions", content=b"{}", headers={"content-type": content_type})
    assert response.status_code == 415
    assert response.headers["content-type"] == PROBLEM


async def chunks(body: bytes) -> AsyncIterator[bytes]:
    for i in range(0, len(body), 65_536):
        yield body[i : i + 65_536]


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_beyond_the_limit_is_a_413_also_in_chunks(client: Client, desk: Desk, chunked: bool) -> None:
    for size, status in ((desk.settings.body_bytes, 400), (desk.settings.body_bytes + 1, 413)):
        body = b" " * size
        content = chunks(body) if chunked else body
        assert client.post("/v1/predictions", content=content, headers=JSON).status_code == status


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/docs.json", 404),
        ("GET", "/schema.json", 404),
        ("GET", "/v1/models/MRN-4711", 404),
        ("GET", "/v1/models/survival@1", 410),
        ("GET", "/v1/models/survival/../../etc/passwd", 404),
        ("GET", "/v1/models/survival%2f..%2fcard", 404),
        ("GET", "/v1/predictions", 405),
        ("PUT", "/v1/predictions", 405),
        ("DELETE", "/v1/models", 405),
        ("OPTIONS", "/v1/models", 405),
        ("GET", "/v1/models?age=63", 400),
        ("POST", "/v1/predictions?x=1", 400),
    ],
)
def test_what_is_not_on_the_list_does_not_exist(client: Client, method: str, path: str, status: int) -> None:
    response = client.request(method, path, headers=JSON)
    assert response.status_code == status
    assert response.headers["content-type"] == PROBLEM
    assert "MRN" not in response.text


def test_endless_headers_are_a_431(client: Client) -> None:
    assert client.get("/v1/models", headers={"x-long": "x" * 20_000}).status_code == 431


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/v1/models", "/v1/models/survival/card", "/nothing"])
def test_every_answer_is_stamped(client: Client, path: str) -> None:
    headers = client.get(path).headers
    assert len(headers["x-request-id"]) == 32
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert "server" not in headers
    assert client.get(path).headers["x-request-id"] != headers["x-request-id"]


def test_pages_hold_no_script_and_ask_nothing_of_anyone(client: Client) -> None:
    for path in ("/", "/docs"):
        page = client.get(path).text
        assert "survival" in page
        assert "<script" not in page
        assert "http://" not in page.replace("http://www.w3.org", "")
        assert "https://" not in page.replace("https://json-schema.org", "")


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("", "text/html"),
        ("*/*", "text/html"),
        ("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "text/html"),
        ("text/markdown", "text/markdown"),
        ("application/json", "application/json"),
        ("application/json;q=0.2, text/markdown;q=0.7", "text/markdown"),
        ("application/pdf", None),
        ("text/html;q=0", None),
    ],
)
def test_a_document_comes_in_the_form_that_is_asked_for(client: Client, accept: str, media: str | None) -> None:
    response = client.get("/v1/models/survival/card", headers={"accept": accept} if accept else {})
    assert response.status_code == (406 if media is None else 200)
    assert response.headers["content-type"].split(";")[0] == (media or PROBLEM)


@pytest.mark.parametrize("kind", ["card", "calibration-report", "schema"])
def test_a_document_is_cached_by_its_digest_and_a_version_for_ever(client: Client, kind: str) -> None:
    for stem, cache in (("survival", "no-cache"), ("survival@3", "immutable"), ("survival/versions/3", "immutable")):
        response = client.get(f"/v1/models/{stem}/{kind}")
        assert cache in response.headers["cache-control"]
        assert response.headers["spinecast-status"] == "champion"
        again = client.get(f"/v1/models/{stem}/{kind}", headers={"if-none-match": response.headers["etag"]})
        assert again.status_code == 304
        assert again.content == b""


def test_a_document_is_served_byte_for_byte_as_it_was_released(client: Client, desk: Desk) -> None:
    released = desk.find("survival").bundle.documents["card.html"]
    assert client.get("/v1/models/survival@3/card", headers={"accept": "text/html"}).content == released


def test_models_are_listed_with_standing_and_digest(client: Client, desk: Desk) -> None:
    body = client.get("/v1/models").json()
    assert [(m["name"], m["version"], m["status"]) for m in body["models"]] == [
        ("recovery", 1, "champion"),
        ("survival", 2, "challenger"),
        ("survival", 3, "champion"),
    ]
    assert body["withdrawn"] == [{"name": "survival", "version": 1, "status": "withdrawn"}]
    facts = client.get("/v1/models/survival@challenger").json()
    assert facts["version"] == 2
    assert facts["manifest"] == f"sha-256:{desk.find('survival@2').bundle.manifest_sha256}"


def test_each_models_schema_accepts_what_it_answers(client: Client, patient: dict[str, Any]) -> None:
    schema = client.get("/v1/models/survival/schema").json()
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(patient)


MARKER = "Zebra4711"
VALUE = "63.98765431"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"models": [MARKER], "patients": [{MARKER: MARKER}]}, 404),
        ({"models": ["survival"], "patients": [{MARKER: MARKER, "sex": MARKER, "albumin": float(VALUE)}]}, 422),
        ({"models": ["survival"], "patients": [{"albumin": {"value": float(VALUE), "unit": MARKER}}]}, 422),
        ({"models": ["survival"], "patients": [{"albumin": {"value": float(VALUE), "unit": "g/dL"}}]}, 422),
        ({"models": ["survival"], "patients": [{"client_reference": f"{MARKER} {MARKER}"}]}, 422),
        ({MARKER: VALUE}, 422),
        ([MARKER], 422),
    ],
)
def test_no_value_of_a_patient_is_repeated_in_body_header_or_log(
    client: Client, caplog: pytest.LogCaptureFixture, body: Any, status: int
) -> None:
    with caplog.at_level(logging.DEBUG):
        response = client.post("/v1/predictions", json=body)
    assert response.status_code == status
    said = response.text + str(response.headers) + caplog.text
    assert MARKER not in said
    assert VALUE not in said


def test_a_failure_inside_is_a_500_that_says_nothing(
    desk: Desk, patient: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError(MARKER)

    client = Client(Guard(broken, routes=Web(desk).routes(), settings=desk.settings))
    response = client.post("/v1/predictions", json={})
    assert response.status_code == 500
    assert response.json()["type"] == "urn:spinecast:problem:internal"
    assert response.json()["instance"].removeprefix("urn:request:") in caplog.text
    assert MARKER not in response.text + caplog.text


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_sent_is_answered_in_one_of_two_shapes(client: Client, data: st.DataObject) -> None:
    schema = client.get("/v1/models/survival/schema").json()
    words = st.sampled_from([*schema["properties"], "unknown", "not_applicable", "C", "value", "unit", "g/L"])
    scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words
    values = st.recursive(
        scalars, lambda inner: st.dictionaries(words, inner, max_size=3) | st.lists(inner, max_size=2)
    )
    patients = data.draw(st.lists(st.dictionaries(words, values, max_size=9), min_size=1, max_size=2))
    response = client.post("/v1/predictions", json={"models": ["survival"], "patients": patients})
    assert response.status_code in (200, 400, 422)  # 400: a number longer than any measurement
    if response.status_code != 200:
        assert {error["code"] for error in response.json()["errors"]} <= set(CODES)


def test_the_interface_names_every_route_that_is_served(client: Client, desk: Desk) -> None:
    paths = set(client.get("/openapi.json").json()["paths"])
    fixed = {path for path in Web(desk).routes() if "/models/" not in path}
    assert fixed < paths
    assert json.loads(client.get("/openapi.json").text)["openapi"].startswith("3.1")
