"""People with a login: registering, changing, erasing, and their past orders."""

from dataclasses import replace

from demo.shop.entities import Address, Customer
from demo.shop.store import Store

ERASED_EMAIL = "deleted@site.invalid"


class EmailTaken(Exception):
    """Another account has this e-mail address."""


class LoginTaken(Exception):
    """Another account has this user name."""


def register(
    store: Store, email: str, *, first_name: str = "", last_name: str = "", username: str = "", password: str = "",
    role: str = "customer", billing: Address | None = None, shipping: Address | None = None,
) -> Customer:  # fmt: skip
    """Make an account. Past guest orders stay guest orders. Raises EmailTaken or LoginTaken."""
    if store.customer_by_email(email) is not None:
        raise EmailTaken(email)
    if username and store.customer_by_login(username) is not None:
        raise LoginTaken(username)
    now = store.now()
    customer = Customer(
        id=store.next_customer_id(),
        email=email.strip().lower(),
        username=username or _free_username(store, email),
        first_name=first_name,
        last_name=last_name,
        billing=billing or Address(),
        shipping=shipping or Address(),
        created_at=now,
        modified_at=now,
        role=role,
        password=password,
    )
    store.customers[customer.id] = customer
    store.emit("customer.created", customer.id)
    return customer


def saved(store: Store, customer: Customer) -> None:
    customer.modified_at = store.now()
    store.emit("customer.updated", customer.id)


def delete(store: Store, customer: Customer) -> None:
    """Remove the account; its orders become guest orders that keep their billing address."""
    del store.customers[customer.id]
    for order in store.orders.values():
        if order.customer_id == customer.id:
            order.customer_id = 0
    store.emit("customer.deleted", customer.id)


def link_past_orders(store: Store, customer: Customer) -> int:
    """Give the guest orders of this e-mail address to the account, as shops do once the address is verified."""
    linked = 0
    for order in store.orders.values():
        if order.customer_id == 0 and order.billing.email.lower() == customer.email:
            order.customer_id = customer.id
            order.modified_at = store.now()
            store.emit("order.updated", order.id)
            linked += 1
    return linked


def erase(store: Store, email: str) -> int:
    """Privacy erasure: the person leaves the orders and the account, the totals stay. Answers how many orders."""
    email = email.strip().lower()
    account = store.customer_by_email(email)
    erased = 0
    for order in store.orders.values():
        mine = account is not None and order.customer_id == account.id
        if not mine and order.billing.email.lower() != email:
            continue
        order.customer_id = 0
        order.billing = Address(first_name="[deleted]", email=ERASED_EMAIL)
        order.shipping = Address()
        order.ip = order.user_agent = ""
        order.meta.append(store.meta("_anonymized", "yes"))
        order.modified_at = store.now()
        store.emit("order.updated", order.id)
        erased += 1
    if account is not None:
        account.billing = account.shipping = Address()
        account.first_name = account.last_name = ""
        saved(store, account)
    return erased


def with_email(address: Address, email: str) -> Address:
    return replace(address, email=email) if not address.email else address


def _free_username(store: Store, email: str) -> str:
    base = email.split("@")[0].strip().lower()
    taken = {customer.username for customer in store.customers.values()}
    if base not in taken:
        return base
    return next(f"{base}-{n}" for n in range(2, len(taken) + 3) if f"{base}-{n}" not in taken)
