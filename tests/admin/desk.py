"""The back office as tests use it: the real application on a small world, and one signed-in browser for each role."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlmodel import Session
from werkzeug.test import TestResponse

from app.factory import create_app
from core.db.engine import Database
from core.merchants import commands, staff
from core.merchants.staff import Role, StaffView
from tests.core.world import World, make_world

PASSWORD = "a horse, a battery"


@dataclass
class Desk:
    world: World
    app: Flask
    woken: list[bool]
    people: dict[Role, StaffView] = field(default_factory=dict)

    def stranger(self) -> "Browser":
        return Browser(self.app.test_client())

    def browser(self, role: Role = Role.OWNER) -> "Browser":
        """Somebody with this role, signed in."""
        browser = self.stranger()
        answer = browser.send("/admin/sign-in", email=self.person(role).email, password=PASSWORD)
        assert answer.status_code == 303, answer.text
        return browser

    def browser_of(self, email: str, role: Role = Role.OWNER) -> "Browser":
        """A new person, signed in: for a second merchant, whose addresses must differ."""
        self.people[role] = self.add_person(self.world, role, email)
        return self.browser(role)

    def person(self, role: Role) -> StaffView:
        if role not in self.people:
            self.people[role] = self.add_person(self.world, role)
        return self.people[role]

    @staticmethod
    def add_person(world: World, role: Role, email: str | None = None) -> StaffView:
        def add(session: Session) -> StaffView:
            return staff.create(
                session,
                world.merchant_id,
                email=email or f"{role.value}@mugs.example",
                name=role.value.title(),
                role=role,
                password=PASSWORD,
                now=world.now,
            )

        found: StaffView = world.tx(add)
        return found

    def actions(self) -> list[str]:
        """What the audit has noted, oldest first."""
        statement = "SELECT action FROM audit_entries WHERE merchant_id = :m ORDER BY recorded_at, audit_id"
        merchant = self.world.merchant_id
        return list(
            self.world.tx(lambda s: s.connection().execute(sa.text(statement), {"m": merchant}).scalars().all())
        )


@dataclass
class Browser:
    """Fills in forms as a browser does: with the token that the page carries."""

    client: FlaskClient

    def page(self, path: str, *, status: int = 200, **query: Any) -> str:
        answer = self.client.get(path, query_string=query or None)
        assert answer.status_code == status, f"{path}: {answer.status_code} {answer.location} {answer.text[:500]}"
        return str(answer.text)

    def send(self, path: str, *, token: str | None = None, **fields: Any) -> TestResponse:
        return self.client.post(path, data={"csrf_token": token or self.token(), **fields})

    def follow(self, path: str, **fields: Any) -> str:
        """Send, follow the redirect, give the page that is shown then."""
        answer = self.send(path, **fields)
        assert answer.status_code == 303, f"{path}: {answer.status_code} {answer.text[:3000]}"
        return self.page(path_of(answer))

    def token(self) -> str:
        """A token of this session, from any page that has one."""
        for path in ("/admin/account", "/admin/sign-in"):
            found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.client.get(path).text)
            if found:
                return found.group(1)
        raise AssertionError("no page has a token")


def path_of(answer: TestResponse) -> str:
    parts = urlsplit(answer.location or "")
    return parts.path + (f"?{parts.query}" if parts.query else "")


def make_desk(db: Database, folder: Path, *, launch: str = "live", **terms: Any) -> Desk:
    world = make_world(db, folder, launch=launch, **terms)
    woken: list[bool] = []
    app = create_app(world.runtime, wake=lambda: woken.append(True))
    app.testing = True
    return Desk(world, app, woken)


def second_merchant(desk: Desk) -> StaffView:
    """Somebody else's owner on the same server."""

    def add(session: Session) -> StaffView:
        merchant_id = commands.create_merchant(session, name="Teas", timezone="Europe/Warsaw", now=desk.world.now)
        return staff.create(
            session,
            merchant_id,
            email="owner@teas.example",
            name="Tea",
            role=Role.OWNER,
            password=PASSWORD,
            now=desk.world.now,
        )

    found: StaffView = desk.world.tx(add)
    return found
