from pathlib import Path

import pytest

from core.db.engine import Database
from tests.admin.desk import Desk, make_desk


@pytest.fixture
def desk(db: Database, tmp_path: Path) -> Desk:
    """A merchant with a live program and one shop."""
    return make_desk(db, tmp_path)
