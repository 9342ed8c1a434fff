"""What comes in and what goes out as JSON: requests checked to the letter, answers and errors in one shape."""

import json
from typing import Annotated, TypeVar

from flask import Response, request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import InvalidInput

NOT_KEPT = "no-store"
LONGEST_CURSOR = 15
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)

Model = TypeVar("Model", bound=BaseModel)


class RedeemRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    points: Annotated[int, Field(ge=1, le=10**9)]
    idempotency_key: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{16,64}$")]


class HintRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    order: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class NothingRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def body(model: type[Model]) -> Model:
    """Raises InvalidInput. Only JSON: a form of another page cannot send it unasked."""
    if not request.is_json:
        raise InvalidInput("The body must be JSON")
    try:
        return model.model_validate_json(request.get_data())
    except ValidationError:
        raise InvalidInput("The body is not as documented") from None


def cursor() -> int | None:
    """Where a list goes on. Raises InvalidInput."""
    text = request.args.get("cursor")
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > LONGEST_CURSOR:
        raise InvalidInput("This is no cursor", field="cursor")
    return int(text)


def answer(content: object, status: int = 200) -> Response:
    return Response(_ENCODER.encode(content), status, content_type="application/json")


def error(status: int, code: str, message: str) -> Response:
    return answer({"error": {"code": code, "message": message}}, status)
