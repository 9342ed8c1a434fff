"""Settings: one typed class, prefix REGULARS_, none required. A wrong value stops the start with one clear line."""

import os
import re
import sys
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_MAILBOX = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class MailServer:
    """Where mail is handed over. `tls`: by STARTTLS, from the first byte, or not at all. `sender`: a bare address."""

    host: str
    port: int
    tls: Literal["starttls", "implicit", "none"]
    user: str | None
    password: str | None = field(repr=False)
    sender: str


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
    smtp_url: SecretStr | None = Field(default=None, description="smtp://user:password@host:port or smtps://…")
    smtp_url_file: Path | None = Field(default=None, description="A file that holds that address")
    mail_from: str | None = Field(default=None, description="The address that mail is sent from")
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

    @field_validator("mail_from")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if not value:
            return None
        if not _MAILBOX.fullmatch(value):
            raise ValueError("must be a bare e-mail address")
        return value

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.smtp_url and self.smtp_url_file:
            raise ValueError("REGULARS_SMTP_URL and REGULARS_SMTP_URL_FILE are both set: one of them")
        _ = self.mail
        return self

    @cached_property
    def mail(self) -> MailServer | None:
        """None where mail is not set up. Raises ValueError for an address that cannot be used."""
        text = self.smtp_url.get_secret_value() if self.smtp_url else ""
        if self.smtp_url_file is not None:
            if not self.smtp_url_file.is_file():
                raise ValueError(f"REGULARS_SMTP_URL_FILE: there is no file {self.smtp_url_file}")
            text = self.smtp_url_file.read_text().strip()
        if not text:
            return None
        if self.mail_from is None:
            raise ValueError("REGULARS_MAIL_FROM is not set: mail needs an address that it is from")
        return mail_server(text, sender=self.mail_from)

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


def mail_server(url: str, *, sender: str) -> MailServer:
    """From smtp://user:password@host:port, where STARTTLS is a must unless ?starttls=never says so, or smtps://.

    Raises ValueError, without the password in it.
    """
    parts = urlsplit(url)
    wanted = parse_qs(parts.query)
    never = wanted == {"starttls": ["never"]} and parts.scheme == "smtp"
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path not in ("", "/"):
        raise ValueError("REGULARS_SMTP_URL must look like smtp://user:password@host:587 or smtps://…")
    if wanted and not never:
        raise ValueError("REGULARS_SMTP_URL knows no other option than smtp://…?starttls=never")
    if never and parts.password and parts.hostname not in _THIS_MACHINE:
        raise ValueError("REGULARS_SMTP_URL: a password does not travel without TLS")
    try:
        port = parts.port
    except ValueError:
        raise ValueError("REGULARS_SMTP_URL: the port is no number") from None
    return MailServer(
        host=parts.hostname,
        port=port or (465 if parts.scheme == "smtps" else 587),
        tls="implicit" if parts.scheme == "smtps" else "none" if never else "starttls",
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        sender=sender,
    )


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
        if not first["loc"]:  # several settings together: the sentence names them
            raise SystemExit(f"regulars: {first['msg'].removeprefix('Value error, ')}") from None
        name = "REGULARS_" + "_".join(str(part) for part in first["loc"]).upper()
        raise SystemExit(f"regulars: {name}: {first['msg']}") from None
