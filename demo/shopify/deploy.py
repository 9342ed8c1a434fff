"""`shopify app deploy`, at the other end: the app's configuration and its theme extension, out of the archive of files."""

import io
import json
import tomllib
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any
from zipfile import ZipFile

from demo.shopify.app_config import AppConfig
from demo.shopify.site import Site
from demo.shopify.theme import ThemeExtension

SETTINGS = "shopify.app.toml"


def deploy(site: Site, archive: bytes) -> AppConfig:
    """Take over what the archive says of the app. Its secrets stay what they are."""
    with ZipFile(io.BytesIO(archive)) as files:
        texts = {name: files.read(name).decode() for name in files.namelist() if not name.endswith("/")}
    settings = next(text for name, text in texts.items() if PurePosixPath(name).name == SETTINGS)
    site.app = configured(site.app, settings)
    site.theme = _theme(texts)
    return site.app


def configured(app: AppConfig, settings: str) -> AppConfig:
    """An app with what a shopify.app.toml says of it."""
    read: dict[str, Any] = tomllib.loads(settings)
    topics: list[str] = []
    fields: dict[str, tuple[str, ...]] = {}
    address = app.webhook_url
    for subscription in read.get("webhooks", {}).get("subscriptions", []):
        named = [*subscription.get("topics", []), *subscription.get("compliance_topics", [])]
        topics += named
        address = subscription["uri"]
        if "include_fields" in subscription:
            fields |= {topic: tuple(subscription["include_fields"]) for topic in subscription.get("topics", [])}
    access = read.get("access_scopes", {})
    return replace(
        app,
        client_id=read["client_id"],
        name=read["name"],
        app_url=read["application_url"],
        scopes=_words(access.get("scopes", "")),
        optional_scopes=tuple(access.get("optional_scopes", [])),
        redirect_urls=tuple(read.get("auth", {}).get("redirect_urls", [])),
        proxy_url=read.get("app_proxy", {}).get("url", ""),
        webhook_url=address,
        topics=tuple(topics),
        include_fields=fields,
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _theme(texts: dict[str, str]) -> ThemeExtension | None:
    """The extension that has blocks; there is one at most."""
    root = next((name.rpartition("/blocks/")[0] for name in texts if "/blocks/" in name), None)
    if root is None:
        return None
    blocks = {PurePosixPath(name).stem: text for name, text in texts.items() if name.startswith(f"{root}/blocks/")}
    assets = {PurePosixPath(name).name: text for name, text in texts.items() if name.startswith(f"{root}/assets/")}
    words = _flat(json.loads(texts.get(f"{root}/locales/en.default.json", "{}")))
    return ThemeExtension(blocks, assets, words)


def _flat(tree: Any, path: str = "") -> dict[str, str]:
    if not isinstance(tree, dict):
        return {path: str(tree)}
    return {
        key: value
        for name, below in tree.items()
        for key, value in _flat(below, f"{path}.{name}" if path else name).items()
    }
