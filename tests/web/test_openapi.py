"""The OpenAPI file and the routes say the same."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
import yaml
from flask.testing import FlaskClient
from openapi_spec_validator import OpenAPIV31SpecValidator

from appliance import web
from appliance.vision.classes import ClassId
from appliance.vision.photo import MAX_BYTES
from appliance.web.app import create_kiosk_app, create_lan_app
from appliance.web.intake import MAX_KEY_CHARACTERS, PHONE_SOURCES, YES
from appliance.web.services import Services
from appliance.web.sites import SITES

METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((Path(web.__file__).parent / "openapi.yaml").read_text("utf-8"))
    return loaded


def operations(described: dict[str, Any]) -> set[tuple[str, str]]:
    return {(path, method.upper()) for path, item in described["paths"].items() for method in item}


def test_the_file_is_valid(described: dict[str, Any]) -> None:
    assert described["openapi"].startswith("3.1")
    assert list(OpenAPIV31SpecValidator(described).iter_errors()) == []


@pytest.mark.parametrize("create", [create_lan_app, create_kiosk_app])
def test_every_route_is_described_and_every_description_is_a_route(
    services: Services, described: dict[str, Any], create: Callable[[Services], Any]
) -> None:
    routes = {
        (re.sub(r"<(\w+)>", r"{\1}", rule.rule), method)
        for rule in create(services).url_map.iter_rules()
        if rule.endpoint.startswith(("api.", "health."))
        for method in (rule.methods or set()) & METHODS
    }
    assert routes == operations(described)


def test_the_lists_are_those_of_the_code(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    body = described["paths"]["/api/v1/photos"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    key = described["paths"]["/api/v1/photos"]["post"]["parameters"][0]["schema"]
    assert tuple(schemas["Site"]["enum"]) == SITES
    assert tuple(schemas["ClassId"]["enum"]) == get_args(ClassId)
    assert set(body["properties"]["consent"]["enum"]) == YES
    assert tuple(body["properties"]["source"]["enum"]) == PHONE_SOURCES
    assert key["maxLength"] == MAX_KEY_CHARACTERS
    assert f"{MAX_BYTES // 2**20} MiB" in body["properties"]["photo"]["description"]


def test_answers_have_the_described_shape(
    phone: FlaskClient, described: dict[str, Any], form: Callable[..., dict[str, Any]], answer: Callable[..., None]
) -> None:
    def answered(path: str, method: str, response: Any) -> tuple[int, list[str]]:
        """The status, and everything in the answer that its description does not allow."""
        told = described["paths"][path][method]["responses"][str(response.status_code)]
        told = described["components"]["responses"][told["$ref"].rsplit("/", 1)[1]] if "$ref" in told else told
        schema = told["content"][response.mimetype].get("schema", {})
        rules = jsonschema.Draft202012Validator({**schema, "components": described["components"]})
        return response.status_code, [error.message for error in rules.iter_errors(response.get_json())]

    accepted = phone.post("/api/v1/photos", **form())
    url = accepted.get_json()["result_url"]
    assert answered("/api/v1/photos", "post", accepted) == (202, [])
    assert answered("/api/v1/photos", "post", phone.post("/api/v1/photos", **form(consent=None))) == (422, [])
    assert answered("/api/v1/results/{token}", "get", phone.get(url)) == (202, [])
    answer()
    assert answered("/api/v1/results/{token}", "get", phone.get(url)) == (200, [])
    assert answered("/api/v1/results/{token}", "get", phone.get("/api/v1/results/unknown")) == (404, [])
    assert answered("/healthz", "get", phone.get("/healthz")) == (200, [])
