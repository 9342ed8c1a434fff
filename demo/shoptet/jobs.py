"""Jobs: what a snapshot becomes. They wait until they are worked off; the result is a gzip file of JSON lines."""

import gzip
import json
import secrets
from collections.abc import Callable, Iterable

from demo.shoptet.amounts import Json, shown
from demo.shoptet.entities import Job
from demo.shoptet.envelope import Refused
from demo.shoptet.site import Site
from demo.shoptet.times import DAY_S

FINISHED = "job:finished"
READS_WHILE_WAITING = 10
FAILS_AFTER_S = 3 * 3600
Maker = Callable[[Site, dict[str, str]], Iterable[Json]]


def start(site: Site, endpoint: str, query: dict[str, str]) -> Job:
    """Raises Refused where nobody would hear that the job is done."""
    if not any(each.event == FINISHED for each in site.webhooks.values()):
        message = "You need to register the job:finished webhook before asynchronous requests."
        raise Refused(403, ("webhook-not-registered", message, FINISHED))
    job = Job(secrets.token_hex(4)[:7], endpoint, site.store.now(), query)
    site.jobs[job.id] = job
    return job


def read(site: Site, job: Job) -> None:
    """Count a look at a job that is not done yet. Raises Refused after ten."""
    refresh(site, job)
    if job.status not in {"pending", "running"}:
        return
    job.reads += 1
    if job.reads > READS_WHILE_WAITING:
        message = (
            f'You have exceeded the limit of job detail request for\nunprocessed job "{job.id}". '
            "Please wait for job:finished\nevent after job is completed!"
        )
        raise Refused(403, ("job-detail-try-counter-exceeded-limit", message, job.id))


def refresh(site: Site, job: Job) -> None:
    """What time does to a job: failed after three hours without a word, its result gone after a day."""
    now = site.store.now()
    if job.status == "pending" and now - job.created_at > FAILS_AFTER_S:
        job.status, job.completed_at = "failed", job.created_at + FAILS_AFTER_S
    if job.status == "completed" and job.completed_at is not None and now > job.completed_at + DAY_S:
        job.status, job.content = "expired", b""


def work_off(site: Site, makers: dict[str, Maker], announce: Callable[[str, str], None]) -> int:
    """Do what waits; answers how many jobs were done."""
    with site.job_lock:
        for job in list(site.jobs.values()):
            refresh(site, job)
        waiting = [job for job in list(site.jobs.values()) if job.status == "pending"]
        if site.faults.jobs_hang:
            return 0
        for job in waiting:
            _do(site, job, makers[job.endpoint])
            announce(FINISHED, job.id)
        return len(waiting)


def _do(site: Site, job: Job, make: Maker) -> None:
    job.completed_at = site.store.now()
    if site.faults.jobs_fail:
        job.status = "failed"
        return
    with site.store.lock:
        lines = [json.dumps(shown(row, site.figures), ensure_ascii=False) for row in make(site, job.query)]
    job.content = gzip.compress("".join(f"{line}\n" for line in lines).encode())
    job.file = f"{job.id}-{secrets.token_hex(4)[:7]}.json.gz"
    job.status = "completed"
