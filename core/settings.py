"""Settings: one typed class, prefix REGULARS_, none required. A wrong value stops the start with one clear line."""

import os
import sys
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """What an operator may set. The data directory holds database, `secret.key` and backups."""

    model_config = SettingsConfigDict(env_prefix="REGULARS_", frozen=True, extra="forbid")

    data_dir: Path = Field(default_factory=lambda: default_data_dir(), description="Database, secret.key, backups")
    database_url: str | None = Field(default=None, description="SQLite file in the data directory when unset")
    secret_key_file: Path | None = Field(default=None, description="Default: secret.key in the data directory")
    public_url: str | None = Field(default=None, description="Where shops and shoppers reach this server, with https")
    admin_url: str | None = Field(default=None, description="A second host name for the admin")
    trusted_proxies: int = Field(default=0, ge=0, le=5, description="How many proxies may set X-Forwarded-*")
    allow_loopback: bool = Field(default=False, description="Let shop addresses be on this machine (demo, tests)")
    demo: bool = Field(default=False, description="This is a demo: pages say so")
    limiter_storage: str = Field(default="memory://", description="Where rate limits are counted")
    process_roles: Annotated[tuple[str, ...], NoDecode] = ("web", "worker")

    @field_validator("process_roles", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value

    @field_validator("public_url", "admin_url")
    @classmethod
    def _bare(cls, value: str | None) -> str | None:
        if value is None or value == "":
            return None
        if not value.startswith(("https://", "http://")):
            raise ValueError("must begin with https:// (or http:// on this machine)")
        return value.rstrip("/")

    @property
    def url(self) -> str:
        """The database URL with the default filled in."""
        return self.database_url or f"sqlite:///{self.data_dir / 'regulars.db'}"

    @property
    def key_file(self) -> Path:
        return self.secret_key_file or self.data_dir / "secret.key"

    @property
    def backup_dir(self) -> Path:
        return self.data_dir / "backups"


def default_data_dir() -> Path:
    """`./data` in a checkout, else the user's data folder."""
    if Path("pyproject.toml").is_file() and Path("core/ledger").is_dir():
        return Path("data").absolute()
    base = Path.home() / "Library/Application Support" if sys.platform == "darwin" else Path.home() / ".local/share"
    return Path(os.environ.get("XDG_DATA_HOME") or base) / "regulars"


def load_settings(**overrides: object) -> Settings:
    """Read the environment. Raises SystemExit with one line that names the setting and what is wrong."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = "REGULARS_" + "_".join(str(part) for part in first["loc"]).upper()
        raise SystemExit(f"regulars: {name}: {first['msg']}") from None
