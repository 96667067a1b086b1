"""Requests nobody thought of: whatever comes, the API answers as openapi.yaml says, and never with a fault."""

from pathlib import Path
from typing import Any

import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, given, settings

from appliance.cases.store import Store
from appliance.web import app as web
from appliance.web.app import create_lan_app
from appliance.web.services import Services

SPECIFICATION = yaml.safe_load(Path(web.__file__).with_name("openapi.yaml").read_text(encoding="utf-8"))
ANSWERED_AS_DESCRIBED = [
    schemathesis.checks.not_a_server_error,
    schemathesis.checks.status_code_conformance,
    schemathesis.checks.content_type_conformance,
    schemathesis.checks.response_schema_conformance,
]


@pytest.mark.parametrize(
    ("path", "method"),
    [
        (path, method)
        for path, methods in SPECIFICATION["paths"].items()
        for method in methods
        if method in ("get", "post")
    ],
)
def test_whatever_is_sent_the_answer_is_described(path: str, method: str, services: Services, store: Store) -> None:
    schema: Any = schemathesis.openapi.from_dict(SPECIFICATION)
    schema.app = create_lan_app(services)
    operation = schema[path][method.upper()]

    @settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def send(case: Any) -> None:
        case.call_and_validate(checks=ANSWERED_AS_DESCRIBED)

    send()
    assert store.waiting() == len(store.cases())
