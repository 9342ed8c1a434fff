"""Everything of one kind: Shoptet writes it to a file in a job of its own, or, where that cannot be had, page by page.

The cursor says which of the two, and where we stand. A job may be asked for ten times while it is at work, so that we
look ever more seldom, and turn to pages before the tenth.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

import structlog

from connectors.shoptet.client import Client, Params, read_json, segment
from connectors.shoptet.results import GONE, Lines
from connectors.shoptet.shapes import Job, JobAnswer, JobStarted, read
from connectors.transport import Transport
from core.errors import CredentialsRefused, ExternalNotFound, InvalidInput, PlatformRefused, Unreadable

log = structlog.get_logger(__name__)

BUSY = frozenset({"pending", "running"})
COMPLETED = "completed"
# Seconds before each look. Shoptet ends a job that takes three hours.
LOOKS_S = (5, 15, 30, 60, 120, 300, 600, 1200)
JOBS_AT_MOST = 3
LINES_AT_ONCE = 100


@dataclass(frozen=True)
class Place:
    """Where a reading stands. `job` None: pages, and `offset` counts them; else lines of its file. `number`: of the job."""

    job: str | None
    offset: int = 0
    looks: int = 0
    number: int = 1

    @classmethod
    def read(cls, text: str) -> "Place":
        try:
            job, offset, looks, number = json.loads(text)
        except (ValueError, TypeError, RecursionError):
            raise InvalidInput("This is not a cursor of ours", field="cursor") from None
        counts = (offset, looks, number)
        if not (job is None or isinstance(job, str)) or not all(type(each) is int and each >= 0 for each in counts):
            raise InvalidInput("This is not a cursor of ours", field="cursor")
        return cls(job, offset, looks, number)

    def write(self) -> str:
        return json.dumps([self.job, self.offset, self.looks, self.number])


PAGES = Place(None, offset=1)


@dataclass(frozen=True)
class Piece:
    """Some of the file's lines, as JSON. `cursor` None: the last. `wait_s`: nothing is there yet."""

    rows: Sequence[Mapping[str, Any]]
    cursor: str | None
    wait_s: int | None = None


class Snapshot:
    """The file behind one address such as /api/orders/snapshot. `files`: as of results.Lines."""

    def __init__(self, client: Client, files: Transport, path: str) -> None:
        self._client, self._files, self._path = client, files, path
        self._lock = Lock()
        self._open: tuple[Place, Lines] | None = None

    def begin(self, params: Params) -> Piece:
        return self._begun(params, number=1)

    def piece(self, place: Place, params: Params) -> Piece:
        """Raises PlatformError; a job that fails is begun anew, and at last pages take its place."""
        if place.job is None:
            raise InvalidInput("This is not a cursor of ours", field="cursor")
        with self._lock:  # whoever comes second reads on its own
            opened, self._open = self._open, None
        if opened is not None and opened[0] == place:
            return self._lines(place, opened[1])
        try:
            job = self._client.get(f"/api/system/jobs/{segment(place.job)}", JobAnswer).job
        except ExternalNotFound:
            return self._anew(place, params, "gone")
        except PlatformRefused as refusal:  # asked too often, in another process perhaps
            return self._pages(refusal.code)
        if job.status in BUSY:
            looks = place.looks + 1
            if looks >= len(LOOKS_S):
                return self._pages("slow")
            return Piece([], replace(place, looks=looks).write(), wait_s=LOOKS_S[looks])
        return self._finished(place, job, params)

    def _finished(self, place: Place, job: Job, params: Params) -> Piece:
        if job.status != COMPLETED or not job.result_url:
            return self._anew(place, params, job.status)
        lines = Lines(self._files, job.result_url)
        try:
            lines.skip(place.offset)
            return self._lines(place, lines)
        except Unreadable as error:
            if error.code != GONE:
                raise
            return self._anew(place, params, "gone")

    def _lines(self, place: Place, lines: Lines) -> Piece:
        rows: list[Mapping[str, Any]] = []
        for line in lines:
            rows.append(_row(line))
            if len(rows) == LINES_AT_ONCE:
                following = replace(place, offset=lines.number)
                with self._lock:
                    self._open = following, lines
                return Piece(rows, following.write())
        return Piece(rows, None)

    def _anew(self, place: Place, params: Params, why: str) -> Piece:
        log.warning("shoptet.job_begun_anew", path=self._path, why=why[:50])
        if place.number >= JOBS_AT_MOST:
            return self._pages(why)
        return self._begun(params, number=place.number + 1)

    def _begun(self, params: Params, *, number: int) -> Piece:
        """Shoptet refuses while we do not listen for job:finished, and where the addon may not use the address."""
        try:
            found = self._client.call("GET", self._path, params=params)
        except (PlatformRefused, CredentialsRefused) as refusal:
            if refusal.http_status != 403:
                raise
            return self._pages(refusal.code)
        try:
            job = read(JobStarted, found.data).job_id
        except InvalidInput:
            raise Unreadable("Shoptet did not say which job it began.", code="no_job") from None
        return Piece([], Place(job, number=number).write(), wait_s=LOOKS_S[0])

    def _pages(self, why: str | None) -> Piece:
        log.warning("shoptet.snapshot_by_pages", path=self._path, why=why)
        return Piece([], PAGES.write(), wait_s=0)


def _row(line: bytes) -> Mapping[str, Any]:
    try:
        row = read_json(line)
    except InvalidInput:
        row = None
    if not isinstance(row, dict):
        raise Unreadable("Shoptet's export holds a line that is no JSON.", code="snapshot_line")
    return row
