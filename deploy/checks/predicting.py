"""What a person does first with a running stack."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from deploy.checks.stack import Stack

_POLL_SECONDS = 60
Answer = TypeVar("Answer")


def predicted(stack: Stack) -> str:
    """Post the example of the ML API's own description; the prediction's id."""
    ml_api = f"{stack.scheme}://ml-api:8002"
    status, described = stack.network.ask("GET", f"{ml_api}/openapi.json", token=stack.admin_token)
    assert status == 200, described
    body = described["paths"]["/v1/predict"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    example = described["components"]["schemas"][body["$ref"].rpartition("/")[2]]["examples"][0]
    status, prediction = stack.network.ask("POST", f"{ml_api}/v1/predict", token=stack.admin_token, body=example)
    assert status == 200, prediction
    return str(prediction["prediction_id"])


def read_back(stack: Stack, prediction: str) -> Any:
    """Ask the monitoring API for a prediction until it is there."""
    url = f"{stack.scheme}://monitoring-api:8003/api/v1/predictions/{prediction}"
    _, read = eventually(
        lambda: stack.network.ask("GET", url, token=stack.admin_token),
        lambda answer: answer[0] == 200,
    )
    return read


def eventually(question: Callable[[], Answer], right: Callable[[Answer], bool]) -> Answer:
    """Ask until the answer is right."""
    deadline = time.monotonic() + _POLL_SECONDS
    while not right(answer := question()):
        assert time.monotonic() < deadline, answer
        time.sleep(0.3)
    return answer
