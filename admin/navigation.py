"""The menu by role, and the banners that stand on every page while something needs the merchant."""

from dataclasses import dataclass

from flask import g, url_for
from sqlmodel import Session

from admin import problems
from admin.screens import EVERYONE, MANAGERS, OWNERS, Roles, merchant_id, now, read
from admin.texts import gettext
from admin.texts import lazy_gettext as _l
from core.merchants import health, queries
from core.merchants.queries import ShopView
from core.merchants.staff import Role

# (first endpoint, label, icon, who sees it, endpoints that count as this entry)
_MENU: tuple[tuple[str, str, str, Roles, tuple[str, ...]], ...] = (
    ("home", _l("Home"), "home", EVERYONE, ("home",)),
    ("members", _l("Members"), "members", EVERYONE, ("member", "order", "export")),
    ("program", _l("Program"), "program", MANAGERS, ("program", "launch")),
    ("shops", _l("Shops"), "shops", EVERYONE, ("shop", "connect", "history", "platform")),
    ("people", _l("Staff"), "staff", OWNERS, ("people", "person", "invite")),
    ("audit_list", _l("Audit"), "audit", MANAGERS, ("audit",)),
    ("settings", _l("Settings"), "settings", OWNERS, ("settings",)),
)


@dataclass(frozen=True)
class MenuEntry:
    label: str
    url: str
    icon: str
    current: bool


@dataclass(frozen=True)
class Banner:
    text: str
    action: str
    url: str


def menu(role: Role, endpoint: str) -> list[MenuEntry]:
    here = endpoint.removeprefix("admin.")
    return [
        MenuEntry(label, url_for(f"admin.{first}"), icon, here.startswith((first, *others)))
        for first, label, icon, roles, others in _MENU
        if role in roles
    ]


def banners() -> list[Banner]:
    """One for each shop that does not answer us or that is silent. Read once a request."""
    if "admin_banners" not in g:
        g.admin_banners = read(_banners)
    found: list[Banner] = g.admin_banners
    return found


def _banners(session: Session) -> list[Banner]:
    shops = [shop for shop in queries.shops(session, merchant_id()) if shop.connected]
    return [banner for shop in shops if (banner := _banner(session, shop)) is not None]


def _banner(session: Session, shop: ShopView) -> Banner | None:
    words = health.problem_words(shop, queries.health(session, shop.merchant_id, shop.shop_id), now=now())
    grave = next((word for word in words if word in problems.STOPS_WORK), None)
    if grave is None:
        return None
    return Banner(
        text=gettext("%(shop)s: %(problem)s", shop=shop.name, problem=problems.sentence(grave, shop.platform)),
        action=gettext("What to do"),
        url=url_for("admin.shop", shop_id=shop.shop_id),
    )
