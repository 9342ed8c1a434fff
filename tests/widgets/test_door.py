"""The HTTP contract of the widget's door: who may ask, what is answered, what never leaks."""

import gzip
import uuid
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from pydantic import TypeAdapter

from core.commerce import OrderState
from core.db.engine import run_tx
from core.merchants import commands, preview
from tests.widgets.house import START, House
from widgets import routes
from widgets.shapes import Config, History, Me, Redemption


def test_config_tells_the_loader_how_to_look(house: House) -> None:
    answer = house.call("GET", "config?lang=cs", customer=None)

    assert answer.status_code == 200
    body = TypeAdapter(Config).validate_python(answer.json, strict=True, extra="forbid")
    assert (body["state"], body["lang"], body["program"]) == ("live", "cs", "Linden Club")
    assert body["earn"][0]["text"] == "3 body za 1,00\xa0€"
    assert answer.headers["Cache-Control"] == "public, max-age=60"


def test_config_answers_304_to_what_the_browser_has(house: House) -> None:
    first = house.call("GET", "config", customer=None)

    again = house.call("GET", "config", customer=None, headers={"If-None-Match": first.headers["ETag"]})

    assert (again.status_code, again.data) == (304, b"")


def test_config_in_a_language_we_do_not_have_is_english(house: House) -> None:
    assert house.call("GET", "config?lang=xx", customer=None).json["lang"] == "en"


def test_the_files_named_by_config_are_there_for_ever(house: House) -> None:
    config = house.call("GET", "config", customer=None).json

    for name in (config["panel"], config["texts"]):
        answer = house.client().get(f"/widget/v1/{name}")
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_file_of_an_older_version_is_served_but_not_kept(house: House) -> None:
    answer = house.client().get("/widget/v1/static/0000000000000000/panel.js")

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert house.client().get("/widget/v1/static/x/..%2froutes.py").status_code == 404


def test_the_loader_is_the_same_for_everyone(house: House) -> None:
    answer = house.client().get("/widget/v1/loader.js")

    assert answer.content_type == "text/javascript; charset=utf-8"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "Set-Cookie" not in answer.headers


def test_files_travel_packed_to_those_who_can_unpack(house: House) -> None:
    plain = house.client().get("/widget/v1/loader.js")
    packed = house.client().get("/widget/v1/loader.js", headers={"Accept-Encoding": "gzip, br"})

    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert len(packed.data) <= 4000
    assert "Accept-Encoding" in packed.headers["Vary"]
    again = house.client().get("/widget/v1/loader.js", headers={"If-None-Match": packed.headers["ETag"]})
    assert again.status_code == 304


def test_before_the_launch_only_staff_see_it(house: House) -> None:
    house.launch("staff")
    token = preview.preview_token(house.runtime.vault, house.shop.shop_key, expires_at=START + timedelta(hours=1))

    assert house.call("GET", "config", customer=None).json == {"state": "hidden"}
    assert house.call("GET", f"config?preview={token}", customer=None).json["state"] == "staff"
    assert house.call("GET", f"config?preview={token}", customer=None).headers["Cache-Control"] == "no-store"
    assert house.call("GET", f"config?preview={token[:-1]}x", customer=None).json == {"state": "hidden"}
    assert house.call("GET", "config?preview=1.x", customer=None).json == {"state": "hidden"}
    house.now += timedelta(hours=2)
    assert house.call("GET", f"config?preview={token}", customer=None).json == {"state": "hidden"}


def test_a_preview_of_another_shop_shows_nothing(house: House) -> None:
    house.launch("staff")
    token = preview.preview_token(house.runtime.vault, "f" * 32, expires_at=START + timedelta(hours=1))

    assert house.call("GET", f"config?preview={token}", customer=None).json == {"state": "hidden"}


def test_a_paused_program_is_shown_as_paused(house: House) -> None:
    house.launch("paused")
    house.give(500)

    assert house.call("GET", "config", customer=None).json["state"] == "paused"
    redeem = house.call("GET", "me").json["redeem"]
    assert (redeem["allowed"], redeem["reason"]) == (False, "paused")


# -- who may ask


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://shop.example",
        "https://shop.example:8443",
        "https://shop.example.evil.example",
        "null",
    ],
)
@pytest.mark.parametrize("path", ["config", "me", "history"])
def test_pages_of_other_sites_are_refused(house: House, origin: str, path: str) -> None:
    answer = house.call("GET", path, origin=origin)

    assert answer.status_code == 403
    assert answer.json["error"]["code"] == "wrong_origin"
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "Origin" in answer.headers["Vary"]


def test_the_shops_own_page_may_ask(house: House) -> None:
    answer = house.call("GET", "me")

    assert answer.headers["Access-Control-Allow-Origin"] == house.shop.base_url
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_a_preflight_is_good_for_two_hours(house: House) -> None:
    asked = {"Access-Control-Request-Method": "DELETE", "Access-Control-Request-Headers": "authorization"}

    good = house.call("OPTIONS", "redemptions/x", customer=None, headers=asked)
    bad = house.call("OPTIONS", "redemptions/x", customer=None, origin="https://evil.example", headers=asked)

    assert (good.status_code, good.headers["Access-Control-Max-Age"]) == (204, "7200")
    assert "DELETE" in good.headers["Access-Control-Allow-Methods"]
    assert bad.status_code == 403
    assert "Access-Control-Allow-Methods" not in bad.headers


FORGED = {
    "none at all": lambda house: None,
    "not a token": lambda house: "x.y.z",
    "another key": lambda house: house.token(key="A" * 43),
    "unknown kid": lambda house: house.token(kid="ffffffff"),
    "no algorithm": lambda house: house.token(alg="none"),
    "another algorithm": lambda house: house.token(alg="HS512"),
    "expired": lambda house: house.token(exp=int((START - timedelta(minutes=5)).timestamp()), iat=1),
    "from the future": lambda house: house.token(iat=int((START + timedelta(minutes=5)).timestamp())),
    "too long a life": lambda house: house.token(exp=int((START + timedelta(days=1)).timestamp())),
    "another audience": lambda house: house.token(aud="f" * 32),
    "list of audiences": lambda house: house.token(aud=[house.shop.shop_key]),
    "another issuer": lambda house: house.token(iss="https://evil.example"),
    "no customer": lambda house: house.token("0"),
    "an e-mail": lambda house: house.token("anna@example.com"),
    "number as subject": lambda house: house.token(sub=7),
    "no jti": lambda house: house.token(jti=""),
}
PERSONAL = [
    ("GET", "me", None),
    ("POST", "join", {}),
    ("GET", "history", None),
    ("POST", "redemptions", {"points": 100, "idempotency_key": "0123456789abcdef"}),
    ("GET", "redemptions/x", None),
    ("DELETE", "redemptions/x", None),
]


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
@pytest.mark.parametrize("how", FORGED)
def test_a_wrong_token_gets_one_and_the_same_answer(house: House, how: str) -> None:
    reference = house.call("GET", "me", token="x")

    for method, path, body in PERSONAL:
        answer = house.call(method, path, body=body, token=FORGED[how](house))
        assert (answer.status_code, answer.data) == (401, reference.data), (how, path)
        assert answer.headers["Cache-Control"] == "no-store"


def test_an_unknown_shop_answers_like_a_wrong_token(house: House) -> None:
    for key in ("f" * 32, "nonsense"):
        answer = house.call("GET", "me", shop_key=key, origin=None)
        assert (answer.status_code, answer.data) == (401, house.call("GET", "me", token="x").data)


def test_a_token_of_a_disconnected_shop_is_refused(house: House) -> None:
    token = house.token()
    run_tx(
        house.runtime.db,
        lambda session: commands.disconnect_shop(session, house.merchant_id, house.shop.shop_id, now=house.now),
    )

    assert house.call("GET", "me", token=token).status_code == 401
    assert house.call("GET", "config", customer=None).json == {"state": "hidden"}


def test_personal_answers_are_never_kept(house: House) -> None:
    for answer in (house.call("GET", "me"), house.call("POST", "join", body={}), house.call("GET", "history")):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Set-Cookie" not in answer.headers


# -- joining, balance


def test_a_customer_who_has_not_joined_can_join(house: House) -> None:
    assert house.call("GET", "me").json["points"] is None

    joined = house.call("POST", "join", body={})
    again = house.call("POST", "join", body={})

    assert (joined.status_code, again.status_code) == (201, 201)
    assert joined.json["points"] == {"available": 0, "pending": 0, "held": 0, "debt": 0}
    assert house.wakes > 0


def test_joining_does_not_depend_on_the_shop(house: House) -> None:
    house.platform.down = True

    assert house.call("POST", "join", body={}).status_code == 201


def test_me_says_what_there_is_and_what_comes(house: House) -> None:
    house.give(380, expires_at=datetime(2026, 12, 30, 23, tzinfo=UTC))  # midnight in Prague
    house.order("1042", gross=4840)

    answer = house.call("GET", "me")

    body = TypeAdapter(Me).validate_python(answer.json, strict=True, extra="forbid")
    assert body["points"] == {"available": 380, "pending": 145, "held": 0, "debt": 0}
    assert body["value"] == {"minor": 380, "currency": "EUR", "digits": 2}
    assert body["pending"] == {"points": 145, "on": "2026-12-06"}
    assert body["expiring"] == {"points": 380, "through": "2026-12-30"}
    assert body["goal"] == {"points": 500, "missing": 120, "value": {"minor": 500, "currency": "EUR", "digits": 2}}
    assert body["redeem"]["allowed"]
    assert (body["redeem"]["minimum"], body["redeem"]["maximum"], body["redeem"]["step"]) == (100, 380, 1)
    assert body["order"] is None


def test_me_says_what_an_order_brought_to_its_owner_alone(house: House) -> None:
    house.member("7"), house.member("8")
    house.order("1042", gross=4840, customer="7")

    assert house.call("GET", "me?order=1042").json["order"] == {"points": 145}
    assert house.call("GET", "me?order=1042", customer="8").json["order"] is None
    assert house.call("GET", "me?order=9999").json["order"] is None


def test_a_member_in_debt_cannot_redeem_and_is_told_why(house: House) -> None:
    house.give(100)
    house.order("1", gross=10000)
    house.now += timedelta(days=20)
    house.redeem(400)
    house.order("1", gross=10000, state=OrderState.CANCELLED)

    body = house.call("GET", "me").json

    assert body["points"]["debt"] < 0
    assert body["goal"] is None
    assert body["redeem"]["reason"] == "debt"


def test_redeeming_can_be_stopped(house: House) -> None:
    house.give(500)
    house.stop_redeeming()

    assert house.call("GET", "me?lang=pl").json["redeem"]["message"].startswith("Punktów nie można")
    refused = house.redeem(100)
    assert (refused.status_code, refused.json["error"]["code"]) == (409, "redeeming_stopped")


# -- history


def test_history_comes_in_pages_newest_first(house: House) -> None:
    for number in range(45):
        house.give(1, note=f"note {number}")

    first = house.call("GET", "history").json
    second = house.call("GET", f"history?cursor={first['next']}").json
    third = house.call("GET", f"history?cursor={second['next']}").json

    TypeAdapter(History).validate_python(first, strict=True, extra="forbid")
    notes = [item["note"] for page in (first, second, third) for item in page["items"]]
    assert notes == [f"note {number}" for number in reversed(range(45))]
    assert third["next"] is None


@pytest.mark.parametrize("cursor", ["x", "-1", "1e3", "", "9" * 30, "١"])
def test_a_strange_cursor_is_refused(house: House, cursor: str) -> None:
    house.member()

    assert house.call("GET", f"history?cursor={cursor}").status_code == 400


# -- redeeming


def test_redeeming_gives_a_code_at_once(house: House) -> None:
    house.give(500)

    answer = house.redeem(300)

    assert answer.status_code == 201
    body = TypeAdapter(Redemption).validate_python(answer.json, strict=True, extra="forbid")
    assert (body["state"], body["points"], body["value"]["minor"]) == ("ready", 300, 300)
    assert body["code"] in house.platform.issued
    assert house.call("GET", "me").json["points"]["held"] == 300
    assert [code["id"] for code in house.call("GET", "me").json["codes"]] == [body["id"]]


def test_asking_twice_with_one_key_redeems_once(house: House) -> None:
    house.give(500)
    key = uuid.uuid4().hex

    first, second = house.redeem(300, key=key), house.redeem(300, key=key)
    other = house.redeem(200, key=key)

    assert first.json["id"] == second.json["id"]
    assert (other.status_code, other.json["error"]["code"]) == (409, "conflict")
    assert house.call("GET", "me").json["points"]["available"] == 200


def test_a_shop_that_does_not_answer_makes_the_code_late(house: House) -> None:
    house.give(500)
    house.platform.down = True

    answer = house.redeem(300)

    assert (answer.status_code, answer.json["state"], answer.json["code"]) == (202, "preparing", None)
    assert house.call("GET", f"redemptions/{answer.json['id']}").json["state"] == "preparing"


def test_a_shop_that_is_slow_is_not_waited_for(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "SHOP_WAIT_S", 0.05)
    house.give(500)
    go_on = Event()
    house.platform.before_issue = lambda: bool(go_on.wait(5)) or None

    answer = house.redeem(300)
    go_on.set()

    assert (answer.status_code, answer.json["state"]) == (202, "preparing")
    for _ in range(100):
        if house.call("GET", f"redemptions/{answer.json['id']}").json["state"] == "ready":
            break
        Event().wait(0.02)
    else:
        pytest.fail("the call under way was not finished")


def test_a_code_can_be_given_back(house: House) -> None:
    house.give(500)
    made = house.redeem(300).json

    answer = house.call("DELETE", f"redemptions/{made['id']}")

    assert (answer.status_code, answer.json["state"], answer.json["code"]) == (200, "ended", None)
    assert house.platform.issued == {}
    assert house.call("GET", "me").json["points"]["available"] == 500


def test_giving_back_waits_for_a_shop_that_is_down(house: House) -> None:
    house.give(500)
    made = house.redeem(300).json
    house.platform.down = True

    answer = house.call("DELETE", f"redemptions/{made['id']}")

    assert (answer.status_code, answer.json["state"], answer.json["code"]) == (202, "ending", None)
    assert house.call("GET", "me").json["points"]["held"] == 300


def test_another_members_code_is_as_good_as_none(house: House) -> None:
    house.give(500)
    made = house.redeem(300).json
    house.member("8")

    for method in ("GET", "DELETE"):
        theirs = house.call(method, f"redemptions/{made['id']}", customer="8")
        nobodys = house.call(method, "redemptions/0190b8a0000070008000000000000000", customer="8")
        assert (theirs.status_code, theirs.data) == (nobodys.status_code, nobodys.data)
        assert theirs.status_code == 404
        assert house.call(method, "redemptions/xyz", customer="8").status_code == 404
    assert house.call("GET", f"redemptions/{made['id']}").json["state"] == "ready"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"points": 100},
        {"points": "100", "idempotency_key": "0123456789abcdef"},
        {"points": 100.5, "idempotency_key": "0123456789abcdef"},
        {"points": 0, "idempotency_key": "0123456789abcdef"},
        {"points": -100, "idempotency_key": "0123456789abcdef"},
        {"points": 10**12, "idempotency_key": "0123456789abcdef"},
        {"points": True, "idempotency_key": "0123456789abcdef"},
        {"points": 100, "idempotency_key": "short"},
        {"points": 100, "idempotency_key": "0123456789abcdef", "member_id": "x"},
        [],
    ],
)
def test_a_redemption_that_is_not_as_documented_is_refused(house: House, body: object) -> None:
    house.give(500)

    answer = house.call("POST", "redemptions", body=body)

    assert (answer.status_code, answer.json["error"]["code"]) == (400, "invalid")
    assert house.call("GET", "me").json["points"]["held"] == 0


def test_a_form_cannot_redeem(house: House) -> None:
    house.give(500)

    answer = house.call(
        "POST", "redemptions", data='{"points":100,"idempotency_key":"0123456789abcdef"}', content_type="text/plain"
    )

    assert answer.status_code == 400


@pytest.mark.parametrize(("points", "code"), [(50, "below_minimum"), (501, "above_maximum")])
def test_a_refusal_says_why_in_the_shoppers_language(house: House, points: int, code: str) -> None:
    house.give(500)

    answer = house.call("POST", "redemptions?lang=cs", body={"points": points, "idempotency_key": uuid.uuid4().hex})

    assert (answer.status_code, answer.json["error"]["code"]) == (409, code)
    assert answer.json["error"]["message"].endswith("uplatnit najednou.")


# -- hints and limits


def test_a_hint_gets_the_same_answer_whatever_it_says(house: House) -> None:
    known = house.call("POST", "hint", body={"order": "1042"})
    guest = house.call("POST", "hint", body={"order": "1042"}, customer=None)
    forged = house.call("POST", "hint", body={"order": "1042"}, token="x")

    assert [answer.status_code for answer in (known, guest, forged)] == [202, 202, 202]
    assert known.data == guest.data == forged.data
    assert house.wakes == 1


def test_limits_count_per_member_and_say_when_to_come_back(house: House) -> None:
    house.give(500), house.give(500, "8")

    answers = [house.redeem(5000, key=uuid.uuid4().hex).status_code for _ in range(11)]
    other = house.redeem(100, customer="8")

    assert answers == [409] * 10 + [429]
    assert other.status_code == 201


def test_hints_are_limited_per_address(house: House) -> None:
    answers = [house.call("POST", "hint", body={"order": "1"}, customer=None).status_code for _ in range(11)]

    assert answers == [202] * 10 + [429]


def test_config_is_limited_per_address_and_says_when_to_come_back(house: House) -> None:
    answers = [house.call("GET", "config", customer=None) for _ in range(121)]

    assert [answer.status_code for answer in answers[:120]] == [200] * 120
    assert (answers[120].status_code, answers[120].headers["Retry-After"]) == (429, "60")


def test_a_way_that_does_not_exist_is_refused_in_our_own_shape(house: House) -> None:
    answer = house.call("PUT", "config", customer=None)

    assert answer.status_code == 405
    assert answer.headers["Cache-Control"] == "no-store"
