"""People who sign in to the admin: set-up, invitation, sign-in, roles. Links are shown to copy; no e-mail is sent."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlmodel import Session

from core.db.engine import insert_or_ignore, rows_changed
from core.db.types import table
from core.errors import Conflict, InvalidInput, NotAllowed, NotFound, Refused
from core.ids import MerchantId, StaffId, new_id
from core.merchants import tokens
from core.merchants.commands import create_merchant
from core.merchants.tables import DirectoryStaff, Merchant, Staff
from core.merchants.tokens import Purpose

STAFF, DIRECTORY, MERCHANTS = table(Staff), table(DirectoryStaff), table(Merchant)

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 256  # so that hashing cannot be made slow
# Of the lists of leaked passwords, what is long enough to pass and not caught by the checks on repetition.
COMMON_PASSWORDS = frozenset(
    {
        "123456789012",
        "1234567890123",
        "qwertyuiop123",
        "qwertyuiop12",
        "1q2w3e4r5t6y",
        "1qaz2wsx3edc",
        "q1w2e3r4t5y6",
        "passwordpassword",
        "password1234",
        "password12345",
        "password123456",
        "iloveyou1234",
        "administrator",
        "adminadmin123",
        "letmeinletmein",
        "welcome12345",
        "changemechangeme",
        "correcthorsebatterystaple",
        "abcdefghijkl",
        "abcdefghijklm",
        "abcd12345678",
        "trustno1trustno1",
    }
)
# OWASP's floor (19 MiB, two passes): a sign-in must not cost the machine more than the sign-in is worth.
HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# What stands for the e-mail of people whom a platform vouches for: the domain is reserved (RFC 2606), nobody gets mail there.
NO_MAIL = ".invalid"


class Role(StrEnum):
    OWNER = "owner"
    MANAGER = "manager"
    SUPPORT = "support"


@dataclass(frozen=True)
class StaffView:
    """`invited`: has not set a password yet. `language`: of the admin; None: as the browser asks."""

    merchant_id: MerchantId
    staff_id: StaffId
    email: str
    name: str
    role: Role
    active: bool
    invited: bool
    session_epoch: int
    created_at: datetime
    last_signed_in_at: datetime | None
    language: str | None

    @property
    def by_platform(self) -> bool:
        """Comes in through a shop's own admin only: a password can never be set."""
        return self.email.endswith(NO_MAIL)


def create_set_up_link(session: Session, *, now: datetime) -> str:
    """The token of the link by which the first owner of a new merchant comes in: single use, 7 days."""
    return tokens.make(session, Purpose.SET_UP, now=now)


def set_up(
    session: Session,
    token: str,
    *,
    email: str,
    name: str,
    password: str,
    merchant_name: str,
    timezone: str,
    now: datetime,
) -> StaffView:
    """Use the set-up link: the merchant and its first owner. Raises NotAllowed, InvalidInput, Conflict (e-mail)."""
    check_password(password, email=email)
    tokens.take(session, token, purposes=[Purpose.SET_UP], now=now)
    merchant_id = create_merchant(session, name=merchant_name, timezone=timezone, now=now)
    return create(session, merchant_id, email=email, name=name, role=Role.OWNER, password=password, now=now)


def create(
    session: Session,
    merchant_id: MerchantId,
    *,
    email: str,
    name: str,
    role: Role,
    password: str | None,
    now: datetime,
) -> StaffView:
    """A person with a role; without a password until an invitation is accepted. Raises Conflict: e-mail taken."""
    email = normal_email(email)
    staff_id = StaffId(new_id())
    values = {"email": email, "merchant_id": merchant_id, "staff_id": staff_id}
    insert_or_ignore(session, DIRECTORY, values)
    holder = session.connection().execute(sa.select(DIRECTORY.c.staff_id).where(DIRECTORY.c.email == email)).scalar()
    if holder != staff_id:
        raise Conflict("Someone already signs in with this e-mail address")
    session.add(
        Staff(
            merchant_id=merchant_id,
            staff_id=staff_id,
            email=email,
            name=name.strip(),
            role=Role(role).value,
            password_hash=None if password is None else HASHER.hash(password),
            created_at=now,
        )
    )
    session.flush()
    return staff(session, merchant_id, staff_id)


def invite(session: Session, merchant_id: MerchantId, *, email: str, name: str, role: Role, now: datetime) -> str:
    """Add a person and make the link by which they set a password: 7 days. Raises Conflict when the e-mail is taken."""
    person = create(session, merchant_id, email=email, name=name, role=role, password=None, now=now)
    return tokens.make(session, Purpose.INVITE, merchant_id=merchant_id, subject_id=person.staff_id, now=now)


def reset(session: Session, merchant_id: MerchantId, staff_id: StaffId, *, now: datetime) -> str:
    """A new link to set a password; earlier links are worthless from now on. Raises NotFound, Refused."""
    person = staff(session, merchant_id, staff_id)
    if not person.active:
        raise Refused("This person has been deactivated")
    if person.by_platform:
        raise Refused("This person comes in through the shop's own admin and has no password here")
    tokens.withdraw(session, merchant_id, staff_id, now=now)
    purpose = Purpose.INVITE if person.invited else Purpose.RESET
    return tokens.make(session, purpose, merchant_id=merchant_id, subject_id=staff_id, now=now)


def platform_staff_id(merchant_id: MerchantId, base_url: str, user_id: str) -> StaffId:
    """Who a platform's member of staff is in our books: the same row however often and however many at once they come."""
    return StaffId(uuid5(NAMESPACE_URL, f"{merchant_id} {base_url} {user_id}").hex)


def add_by_platform(
    session: Session, merchant_id: MerchantId, *, base_url: str, user_id: str, name: str, role: Role, now: datetime
) -> tuple[StaffView, bool]:
    """A person whom the platform vouches for, and whether they are new. Safe to repeat: the row stays as it is then.

    They stand in no directory and get no password, so that the sign-in page does not know them.
    """
    staff_id = platform_staff_id(merchant_id, base_url, user_id)
    values = {
        "merchant_id": merchant_id,
        "staff_id": staff_id,
        "email": f"{user_id}@{base_url.rpartition('/')[2]}{NO_MAIL}",
        "name": name,
        "role": Role(role).value,
        "active": True,
        "session_epoch": 0,
        "created_at": now,
    }
    is_new = insert_or_ignore(session, STAFF, values)
    return staff(session, merchant_id, staff_id), is_new


def link_owner(session: Session, token: str, now: datetime) -> StaffView:
    """Whom an invitation or reset link is for, without using it. Raises NotAllowed."""
    found = tokens.look(session, token, purposes=[Purpose.INVITE, Purpose.RESET], now=now)
    return _link_subject(session, found)


def set_up_link_is_good(session: Session, token: str, now: datetime) -> bool:
    try:
        tokens.look(session, token, purposes=[Purpose.SET_UP], now=now)
    except NotAllowed:
        return False
    return True


def accept(session: Session, token: str, password: str, now: datetime) -> StaffView:
    """Set the password by an invitation or reset link; the person's sessions end. Raises NotAllowed, InvalidInput."""
    person = link_owner(session, token, now)
    check_password(password, email=person.email)
    tokens.take(session, token, purposes=[Purpose.INVITE, Purpose.RESET], now=now)
    _set_password(session, person, password)
    return staff(session, person.merchant_id, person.staff_id)


def change_password(
    session: Session, merchant_id: MerchantId, staff_id: StaffId, *, old: str, new: str, now: datetime
) -> StaffView:
    """By the person, who knows the old one; all other sessions end. Raises NotAllowed, InvalidInput."""
    person = staff(session, merchant_id, staff_id)
    check_password(new, email=person.email)
    if not _matches(_password_hash(session, person), old):
        raise NotAllowed("The present password is not right")
    tokens.withdraw(session, merchant_id, staff_id, now=now)
    _set_password(session, person, new)
    return staff(session, merchant_id, staff_id)


def verify_password(session: Session, email: str, password: str) -> StaffView:
    """Who signs in; reads only. Raises NotAllowed: unknown, wrong, invited, deactivated look alike and take as long."""
    found = session.connection().execute(sa.select(DIRECTORY).where(DIRECTORY.c.email == email.strip().lower())).first()
    person = None if found is None else _find(session, MerchantId(found.merchant_id), StaffId(found.staff_id))
    matches = _matches(None if person is None else _password_hash(session, person), password)
    if person is None or not matches or not person.active:
        raise NotAllowed("The e-mail address or the password is not right")
    return person


def note_sign_in(session: Session, merchant_id: MerchantId, staff_id: StaffId, *, now: datetime) -> None:
    where = (STAFF.c.merchant_id == merchant_id, STAFF.c.staff_id == staff_id)
    session.connection().execute(sa.update(STAFF).where(*where).values(last_signed_in_at=now))


def sign_in(session: Session, email: str, password: str, now: datetime) -> StaffView:
    """`verify_password` and `note_sign_in` in one; a busy server does the first in a read transaction."""
    person = verify_password(session, email, password)
    note_sign_in(session, person.merchant_id, person.staff_id, now=now)
    return person


def staff(session: Session, merchant_id: MerchantId, staff_id: StaffId) -> StaffView:
    """Raises NotFound."""
    person = _find(session, merchant_id, staff_id)
    if person is None:
        raise NotFound("There is no such person")
    return person


def locked(session: Session, merchant_id: MerchantId, staff_id: StaffId) -> StaffView:
    """The same, locked for the rest of the transaction: what is limited per person is counted one at a time."""
    where = (STAFF.c.merchant_id == merchant_id, STAFF.c.staff_id == staff_id)
    session.connection().execute(sa.select(STAFF.c.staff_id).where(*where).with_for_update()).first()
    return staff(session, merchant_id, staff_id)


def staff_list(session: Session, merchant_id: MerchantId) -> list[StaffView]:
    """In the order in which they came."""
    rows = session.connection().execute(
        sa.select(STAFF).where(STAFF.c.merchant_id == merchant_id).order_by(STAFF.c.created_at, STAFF.c.staff_id)
    )
    return [_view(row) for row in rows]


def change_role(session: Session, merchant_id: MerchantId, staff_id: StaffId, role: Role) -> None:
    """Takes effect with the person's next request. Raises NotFound; Refused for the last owner."""
    _lock_merchant(session, merchant_id)
    if role is not Role.OWNER:
        _protect_last_owner(session, merchant_id, staff_id)
    _change(session, merchant_id, staff_id, role=Role(role).value)


def choose_language(session: Session, merchant_id: MerchantId, staff_id: StaffId, language: str | None) -> None:
    """Of the admin's pages, for this person; None: as the browser asks. Raises NotFound."""
    _change(session, merchant_id, staff_id, language=language)


def deactivate(session: Session, merchant_id: MerchantId, staff_id: StaffId, *, now: datetime) -> None:
    """End all sessions and links of a person; they cannot sign in. Raises NotFound; Refused for the last owner."""
    _lock_merchant(session, merchant_id)
    _protect_last_owner(session, merchant_id, staff_id)
    _change(session, merchant_id, staff_id, active=False, session_epoch=STAFF.c.session_epoch + 1)
    tokens.withdraw(session, merchant_id, staff_id, now=now)


def activate(session: Session, merchant_id: MerchantId, staff_id: StaffId) -> None:
    """Let a deactivated person sign in again. Raises NotFound."""
    _change(session, merchant_id, staff_id, active=True)


def end_sessions(session: Session, merchant_id: MerchantId, staff_id: StaffId) -> None:
    """Sign a person out everywhere. Raises NotFound."""
    _change(session, merchant_id, staff_id, session_epoch=STAFF.c.session_epoch + 1)


def normal_email(email: str) -> str:
    """Raises InvalidInput for what is clearly no address."""
    email = email.strip().lower()
    name, at, host = email.rpartition("@")
    if not (name and at and "." in host) or len(email) > 254 or any(letter.isspace() for letter in email):
        raise InvalidInput("This is not an e-mail address", field="email")
    return email


def check_password(password: str, *, email: str) -> None:
    """Length, not composition (ASVS 6.2): 12 characters, not on the list of the common ones. Raises InvalidInput."""
    lowered = password.lower()
    if len(password) < SHORTEST_PASSWORD:
        raise InvalidInput(f"A password needs at least {SHORTEST_PASSWORD} characters", field="password")
    if len(password) > LONGEST_PASSWORD:
        raise InvalidInput(f"A password may have at most {LONGEST_PASSWORD} characters", field="password")
    if lowered in COMMON_PASSWORDS or len(set(lowered)) < 5 or lowered == email.strip().lower():
        raise InvalidInput("This password is too easy to guess", field="password")


def _matches(password_hash: str | None, password: str) -> bool:
    """Constant work: without a hash, one of ours is checked in its place."""
    try:
        HASHER.verify(password_hash or _dummy_hash(), password[:LONGEST_PASSWORD])
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


@cache
def _dummy_hash() -> str:
    return HASHER.hash("nobody's password")


def _set_password(session: Session, person: StaffView, password: str) -> None:
    _change(
        session,
        person.merchant_id,
        person.staff_id,
        password_hash=HASHER.hash(password),
        session_epoch=STAFF.c.session_epoch + 1,
    )


def _password_hash(session: Session, person: StaffView) -> str | None:
    where = (STAFF.c.merchant_id == person.merchant_id, STAFF.c.staff_id == person.staff_id)
    found: str | None = session.connection().execute(sa.select(STAFF.c.password_hash).where(*where)).scalar()
    return found


def _link_subject(session: Session, token: tokens.TokenView) -> StaffView:
    if token.merchant_id is None or token.subject_id is None:  # invite and reset always name both
        raise NotAllowed("This link has been used or has expired")
    person = _find(session, token.merchant_id, StaffId(token.subject_id))
    if person is None or not person.active:
        raise NotAllowed("This link has been used or has expired")
    return person


def _protect_last_owner(session: Session, merchant_id: MerchantId, staff_id: StaffId) -> None:
    owners = {
        person.staff_id
        for person in staff_list(session, merchant_id)
        if person.role is Role.OWNER and person.active and not person.invited
    }
    if owners == {staff_id}:
        raise Refused("The last owner must stay: make someone else an owner first")


def _lock_merchant(session: Session, merchant_id: MerchantId) -> None:
    """Two owners who demote each other at once must not both succeed."""
    statement = sa.select(MERCHANTS.c.merchant_id).where(MERCHANTS.c.merchant_id == merchant_id).with_for_update()
    session.connection().execute(statement).first()


def _change(session: Session, merchant_id: MerchantId, staff_id: StaffId, **values: Any) -> None:
    where = (STAFF.c.merchant_id == merchant_id, STAFF.c.staff_id == staff_id)
    if rows_changed(session, sa.update(STAFF).where(*where).values(**values)) != 1:
        raise NotFound("There is no such person")


def _find(session: Session, merchant_id: MerchantId, staff_id: StaffId) -> StaffView | None:
    where = (STAFF.c.merchant_id == merchant_id, STAFF.c.staff_id == staff_id)
    row = session.connection().execute(sa.select(STAFF).where(*where)).first()
    return None if row is None else _view(row)


def _view(row: Any) -> StaffView:
    return StaffView(
        merchant_id=MerchantId(row.merchant_id),
        staff_id=StaffId(row.staff_id),
        email=row.email,
        name=row.name,
        role=Role(row.role),
        active=row.active,
        invited=row.password_hash is None,
        session_epoch=row.session_epoch,
        created_at=row.created_at,
        last_signed_in_at=row.last_signed_in_at,
        language=row.language,
    )
