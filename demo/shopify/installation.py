"""Installing and removing the app, as the merchant does it in the admin."""

from collections.abc import Callable
from typing import Any

from demo.shopify.ids import gid
from demo.shopify.site import Site
from demo.shopify.times import millis

Announce = Callable[[str, dict[str, Any]], None]


class Installation:
    """`announce(topic, body)` queues a webhook."""

    def __init__(self, site: Site, announce: Announce, shop_body: Callable[[], dict[str, Any]]) -> None:
        self.site = site
        self._announce = announce
        self._shop_body = shop_body

    def install(self, scopes: tuple[str, ...] | None = None) -> None:
        """Consent to scopes, by default those that the app asks for. Safe to repeat; a change is announced."""
        before, wanted = self.site.granted, tuple(scopes or self.site.app.scopes)
        was_installed, self.site.installed, self.site.granted = self.site.installed, True, wanted
        self.site.tokens.rescope(wanted)
        if was_installed and set(before) != set(wanted):
            self._scopes_changed(before, wanted)

    def uninstall(self) -> None:
        """Every token dies at once; the app hears of it when it hears of it."""
        if not self.site.installed:
            return
        self.site.installed, self.site.granted = False, ()
        self.site.tokens.revoke_all()
        self._announce("app/uninstalled", self._shop_body())

    def _scopes_changed(self, before: tuple[str, ...], now: tuple[str, ...]) -> None:
        body = {
            "id": 1,
            "shop_id": gid("Shop", 1),
            "previous": sorted(before),
            "current": sorted(now),
            "updated_at": millis(self.site.now()),
        }
        self._announce("app/scopes_update", body)
