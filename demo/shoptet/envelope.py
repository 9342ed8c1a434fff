"""How the API answers: data, errors and metadata, whatever happened."""

import json
import uuid
from collections.abc import Sequence
from typing import Any

from flask import Response

from demo.shoptet.amounts import Figures, Json, shown

Fault = tuple[str, str, str]


class Refused(Exception):
    """`status` and errors as (errorCode, message, instance). `data`: what a refusal carries beside them, mostly nothing."""

    def __init__(self, status: int, *errors: Fault, data: Any = None) -> None:
        super().__init__(f"{status}: {errors[0][0] if errors else ''}")
        self.status = status
        self.errors = errors
        self.data = data


def not_found(what: str, message: str, instance: str) -> Refused:
    return Refused(404, (f"{what}-not-found", message, instance))


def answer(
    data: Any, status: int = 200, errors: Sequence[Fault] = (), *, figures: Figures = "spec", metadata: bool = True
) -> Response:
    told = [{"errorCode": code, "message": message, "instance": instance} for code, message, instance in errors]
    body: Json = {"data": data, "errors": told or None}
    if metadata:
        body["metadata"] = {"requestId": str(uuid.uuid4())}
    text = json.dumps(shown(body, figures), ensure_ascii=False)
    return Response(text, status, content_type="application/json; charset=utf-8")


def refusal(refused: Refused) -> Response:
    return answer(refused.data, refused.status, refused.errors)
