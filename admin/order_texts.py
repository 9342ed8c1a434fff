"""Why an order shows no points, what a flag means, which reasons staff may name: a sentence for each stable word."""

from admin.texts import gettext
from admin.texts import lazy_gettext as _l

# Words of core.earning: OrderView.why and `not_earning`, and those of a backfill's `skipped`.
WHY: dict[str, str] = {
    "draft": _l("The program was not launched when this order was read, so it earns nothing."),
    "test": _l("It is a test order."),
    "cancelled": _l("The order is cancelled, failed or in the trash of the shop."),
    "not_paid": _l("The order is not paid yet. Points come when it is."),
    "not_completed": _l("The order is not completed yet. Points come when it is."),
    "before_program": _l("It was placed before the day from which orders in this shop earn points."),
    "paused": _l("It was placed while the program was paused."),
    "guest": _l("It was placed as a guest: the shop does not tie it to a customer with an account."),
    "currency": _l("The program has no rates for the currency of this order."),
    "not_member": _l("The customer has not joined the program."),
    "before_joining": _l("The customer joined later than orders before joining count."),
    "excluded": _l("Staff decided that this order does not count."),
    "parked": _l(
        "Very many points were about to be taken back at once, so this waits until somebody says that it is right."
    ),
    "currency_changed": _l("The currency of the order changed after it had earned. That is not booked by itself."),
    "unread": _l("We know of the order, but have not read it from the shop yet. That takes a few seconds."),
    "unread_error": _l("The shop did not let us read the order. We keep trying."),
    "not_settled": _l("The order has been read, but not decided yet. Read it again."),
    "refunded": _l("All that earned points was refunded."),
    "too_small": _l("What counts of the order is too little for one point."),
}

FLAGS: dict[str, str] = {
    "lagging_replica": _l("The shop keeps answering with an older state of this order."),
    "currency_changed": _l("The currency changed after the order had earned."),
    "parked": _l("Points are about to be taken back; somebody must say that this is right."),
    "rehomed": _l("The shop has given the order to another customer; the points went along."),
    "never_seen": _l("The shop says that this order does not exist."),
    "deleted": _l("The order was deleted in the shop; its points were taken back."),
    "deleted_late": _l("The order was deleted in the shop long after payment; its points were left."),
    "used_twice": _l("The code was used on a second order too; that cost its points once more."),
    "used_late": _l("The code was used after its time; its points were taken all the same."),
    "used_unseen": _l("The shop says that the code was used, but no order with it was ever seen."),
    "refused": _l("The shop refused to make the code; the points came back."),
    "shop_unreachable": _l("The shop could not be reached for a week; the points came back, the code may still work."),
}

# Why a held redemption's points came back.
VOID_REASONS: dict[str, str] = {
    "expired": _l("it was not used in time"),
    "given_back": _l("it was given back"),
    "shop_unreachable": _l("the shop could not be reached"),
    "order": _l("the order did not need all of it"),
}

ADJUST_REASONS: dict[str, str] = {
    "goodwill": _l("Goodwill"),
    "missing_order": _l("An order is missing"),
    "complaint": _l("Complaint"),
    "mistake": _l("A mistake is put right"),
    "promotion": _l("Promotion"),
    "other": _l("Something else"),
}

DECISION_REASONS: dict[str, str] = {
    "abuse": _l("Abuse of the program"),
    "wholesale": _l("Resale or wholesale"),
    "agreed": _l("Agreed with the customer"),
    "mistake": _l("A mistake is put right"),
    "other": _l("Something else"),
}

# The ledger's own words, for the table of what was booked.
KINDS: dict[str, str] = {
    "earn": _l("Earned"),
    "mature": _l("Matured"),
    "hold": _l("Set aside"),
    "capture": _l("Redeemed"),
    "void": _l("Not used"),
    "late_capture": _l("Redeemed late"),
    "clawback": _l("Taken back"),
    "reinstate": _l("Came back"),
    "settle": _l("Paid what was owed"),
    "expire": _l("Expired"),
    "adjust": _l("Adjusted"),
    "reverse": _l("Undone"),
}
ACCOUNTS: dict[str, str] = {
    "pending": _l("Pending"),
    "available": _l("Available"),
    "held": _l("Held"),
    "debt": _l("Owed"),
    "issued": _l("Issued"),
    "redeemed": _l("Redeemed"),
    "expired": _l("Expired"),
    "adjusted": _l("Adjusted"),
    "imported": _l("Imported"),
    "moved": _l("Moved"),
}


def why(word: str) -> str:
    return _text(WHY, word)


def flag(word: str) -> str:
    return _text(FLAGS, word)


def reason(words: dict[str, str], word: str) -> str:
    return _text(words, word)


def _text(words: dict[str, str], word: str) -> str:
    return str(words[word]) if word in words else gettext("Without an explanation (%(word)s).", word=word)
