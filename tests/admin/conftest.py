from collections.abc import Iterator
from pathlib import Path

import pytest

from core.db.engine import Database
from tests.admin.desk import Desk, make_desk
from tests.admin.inside import Inside, make_inside


@pytest.fixture
def desk(db: Database, tmp_path: Path) -> Desk:
    """A merchant with a live program and one shop."""
    return make_desk(db, tmp_path)


@pytest.fixture
def inside(db: Database, tmp_path: Path) -> Iterator[Inside]:
    """A desk with an app, and a fake Shopify that has it."""
    made = make_inside(db, tmp_path)
    yield made
    made.running.stop()
