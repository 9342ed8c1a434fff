"""Jobs of the fake Shoptet: snapshots, their files, and what time and trouble do to them."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.demo.shoptet_world import Json, World, contract_in, opened
from tests.demo.world import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as listening:
        yield listening


@pytest.fixture
def world(receiver: Receiver) -> Iterator[World]:
    with opened(order_count=12, customer_count=6) as world:
        world.listen(receiver, "job:finished")
        yield world


def job(world: World, job_id: str) -> Json:
    found: Json = world.get(f"/api/system/jobs/{job_id}")["job"]
    return found


def lines(world: World, job_id: str) -> list[Any]:
    answer = requests.get(job(world, job_id)["resultUrl"], timeout=20)
    assert answer.status_code == 200
    assert "Content-Encoding" not in answer.headers
    return [json.loads(line) for line in gzip.decompress(answer.content).decode().splitlines()]


def start(world: World, path: str) -> str:
    answer = world.call("GET", path)
    assert answer.status_code == 202
    found: str = answer.json()["data"]["jobId"]
    return found


def test_a_snapshot_is_refused_where_nobody_would_hear_of_its_end() -> None:
    with opened() as world:
        assert world.refused("GET", "/api/orders/snapshot")[0] == 403
        assert world.shop.site.jobs == {}


def test_a_snapshot_becomes_a_file_of_the_details_and_its_end_is_told(world: World, receiver: Receiver) -> None:
    job_id = start(world, "/api/orders/snapshot?include=notes")
    before = job(world, job_id)
    world.shop.deliver_pending()
    after = job(world, job_id)
    told = [json.loads(got.body) for got in receiver.deliveries()]

    assert (before["status"], before["resultUrl"]) == ("pending", None)
    assert after["status"] == "completed"
    assert [(each["event"], each["eventInstance"]) for each in told] == [("job:finished", job_id)]
    rows = lines(world, job_id)
    assert len(rows) == 12
    for row in rows:
        assert row == world.get(f"/api/orders/{row['code']}?include=notes")["order"]


def test_the_filters_of_a_snapshot_are_those_of_the_list(world: World) -> None:
    codes = [row["code"] for row in world.get("/api/orders")["orders"]]
    some = start(world, f"/api/orders/snapshot?orderCodes={codes[0]},{codes[3]}")
    old = start(world, "/api/orders/snapshot?creationTimeTo=2026-05-01T00:00:00%2B0200")
    world.shop.finish_jobs()

    assert {row["code"] for row in lines(world, some)} == {codes[0], codes[3]}
    wanted = {row["code"] for row in world.get("/api/orders?creationTimeTo=2026-05-01T00:00:00%2B0200")["orders"]}
    assert {row["code"] for row in lines(world, old)} == wanted
    assert 0 < len(wanted) < 12


def test_there_are_snapshots_of_customers_coupons_and_credit_notes(world: World) -> None:
    world.shop.credit(max(world.shop.store.orders), amount="1.00")
    paths = ("/api/customers/snapshot", "/api/discount-coupons/snapshot", "/api/credit-notes/snapshot")
    people, codes, notes = (start(world, path) for path in paths)
    world.shop.finish_jobs()

    assert {each["guid"] for each in lines(world, people)} == {
        each["guid"] for each in world.get("/api/customers")["customers"]
    }
    assert {each["code"] for each in lines(world, codes)} == {"WELCOME5", "SPRING10"}
    assert len(lines(world, notes)) == len(world.shop.site.credit_notes) > 0


def test_a_job_that_waits_may_be_looked_at_ten_times(world: World, contracts_dir: Path) -> None:
    job_id = start(world, "/api/customers/snapshot")
    seen = [world.call("GET", f"/api/system/jobs/{job_id}").status_code for _ in range(11)]
    refused = world.call("GET", f"/api/system/jobs/{job_id}").json()["errors"][0]
    sample = contract_in(contracts_dir).sample("error_job_403")["errors"][0]
    world.shop.finish_jobs()

    assert seen == [200] * 10 + [403]
    assert refused["errorCode"] == sample["errorCode"]
    assert refused["message"] == sample["message"].replace(sample["instance"], job_id)
    assert job(world, job_id)["status"] == "completed"


def test_a_result_is_there_for_a_day(world: World) -> None:
    job_id = start(world, "/api/customers/snapshot")
    world.shop.finish_jobs()
    url = job(world, job_id)["resultUrl"]
    world.clock.turn(86_400)
    last = requests.get(url, timeout=20).status_code
    world.clock.turn(1)
    world.token = world.shop.access_token()

    assert (last, requests.get(url, timeout=20).status_code) == (200, 404)
    assert job(world, job_id)["status"] == "expired"


def test_a_job_that_fails_is_told_and_has_no_file(world: World, receiver: Receiver) -> None:
    world.shop.faults.jobs_fail = True
    job_id = start(world, "/api/customers/snapshot")
    world.shop.deliver_pending()

    assert (job(world, job_id)["status"], job(world, job_id)["resultUrl"]) == ("failed", None)
    assert len(receiver.deliveries()) == 1


def test_a_job_that_hangs_has_failed_after_three_hours_without_a_word(world: World, receiver: Receiver) -> None:
    world.shop.faults.jobs_hang = True
    job_id = start(world, "/api/customers/snapshot")
    world.clock.turn(3 * 3600 + 1)
    world.shop.faults.jobs_hang = False
    world.shop.deliver_pending()
    world.token = world.shop.access_token()

    assert job(world, job_id)["status"] == "failed"
    assert receiver.deliveries() == []


def test_the_list_of_jobs_can_be_asked_by_status(world: World) -> None:
    done = start(world, "/api/customers/snapshot")
    world.shop.finish_jobs()
    waiting = start(world, "/api/orders/snapshot")

    assert [each["jobId"] for each in world.get("/api/system/jobs?status=completed")["jobs"]] == [done]
    assert [each["jobId"] for each in world.get("/api/system/jobs?status=pending")["jobs"]] == [waiting]
