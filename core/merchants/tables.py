"""Rows of merchants, shops, installations, staff, audit. The `directory_*` tables find the merchant and stand apart."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from core.db.types import big, instant, json_field, key, points_to, ref


class DirectoryShop(SQLModel, table=True):
    """Which merchant a shop key belongs to: the tenant comes from the key in the address, never from a header."""

    __tablename__ = "directory_shops"
    shop_key: str = Field(primary_key=True)
    merchant_id: str = ref()
    shop_id: str = ref()


class DirectoryStaff(SQLModel, table=True):
    __tablename__ = "directory_staff"
    email: str = Field(primary_key=True)  # lower case
    merchant_id: str = ref()
    staff_id: str = ref()


class DirectoryToken(SQLModel, table=True):
    """One-time tokens by digest: set-up link, invitation, reset, connect state."""

    __tablename__ = "directory_tokens"
    digest: str = Field(primary_key=True)
    purpose: str
    merchant_id: str | None = ref(nullable=True)
    subject_id: str | None = ref(nullable=True)
    details: dict[str, Any] = json_field()
    expires_at: datetime = instant()
    used_at: datetime | None = instant(nullable=True)


class DirectoryApp(SQLModel, table=True):
    """Which merchant an app's key in an address belongs to, as DirectoryShop does for a shop's."""

    __tablename__ = "directory_apps"
    app_key: str = Field(primary_key=True)
    merchant_id: str = ref()
    app_id: str = ref()


class InstanceFact(SQLModel, table=True):
    """Facts about this installation as a whole: heartbeat, public address."""

    __tablename__ = "instance_facts"
    name: str = Field(primary_key=True)
    value: dict[str, Any] = json_field()
    updated_at: datetime = instant()


class Merchant(SQLModel, table=True):
    """`launch`: draft, staff, live or paused. `pauses`: [[from, until or null], …] in ISO time: orders placed inside earn nothing."""

    __tablename__ = "merchants"
    merchant_id: str = key()
    name: str
    timezone: str
    created_at: datetime = instant()
    launch: str = Field(default="draft")
    launched_at: datetime | None = instant(nullable=True)
    pauses: list[Any] = json_field()
    redeeming_stopped: bool = False


class Shop(SQLModel, table=True):
    """`order_cursor`: every order change before it has been marked as wanted. `earn_from`: orders placed before it earn nothing."""

    __tablename__ = "shops"
    __table_args__ = (
        points_to([], "merchants"),
        sa.UniqueConstraint("merchant_id", "shop_key"),
    )
    merchant_id: str = key()
    shop_id: str = key()
    shop_key: str
    platform: str
    name: str
    base_url: str
    storefront_url: str | None = None  # where shoppers see it, when that is another address
    currency: str
    smallest_unit: int = 1
    timezone: str
    state: str = Field(default="connected")  # connected, disconnected (by staff), removed (by the shop itself)
    created_at: datetime = instant()
    earn_from: datetime | None = instant(nullable=True)
    order_cursor: datetime | None = instant(nullable=True)
    clawback_allowed_until: datetime | None = instant(nullable=True)


class PlatformAppRow(SQLModel, table=True):
    """What the merchant registered us as at a platform. `secrets_sealed`: newest first. `home_url`: see PlatformApp."""

    __tablename__ = "platform_apps"
    __table_args__ = (points_to([], "merchants"), sa.UniqueConstraint("merchant_id", "platform", "client_id"))
    merchant_id: str = key()
    app_id: str = key()
    app_key: str
    platform: str
    client_id: str
    secrets_sealed: str
    origin: str | None = None
    home_url: str | None = None
    created_at: datetime = instant()


class InstallationRow(SQLModel, table=True):
    """The grant and the credentials of one shop, sealed.

    `keys_sealed`: kid -> key of the plugin. `webhook_secrets_sealed`: newest first. `app_id`: the app that was installed,
    on platforms that know apps. `renewing_until`: somebody is renewing the credentials. `platform_shop_id`: the platform's
    own name for the shop, where its address is none.
    """

    __tablename__ = "installations"
    __table_args__ = (points_to(["shop_id"], "shops"), points_to(["app_id"], "platform_apps"))
    merchant_id: str = key()
    shop_id: str = key()
    credentials_sealed: str
    webhook_secrets_sealed: str
    keys_sealed: str
    details: dict[str, Any] = json_field()
    installed_at: datetime = instant()
    app_id: str | None = ref(nullable=True)
    renewing_until: datetime | None = instant(nullable=True)
    platform_shop_id: str | None = None


class PendingInstall(SQLModel, table=True):
    """A shop that has installed us as an addon and has not been asked for its facts yet. `next_at`: when to ask (again)."""

    __tablename__ = "pending_installs"
    __table_args__ = (points_to(["app_id"], "platform_apps"),)
    merchant_id: str = key()
    app_id: str = key()
    platform_shop_id: str = Field(primary_key=True)
    base_url: str
    credentials_sealed: str
    installed_at: datetime = instant()
    attempts: int = 0
    next_at: datetime = instant()
    last_error: str | None = None


class PairingCode(SQLModel, table=True):
    __tablename__ = "pairing_codes"
    __table_args__ = (points_to(["shop_id"], "shops"),)
    merchant_id: str = key()
    digest: str = Field(primary_key=True)
    shop_id: str = ref()
    expires_at: datetime = instant()
    used_at: datetime | None = instant(nullable=True)


class ShopHealth(SQLModel, table=True):
    """What is known of a shop's well-being. Counters only grow; `problems` is the result of the last look."""

    __tablename__ = "shop_health"
    __table_args__ = (points_to(["shop_id"], "shops"),)
    merchant_id: str = key()
    shop_id: str = key()
    checked_at: datetime | None = instant(nullable=True)
    problems: list[Any] = json_field()
    version: str | None = None
    last_delivery_at: datetime | None = instant(nullable=True)
    last_poll_at: datetime | None = instant(nullable=True)
    last_read_at: datetime | None = instant(nullable=True)
    last_nudge_at: datetime | None = instant(nullable=True)
    bad_signatures: int = big(0)
    not_understood: int = big(0)
    failing_since: datetime | None = instant(nullable=True)
    last_error: str | None = None


class Staff(SQLModel, table=True):
    """A person who signs in to the admin. `role`: owner, manager or support. Raising `session_epoch` ends all sessions."""

    __tablename__ = "staff"
    __table_args__ = (points_to([], "merchants"),)
    merchant_id: str = key()
    staff_id: str = key()
    email: str
    name: str = ""
    role: str
    password_hash: str | None = None
    active: bool = True
    session_epoch: int = 0
    created_at: datetime = instant()
    last_signed_in_at: datetime | None = instant(nullable=True)
    language: str | None = None


class AuditEntry(SQLModel, table=True):
    """Who did what. Append-only; ids and values, no free text about people."""

    __tablename__ = "audit_entries"
    __table_args__ = (points_to([], "merchants"), sa.Index("ix_audit_entries_time", "merchant_id", "recorded_at"))
    merchant_id: str = key()
    audit_id: str = key()
    recorded_at: datetime = instant()
    actor_kind: str  # staff, system, command_line
    actor_id: str | None = ref(nullable=True)
    action: str
    subject: str = ""
    details: dict[str, Any] = json_field()
