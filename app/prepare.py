"""`python -m app.prepare URL`: what happens once before a server serves. Migrates, and says where to go."""

import logging
import sys

from app import lock, start
from app.logs import set_up_logs
from app.wiring import make_runtime
from core.errors import RegularsError
from core.settings import load_settings


def main(url: str) -> None:
    """Raises SystemExit with one line for a wrong setting or a database that cannot be used."""
    settings = load_settings()
    set_up_logs(level=logging.WARNING if settings.demo else logging.INFO)
    try:
        with lock.in_use(settings.data_dir):
            start.bring_up_to_date(settings)
            runtime = make_runtime(settings, default_url=url)
            if not settings.demo:
                print(f"Regulars is at {url}", flush=True)
                if not start.has_owner(runtime):
                    link = start.set_up_link(runtime)
                    print(f"Nobody can sign in yet. Make the first account here: {link}", flush=True)
            runtime.db.close()
    except RegularsError as error:
        sys.exit(f"regulars: {error.message}")
    except start.DATABASE_ERRORS as error:
        sys.exit(f"regulars: the database cannot be used: {start.first_line(error)}")


if __name__ == "__main__":
    main(sys.argv[1])
