"""The command line `regulars`. Commands import what they need when they run, so that --help answers at once."""

import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from core.runtime import Runtime
    from core.settings import Settings

T = TypeVar("T")
DEFAULT_PORT = 8000
DEMO_PORT = 8080
PLATFORM = click.option(
    "--platform",
    type=click.Choice(["woocommerce", "shopify", "shoptet"]),
    default="woocommerce",
    show_default=True,
    help="What the made-up shop runs on",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=lambda *given: _say_version(*given)
)
def cli() -> None:
    """Regulars: a self-hosted loyalty program for online shops."""


def main() -> None:
    """The entry point: what goes wrong is told in one line."""
    from core.errors import RegularsError

    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except RegularsError as error:
        sys.exit(f"regulars: {error.message}")
    except Exception as error:
        if not type(error).__module__.startswith("sqlalchemy"):
            raise
        from app import start

        if isinstance(error, start.DATABASE_ERRORS):
            sys.exit(f"regulars: the database cannot be used: {start.first_line(error)}")
        raise


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at")
@click.option("--port", default=DEFAULT_PORT, show_default=True)
def serve(host: str, port: int) -> None:
    """Serve shops, shoppers and staff, with the worker in the same process."""
    from app import serving

    sys.exit(serving.serve(host=host, port=port))


@cli.command()
def worker() -> None:
    """Run a worker only, beside web processes on PostgreSQL."""
    from app import process

    process.run_worker(_settings(), say=click.echo)


@cli.command()
@click.option("--port", default=DEMO_PORT, show_default=True, help="Of Regulars; the shop takes the next free one")
@click.option("--reset", is_flag=True, help="Forget what earlier demos did")
@click.option("--check", is_flag=True, help="Start, ask every address once, end")
@PLATFORM
def demo(port: int, reset: bool, check: bool, platform: str) -> None:
    """Start a made-up shop with a loyalty program beside it."""
    from app import demo as demo_program

    sys.exit(
        demo_program.run(_settings().data_dir, platform=platform, port=port, reset=reset, check=check, say=click.echo)
    )


@cli.command()
@PLATFORM
def selftest(platform: str) -> None:
    """Play the whole job against a made-up shop: earn, redeem, refund, cancel. Needs nothing, leaves nothing."""
    from app import selftest as selftest_program

    sys.exit(selftest_program.run(platform, say=click.echo))


@cli.command()
def verify() -> None:
    """Recompute the whole book: chains, balances, lots, orders. Exit 1 if anything does not add up."""
    from app import books

    sys.exit(_with_runtime(lambda runtime: books.verify_all(runtime, say=click.echo)))


@cli.command()
@click.argument("member")
@click.option("--at", type=click.DateTime(), help="As of this moment (UTC)")
def explain(member: str, at: datetime | None) -> None:
    """Say why MEMBER (an id or an e-mail address) has the points that they have."""
    from app import books

    sys.exit(_with_runtime(lambda runtime: books.explain(runtime, member, at=at, say=click.echo)))


@cli.command()
@click.argument("shop_key")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Award points from this day on; without it none")
def backfill(shop_key: str, since: datetime | None) -> None:
    """Read the past orders of a shop, once."""
    from app import books

    _with_runtime(lambda runtime: books.backfill_shop(runtime, shop_key, since=since, say=click.echo))


@cli.command()
@click.argument("shop_key", required=False)
def reconcile(shop_key: str | None) -> None:
    """Compare a shop's orders (or every shop's) with ours and say what differs."""
    from app import books

    _with_runtime(lambda runtime: books.reconcile_shops(runtime, shop_key, say=click.echo))


@cli.command()
@click.option(
    "--to", "folder", type=click.Path(file_okay=False, path_type=Path), help="Default: backups in the data directory"
)
def backup(folder: Path | None) -> None:
    """Copy the database while the server runs. The key file is not in the copy."""
    from app import backup as backup_program
    from core.clock import utc_now

    settings = _settings()
    made = backup_program.make(settings, label="backup", now=utc_now(), folder=folder)
    click.echo(f"{made.path} ({made.bytes:,} bytes)")
    click.echo(
        f"The key is not in it. Keep {settings.key_file} too, somewhere else: without it shop keys cannot be read."
    )


@cli.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask")
def restore(file: Path, yes: bool) -> None:
    """Put FILE in the place of the database. Stop the server first; what was there is kept."""
    from app import backup as backup_program
    from app import books, lock, start

    settings = _settings()
    if not yes:
        click.confirm(f"Replace the database with {file.name}?", abort=True)
    with lock.in_use(settings.data_dir, alone=True):
        kept = backup_program.restore(settings, file)
        click.echo(f"Restored {file.name}." + (f" What was there is in {kept}." if kept else ""))
        start.bring_up_to_date(settings)
        sys.exit(_with_runtime(lambda runtime: books.verify_all(runtime, say=click.echo)))


@cli.command()
@click.option("--clock-is-right", is_flag=True, help="The clock was looked at: go on with what falls due by time")
def doctor(clock_is_right: bool) -> None:
    """Look at the server: database, disk, clock, worker, shops, backups. Exit 1 if something is wrong."""
    from app import doctor as doctor_program

    settings = _settings()
    if clock_is_right:
        _with_runtime(doctor_program.confirm_clock)
    sys.exit(doctor_program.examine(settings, say=click.echo))


@cli.group()
def staff() -> None:
    """People who sign in to the back office."""


@staff.command("invite")
@click.argument("email")
@click.option("--name", default="")
@click.option("--role", type=click.Choice(["owner", "manager", "support"]), default="support", show_default=True)
@click.option("--merchant", help="Id of the merchant, where there are several")
def staff_invite(email: str, name: str, role: str, merchant: str | None) -> None:
    """Add a person and print the link by which they set a password."""
    from app import people

    _with_runtime(lambda runtime: people.invite(runtime, merchant, email=email, name=name, role=role, say=click.echo))


@staff.command("reset")
@click.argument("email")
def staff_reset(email: str) -> None:
    """Print a link by which this person sets a new password."""
    from app import people

    _with_runtime(lambda runtime: people.reset(runtime, email, say=click.echo))


@cli.group()
def merchant() -> None:
    """Businesses on this server."""


@merchant.command("add")
@click.argument("name")
@click.option("--timezone", default="UTC", show_default=True)
def merchant_add(name: str, timezone: str) -> None:
    """Add a business of its own, with its own members and points."""
    from app import people

    _with_runtime(lambda runtime: people.add_merchant(runtime, name, timezone, say=click.echo))


def _say_version(context: click.Context, _option: click.Parameter, asked: bool) -> None:
    if asked:
        from app.version import version

        click.echo(f"regulars, version {version()}")
        context.exit()


def _settings() -> "Settings":
    from app.logs import set_up_logs
    from core.settings import load_settings

    set_up_logs()
    return load_settings()


def _with_runtime(work: "Callable[[Runtime], T]") -> T:
    """Run a command on the migrated database."""
    from app import start
    from app.wiring import make_runtime

    settings = _settings()
    start.bring_up_to_date(settings)
    runtime = make_runtime(settings)
    try:
        return work(runtime)
    finally:
        runtime.db.close()


if __name__ == "__main__":
    main()
