"""Staff: set-up, invitation, sign-in, roles; and the audit."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from core.db.engine import Database, reading, run_tx, unit_of_work
from core.errors import Conflict, InvalidInput, NotAllowed, NotFound, Refused
from core.ids import MerchantId
from core.merchants import audit, commands, queries, staff
from core.merchants.staff import Role, StaffView

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
PASSWORD = "a horse, a battery"
UNIFORM = "The e-mail address or the password is not right"


def set_up(db: Database, *, email: str = "Olga@Bean.example") -> StaffView:
    with unit_of_work(db) as session:
        token = staff.create_set_up_link(session, now=NOW)
        return staff.set_up(
            session,
            token,
            email=email,
            name="Olga",
            password=PASSWORD,
            merchant_name="Bean and Leaf",
            timezone="Europe/Prague",
            now=NOW,
        )


def test_the_set_up_link_makes_a_merchant_and_its_owner_once(db: Database) -> None:
    with unit_of_work(db) as session:
        token = staff.create_set_up_link(session, now=NOW)
        assert staff.set_up_link_is_good(session, token, NOW)
    details = {"name": "Olga", "password": PASSWORD, "merchant_name": "Bean", "timezone": "Europe/Prague", "now": NOW}

    with unit_of_work(db) as session:
        owner = staff.set_up(session, token, email="Olga@Bean.example", **details)

    assert (owner.email, owner.role, owner.active, owner.invited) == ("olga@bean.example", Role.OWNER, True, False)
    with reading(db) as session:
        assert queries.merchant(session, owner.merchant_id).name == "Bean"
        assert not staff.set_up_link_is_good(session, token, NOW)
    with pytest.raises(NotAllowed), unit_of_work(db) as session:
        staff.set_up(session, token, email="eve@bean.example", **details)


def test_of_two_who_use_one_set_up_link_at_once_one_comes_in(db: Database) -> None:
    with unit_of_work(db) as session:
        token = staff.create_set_up_link(session, now=NOW)

    def attempt(number: int) -> bool:
        try:
            with unit_of_work(db) as session:
                staff.set_up(
                    session,
                    token,
                    email=f"{number}@bean.example",
                    name="",
                    password=PASSWORD,
                    merchant_name="Bean",
                    timezone="Europe/Prague",
                    now=NOW,
                )
            return True
        except NotAllowed:
            return False

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(attempt, range(4))) == 1
    with reading(db) as session:
        assert len(queries.all_merchants(session)) == 1


def test_a_refused_set_up_leaves_the_link_good(db: Database) -> None:
    with unit_of_work(db) as session:
        token = staff.create_set_up_link(session, now=NOW)
    details = {"name": "Olga", "merchant_name": "Bean", "timezone": "Europe/Prague", "now": NOW}

    with pytest.raises(InvalidInput), unit_of_work(db) as session:
        staff.set_up(session, token, email="olga@bean.example", password="short", **details)

    with reading(db) as session:
        assert staff.set_up_link_is_good(session, token, NOW)
        assert not staff.set_up_link_is_good(session, token, NOW + timedelta(days=7))


def test_tokens_are_stored_by_digest_only(db: Database) -> None:
    with unit_of_work(db) as session:
        token = staff.create_set_up_link(session, now=NOW)
        stored = session.connection().exec_driver_sql("SELECT digest FROM directory_tokens").scalar_one()

    assert token not in stored
    assert len(stored) == 64


def test_sign_in_takes_any_case_of_the_address_and_notes_the_time(db: Database) -> None:
    owner = set_up(db)

    with unit_of_work(db) as session:
        person = staff.sign_in(session, " OLGA@bean.example ", PASSWORD, NOW + timedelta(hours=1))

    assert person.staff_id == owner.staff_id
    with reading(db) as session:
        again = staff.staff(session, owner.merchant_id, owner.staff_id)
        assert again.last_signed_in_at == NOW + timedelta(hours=1)


def test_every_refused_sign_in_looks_alike(db: Database) -> None:
    owner = set_up(db)
    with unit_of_work(db) as session:
        staff.invite(session, owner.merchant_id, email="new@bean.example", name="", role=Role.SUPPORT, now=NOW)
        gone = staff.create(
            session,
            owner.merchant_id,
            email="gone@bean.example",
            name="",
            role=Role.SUPPORT,
            password=PASSWORD,
            now=NOW,
        )
        staff.deactivate(session, owner.merchant_id, gone.staff_id, now=NOW)

    attempts = [
        ("olga@bean.example", "wrong password"),
        ("nobody@bean.example", PASSWORD),
        ("new@bean.example", ""),
        ("new@bean.example", "nobody's password"),
        ("gone@bean.example", PASSWORD),
        ("", ""),
        ("olga@bean.example", "x" * 100_000),
    ]
    for email, password in attempts:
        with reading(db) as session, pytest.raises(NotAllowed) as refusal:
            staff.verify_password(session, email, password)
        assert refusal.value.message == UNIFORM


def test_an_invitation_is_accepted_once_and_a_new_link_makes_the_old_one_worthless(db: Database) -> None:
    owner = set_up(db)
    with unit_of_work(db) as session:
        first = staff.invite(
            session, owner.merchant_id, email="sam@bean.example", name="Sam", role=Role.SUPPORT, now=NOW
        )
        sam = staff.link_owner(session, first, NOW)
        second = staff.reset(session, owner.merchant_id, sam.staff_id, now=NOW)
    assert sam.invited

    with unit_of_work(db) as session, pytest.raises(NotAllowed):
        staff.accept(session, first, PASSWORD, NOW)
    with unit_of_work(db) as session:
        accepted = staff.accept(session, second, PASSWORD, NOW)
    with unit_of_work(db) as session, pytest.raises(NotAllowed):
        staff.accept(session, second, "another password", NOW)

    assert (accepted.email, accepted.role, accepted.invited) == ("sam@bean.example", Role.SUPPORT, False)
    with reading(db) as session:
        staff.verify_password(session, "sam@bean.example", PASSWORD)


def test_links_expire(db: Database) -> None:
    owner = set_up(db)
    with unit_of_work(db) as session:
        invitation = staff.invite(
            session, owner.merchant_id, email="sam@bean.example", name="", role=Role.SUPPORT, now=NOW
        )
        reset = staff.reset(session, owner.merchant_id, owner.staff_id, now=NOW)

        for token, lifetime in ((invitation, timedelta(days=7)), (reset, timedelta(hours=24))):
            staff.link_owner(session, token, NOW + lifetime - timedelta(seconds=1))
            with pytest.raises(NotAllowed):
                staff.accept(session, token, PASSWORD, NOW + lifetime)


def test_a_new_password_ends_all_sessions(db: Database) -> None:
    owner = set_up(db)

    with unit_of_work(db) as session:
        token = staff.reset(session, owner.merchant_id, owner.staff_id, now=NOW)
        after_reset = staff.accept(session, token, "another password", NOW)
        with pytest.raises(NotAllowed):
            staff.change_password(session, owner.merchant_id, owner.staff_id, old=PASSWORD, new=PASSWORD, now=NOW)
        after_change = staff.change_password(
            session, owner.merchant_id, owner.staff_id, old="another password", new=PASSWORD, now=NOW
        )

    assert owner.session_epoch < after_reset.session_epoch < after_change.session_epoch


def test_an_address_signs_in_for_one_merchant_only(db: Database) -> None:
    set_up(db)

    with pytest.raises(Conflict):
        set_up(db, email="olga@BEAN.example")


@pytest.mark.parametrize(
    "email", ["", "olga", "olga@", "@bean.example", "o lga@bean.example", "olga@bean", "a" * 250 + "@b.cz"]
)
def test_what_is_no_address_is_refused(email: str) -> None:
    with pytest.raises(InvalidInput):
        staff.normal_email(email)


@pytest.mark.parametrize("password", ["short", "PASSWORD1234", "aaaaaaaaaaaaaaaa", "olga@bean.example", "x" * 257])
def test_an_easy_password_is_refused(password: str) -> None:
    with pytest.raises(InvalidInput):
        staff.check_password(password, email="olga@bean.example")


def add_owner(db: Database, merchant_id: MerchantId, email: str) -> StaffView:
    with unit_of_work(db) as session:
        return staff.create(session, merchant_id, email=email, name="", role=Role.OWNER, password=PASSWORD, now=NOW)


def test_the_last_owner_stays(db: Database) -> None:
    owner = set_up(db)
    which = (owner.merchant_id, owner.staff_id)
    with unit_of_work(db) as session:
        staff.invite(session, owner.merchant_id, email="invited@bean.example", name="", role=Role.OWNER, now=NOW)

    with unit_of_work(db) as session:
        with pytest.raises(Refused):
            staff.deactivate(session, *which, now=NOW)
        with pytest.raises(Refused):
            staff.change_role(session, *which, Role.MANAGER)
    add_owner(db, owner.merchant_id, "second@bean.example")
    with unit_of_work(db) as session:
        staff.change_role(session, *which, Role.MANAGER)
        assert staff.staff(session, *which).role is Role.MANAGER


def test_two_owners_who_remove_each_other_at_once_do_not_both_succeed(db: Database) -> None:
    first = set_up(db)
    second = add_owner(db, first.merchant_id, "second@bean.example")

    def remove(person: StaffView) -> bool:
        try:
            run_tx(db, lambda session: staff.deactivate(session, person.merchant_id, person.staff_id, now=NOW))
            return True
        except Refused:
            return False

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(remove, [first, second])) == 1


def test_deactivating_ends_sessions_and_links_and_can_be_taken_back(db: Database) -> None:
    owner = set_up(db)
    with unit_of_work(db) as session:
        link = staff.invite(session, owner.merchant_id, email="sam@bean.example", name="", role=Role.SUPPORT, now=NOW)
        sam = staff.link_owner(session, link, NOW)
        staff.deactivate(session, owner.merchant_id, sam.staff_id, now=NOW)

        with pytest.raises(NotAllowed):
            staff.accept(session, link, PASSWORD, NOW)
        with pytest.raises(Refused):
            staff.reset(session, owner.merchant_id, sam.staff_id, now=NOW)
        assert staff.staff(session, owner.merchant_id, sam.staff_id).session_epoch > sam.session_epoch
        staff.activate(session, owner.merchant_id, sam.staff_id)
        with pytest.raises(NotAllowed):
            staff.accept(session, link, PASSWORD, NOW)


def test_a_person_of_another_merchant_is_not_found(db: Database) -> None:
    owner = set_up(db)
    other = set_up(db, email="other@leaf.example")
    which = (owner.merchant_id, other.staff_id)

    with unit_of_work(db) as session:
        for attempt in (
            lambda: staff.staff(session, *which),
            lambda: staff.reset(session, *which, now=NOW),
            lambda: staff.change_role(session, *which, Role.SUPPORT),
            lambda: staff.deactivate(session, *which, now=NOW),
            lambda: staff.activate(session, *which),
            lambda: staff.end_sessions(session, *which),
        ):
            with pytest.raises(NotFound):
                attempt()


def test_the_audit_is_read_newest_first_page_by_page(db: Database) -> None:
    with unit_of_work(db) as session:
        merchant_id = commands.create_merchant(session, name="Bean", timezone="Europe/Prague", now=NOW)
        other = commands.create_merchant(session, name="Other", timezone="Europe/Prague", now=NOW)
        for number in range(7):
            audit.record(
                session,
                merchant_id,
                actor_kind="system",
                actor_id=None,
                action="thing.done",
                subject=str(number),
                details={"number": number},
                now=NOW + timedelta(seconds=number // 3),  # some at the same instant
            )
        audit.record(session, other, actor_kind="system", actor_id=None, action="other.done", now=NOW)

    seen, before = [], None
    with reading(db) as session:
        while page := audit.entries(session, merchant_id, before, limit=2):
            seen += [entry.details["number"] for entry in page]
            before = (page[-1].recorded_at, page[-1].audit_id)

    assert sorted(seen) == list(range(7))
    assert seen[0] == 6
