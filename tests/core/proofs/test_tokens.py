"""The token of a remembered browser: good for one customer of one shop, for 120 days, and for nobody else."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet

from core.errors import SignatureInvalid
from core.ids import MerchantId, ShopId
from core.proofs import tokens
from core.proofs.tokens import Remembered
from core.sealing import Vault

VAULT = Vault([Fernet.generate_key()])
NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
OURS = {"merchant_id": MerchantId("a" * 32), "shop_id": ShopId("b" * 32)}
CUSTOMER = "2f6c1a52-5b9c-11ef-9c1f-0242ac120002"
TOKEN = tokens.issue(VAULT, **OURS, customer_id=CUSTOMER, version=3, now=NOW)


def read(token: str = TOKEN, *, vault: Vault = VAULT, now: datetime = NOW, **changes: Any) -> Remembered:
    return tokens.read(vault, **{**OURS, **changes}, token=token, now=now)


def test_a_token_says_who_and_which_version() -> None:
    assert read() == Remembered(CUSTOMER, 3)
    assert len(TOKEN) <= tokens.LONGEST


@pytest.mark.parametrize("customer_id", ["1", "a" * 64, "A-0"])
def test_every_id_of_the_form_comes_back(customer_id: str) -> None:
    token = tokens.issue(VAULT, **OURS, customer_id=customer_id, version=0, now=NOW)

    assert len(token) <= tokens.LONGEST
    assert read(token).customer_id == customer_id


def test_a_token_is_good_for_120_days() -> None:
    assert read(now=NOW + timedelta(days=120, seconds=-1))
    with pytest.raises(SignatureInvalid):
        read(now=NOW + timedelta(days=120))


@pytest.mark.parametrize("changes", [{"merchant_id": MerchantId("c" * 32)}, {"shop_id": ShopId("c" * 32)}])
def test_another_shops_token_is_none(changes: dict[str, Any]) -> None:
    with pytest.raises(SignatureInvalid):
        read(**changes)


def test_another_servers_token_is_none() -> None:
    with pytest.raises(SignatureInvalid):
        read(vault=Vault([Fernet.generate_key()]))


def test_no_part_of_a_token_can_be_another() -> None:
    parts = TOKEN.split(".")
    other = tokens.issue(VAULT, **OURS, customer_id="8", version=4, now=NOW + timedelta(days=1)).split(".")

    for place in range(4):
        with pytest.raises(SignatureInvalid):
            read(".".join([*parts[:place], other[place], *parts[place + 1 :]]))


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "...",
        "x",
        TOKEN[:-1],
        TOKEN + "0",
        TOKEN + "\n",
        TOKEN.upper(),
        "ž" * 50,
        "\x00",
        "a." * 5000,
        TOKEN * 9,
    ],
)
def test_what_is_no_token_is_refused_like_any_other(token: str) -> None:
    with pytest.raises(SignatureInvalid):
        read(token)


def test_a_token_that_was_cut_to_the_longest_length_is_refused() -> None:
    with pytest.raises(SignatureInvalid):
        read(TOKEN + "." * tokens.LONGEST)
