"""Installing, pausing, resuming, ending and removing the addon, as merchant and Shoptet do it."""

import requests

from demo.shoptet.deliveries import Deliveries
from demo.shoptet.site import Site

# The addon's answer to the install call must be there by then.
ANSWER_S = 5.0


class Installation:
    def __init__(self, site: Site, deliveries: Deliveries) -> None:
        self.site = site
        self.deliveries = deliveries

    def install(self) -> bool:
        """Call the addon's install address with a new code; installed is what answered 200 in time and fetched its token."""
        site = self.site
        before = site.tokens.oauth_token
        code = site.tokens.new_install_code(site.addon.install_url)
        was_installed, site.installed, site.suspended = site.installed, True, False
        good = _called(site.addon.install_url, code) and site.tokens.oauth_token not in {"", before}
        if not good:
            site.installed = was_installed
            if not was_installed:
                site.tokens.revoke_all()
        return good

    def adopt(self) -> str:
        """Installed without the call, for tests that are not about it: the OAuth access token."""
        site = self.site
        site.installed, site.suspended = True, False
        return site.tokens.oauth_token or site.tokens.new_oauth_token()

    def uninstall(self) -> None:
        """Every token dies and all that the addon had set is gone; it hears of it when it hears of it."""
        site = self.site
        if not site.installed:
            return
        site.installed = site.suspended = False
        self.deliveries.announce_lifecycle("addon:uninstall")
        site.tokens.revoke_all()
        site.webhooks.clear()
        site.snippets.clear()
        site.jobs.clear()
        site.signature_key = ""

    def suspend(self, *, event: str = "addon:suspend") -> None:
        """Paused, by the merchant (suspend) or by Shoptet (terminate): the API refuses, webhooks stay away."""
        if self.site.installed:
            self.site.suspended = True
            self.deliveries.announce_lifecycle(event)

    def approve(self) -> None:
        """Goes on."""
        if self.site.installed and self.site.suspended:
            self.site.suspended = False
            self.deliveries.announce_lifecycle("addon:approve")


def _called(url: str, code: str) -> bool:
    if not url:
        return False
    with requests.Session() as session:
        session.trust_env = False
        try:
            return session.get(url, params={"code": code}, timeout=ANSWER_S, allow_redirects=False).status_code == 200
        except requests.RequestException:
            return False
