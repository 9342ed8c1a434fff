"""The canned answers of the browser tests have the shapes that the door really gives."""

from typing import Any

import pytest
from pydantic import TypeAdapter

from tests.widgets import shopfront
from widgets.shapes import Config, History, Me, Redemption


@pytest.mark.parametrize(
    ("answer", "shape"),
    [
        (shopfront.CONFIG, Config),
        (shopfront.ME, Me),
        (shopfront.HISTORY, History),
        (shopfront.CODE, Redemption),
        (shopfront.blocked("No."), Me),
    ],
)
def test_canned_answers_are_like_real_ones(answer: Any, shape: Any) -> None:
    TypeAdapter(shape).validate_python(answer, strict=True, extra="forbid")
