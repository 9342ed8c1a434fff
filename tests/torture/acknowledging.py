"""A process that gives one point after another and says so, a line each: written only when the commit has returned.

`python -m tests.torture.acknowledging <url> <merchant> <member> <prefix> <count>`. Prints "READY", then "ACK <n>", or "NO <n> <why>".
Each posting is tried once; its key says which one is meant, so that a later process can ask for it again.
"""

import os
import sys

from sqlalchemy.exc import DBAPIError

from core.db.engine import Database, open_database, run_tx
from core.ids import MemberId, MerchantId
from core.ledger import commands as ledger
from tests.core.world import START


def main(url: str, merchant: str, member: str, prefix: str, count: str) -> None:
    db = open_database(url)
    say("READY")
    for number in range(int(count)):
        try:
            give_a_point(db, MerchantId(merchant), MemberId(member), f"{prefix}-{number}")
        except DBAPIError as error:
            say(f"NO {number} {type(error).__name__} {error.orig}")
        else:
            say(f"ACK {number}")
    # No word more: what a clean end would still do to the files must not help.
    os._exit(0)


def give_a_point(db: Database, merchant_id: MerchantId, member_id: MemberId, key: str) -> str:
    """One posting of one point, with this key. The same key again is the same posting."""
    return run_tx(
        db,
        lambda session: ledger.adjust(
            session,
            merchant_id,
            member_id,
            1,
            reason="goodwill",
            notes={},
            erasure_key="k",
            author_id=None,
            idempotency_key=key,
            expires_at=None,
            now=START,
        ),
    )


def say(line: str) -> None:
    os.write(1, line.replace("\n", " ").encode() + b"\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
