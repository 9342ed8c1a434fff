"""Credentials that end: renewed before they are used, by one of us at a time, and saved before anything else.

A renewal is a call that takes seconds, so nobody holds a lock of the database meanwhile: whoever may renew has taken a
lease on the shop's row. Others go on with what is still good, for renewing begins minutes before the end. A shop that
nobody uses is kept alive by being asked for its orders every minute.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial

import structlog
from sqlmodel import Session

from core.clock import Clock
from core.db.engine import Database, reading, run_tx
from core.errors import CredentialsRefused, Unreadable
from core.merchants import apps
from core.merchants import queries as merchant_queries
from core.merchants.queries import ShopView
from core.ports import GrantRenewer, Installation, Platform
from core.sealing import Vault

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 0.2
LOOKS = 50
_BUSY = "The shop's key is being renewed. Try again in a moment."


class Grants:
    """`renewers`: of the platforms whose grants end."""

    def __init__(
        self,
        db: Database,
        vault: Vault,
        clock: Clock,
        renewers: Callable[[Platform], GrantRenewer | None],
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._db, self._vault, self._clock = db, vault, clock
        self._renewers = renewers
        self._sleep = sleep

    def fresh(self, installation: Installation) -> Installation:
        """The installation with credentials that are good for some minutes. Raises PlatformError."""
        renewer = self._renewers(installation.platform)
        if renewer is None or not renewer.is_due(installation.credentials, self._clock()):
            return installation
        with reading(self._db) as session:
            shop = merchant_queries.shop_by_key(session, installation.shop_key)
        if shop is None:  # asked for facts before it is stored: its credentials were made this minute
            return installation
        return self._renewed(renewer, shop)

    def _renewed(self, renewer: GrantRenewer, shop: ShopView) -> Installation:
        for _ in range(LOOKS):
            now = self._clock()
            lease = run_tx(
                self._db, partial(apps.begin_renewing, merchant_id=shop.merchant_id, shop_id=shop.shop_id, now=now)
            )
            if lease is not None:
                return self._renew(renewer, shop, lease)
            there = self._stored(shop)  # somebody is at it
            if not renewer.is_due(there.credentials, self._clock()) or _still_good(there, self._clock()):
                return there
            self._sleep(LOOK_EVERY_S)
        raise Unreadable(_BUSY, code="renewing", retry_after_s=10)

    def _renew(self, renewer: GrantRenewer, shop: ShopView, lease: datetime) -> Installation:
        """Under the lease. What somebody renewed before we had it is not renewed again."""
        credentials: Mapping[str, str] | None = None
        try:
            there = self._stored(shop)
            now = self._clock()
            if not renewer.is_due(there.credentials, now):
                return there
            with reading(self._db) as session:
                app = apps.app_of(session, self._vault, shop.merchant_id, shop.shop_id)
            if app is None:
                raise CredentialsRefused("The app of this shop was taken away. Install it again.", code="no_app")
            credentials = renewer.renewed(app.app, shop.base_url, there.credentials, now)
            log.info("grant.renewed", shop_id=shop.shop_id)
        finally:
            kept = self._end(shop, credentials, lease)
        if not kept:  # the shop installed us again meanwhile: that grant is the good one
            return self._stored(shop)
        return replace(there, credentials={**there.credentials, **credentials})

    def _end(self, shop: ShopView, credentials: Mapping[str, str] | None, lease: datetime) -> bool:
        def write(session: Session) -> bool:
            return apps.end_renewing(session, self._vault, shop.merchant_id, shop.shop_id, credentials, lease=lease)

        return run_tx(self._db, write)

    def _stored(self, shop: ShopView) -> Installation:
        with reading(self._db) as session:
            return merchant_queries.installation(session, self._vault, shop.merchant_id, shop.shop_id)


def _still_good(installation: Installation, now: datetime) -> bool:
    return datetime.fromisoformat(installation.credentials["expires_at"]) > now
