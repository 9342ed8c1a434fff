"""How long the identity door takes for a customer who exists and for one who does not: the difference must drown in noise.

In one process and without a network, so that less hides a difference than would from anybody outside. Known and unknown
take turns at random. Beside the median of the known stands that of the unknown; Welch's t says whether they differ.
"""

import logging
import math
import random
import statistics
from dataclasses import replace
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from app.factory import create_app
from app.logs import set_up_logs
from bench.measure import Figure, fresh_world, timed
from core.members import commands as members
from core.ports import Capability
from core.settings import Settings
from tests.core.world import World

APPLICATIONS, PAIRS = 5, 280  # a shop's limit is 600 an hour, and is counted in each application
DIFFER = 4.5


def figures(folder: Path) -> list[Figure]:
    set_up_logs(level=logging.WARNING)
    world = fresh_world(folder / "enumeration")
    world.runtime = replace(
        world.runtime,
        settings=Settings(data_dir=folder, smtp_url="smtp://127.0.0.1:9", mail_from="points@shop.example"),  # type: ignore[arg-type]
        capabilities=lambda _platform: frozenset({Capability.MAILED_IDENTITY}),
    )
    customers = range(1, APPLICATIONS * PAIRS + 1)
    world.tx(lambda session: [_enrol(session, world, str(number)) for number in customers])
    return [
        *_compare(world, "ask for a code, known beside unknown", "proofs", {}),
        *_compare(world, "a wrong code, known beside unknown", "proofs/confirm", {"code": "WRONGWRO"}),
    ]


def _enrol(session: Any, world: World, customer: str) -> None:
    members.enrol(
        session,
        world.runtime.vault,
        world.merchant_id,
        world.shop_id,
        external_id=customer,
        email=f"c{customer}@shop.example",
        joined_by="automatic",
        joined_at=world.now,
        now=world.now,
    )


def _compare(world: World, name: str, path: str, body: dict[str, str]) -> list[Figure]:
    times: dict[bool, list[float]] = {True: [], False: []}
    for round_number in range(APPLICATIONS):
        client = create_app(world.runtime).test_client()
        known = [(True, str(round_number * PAIRS + number)) for number in range(1, PAIRS + 1)]
        asked = known + [(False, f"1{customer:0>5}") for _, customer in known]
        random.shuffle(asked)
        for place, (is_known, customer) in enumerate(asked):
            times[is_known].append(timed(_request(client, world, path, {"customer_id": customer, **body}, place)))
    return [
        Figure(name, "sqlite", _median_us(times[True]), _median_us(times[False]), "us"),
        Figure(f"{name}: t", "sqlite", abs(_welch(times[True], times[False])), None, "", f"<= {DIFFER}"),
    ]


def _request(client: FlaskClient, world: World, path: str, body: dict[str, str], place: int) -> Any:
    """Each from an address of its own, which has a limit too."""
    address = f"10.0.{place // 250}.{place % 250 + 1}"
    shop = world.shop_view()

    def ask() -> None:
        answer = client.post(
            f"/widget/v1/api/{shop.shop_key}/{path}", json=body, environ_overrides={"REMOTE_ADDR": address}
        )
        assert answer.status_code in (202, 403), answer.text

    return ask


def _median_us(times: list[float]) -> float:
    return statistics.median(times) * 1e6


def _welch(ours: list[float], theirs: list[float]) -> float:
    """Of the middle four fifths of each: a pause of the machine is no property of a customer."""
    first, second = (_middle(times) for times in (ours, theirs))
    spread = math.sqrt(statistics.variance(first) / len(first) + statistics.variance(second) / len(second))
    return (statistics.mean(first) - statistics.mean(second)) / spread


def _middle(times: list[float]) -> list[float]:
    cut = len(times) // 10
    return sorted(times)[cut:-cut]
