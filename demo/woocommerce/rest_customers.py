"""`/customers` of wc/v3. No modified_after here: a real shop does not have it either."""

from typing import Any

from demo.shop import customers
from demo.shop.entities import Address, Customer
from demo.woocommerce import shapes
from demo.woocommerce.calls import Call, Reply
from demo.woocommerce.errors import WpError, missing_param
from demo.woocommerce.forms import merged_address, merged_meta
from demo.woocommerce.listing import Sort, by_dates, page
from demo.woocommerce.site import Site

ROLES = ("all", "administrator", "editor", "author", "contributor", "subscriber", "customer", "shop_manager")
SORT: Sort[Customer] = Sort(
    {
        "id": lambda customer: (customer.id,),
        "include": lambda customer: (customer.id,),
        "name": lambda customer: (customer.username, customer.id),
        "registered_date": lambda customer: (customer.created_at, customer.id),
    },
    default="name",
)


def index(site: Site, call: Call) -> Reply:
    """`email=` too looks only among customers unless role=all is asked for."""
    rows = by_dates(call, site.store.customers.values(), modified=None)
    role = call.choice("role", "customer", ROLES)
    if role != "all":
        rows = [customer for customer in rows if customer.role == role]
    if email := call.text("email").strip().lower():
        rows = [customer for customer in rows if customer.email == email]
    if search := call.text("search").strip().lower():
        rows = [customer for customer in rows if search in f"{customer.email} {customer.username}".lower()]
    return page(site, call, rows, SORT, lambda customer: shapes.customer(site, customer), default_order="asc")


def show(site: Site, call: Call) -> Reply:
    return Reply(shapes.customer(site, _found(site, call, 404)))


def create(site: Site, call: Call) -> Reply:
    params = call.params
    email = str(params.get("email") or "").strip()
    if not email:
        raise missing_param("email")
    try:
        customer = customers.register(
            site.store,
            email,
            first_name=str(params.get("first_name", "")),
            last_name=str(params.get("last_name", "")),
            username=str(params.get("username") or ""),
            password=str(params.get("password") or ""),
            billing=merged_address(Address(), params.get("billing")),
            shipping=merged_address(Address(), params.get("shipping")),
        )
    except customers.EmailTaken as error:
        message = "An account is already registered with your email address."
        raise WpError("registration-error-email-exists", message, 400) from error
    except customers.LoginTaken as error:
        message = "An account is already registered with that username. Please choose another."
        raise WpError("registration-error-username-exists", message, 400) from error
    customer.meta = merged_meta(site.store, customer.meta, params.get("meta_data"))
    return Reply(shapes.customer(site, customer), 201, {"Location": shapes.rest_url(site, f"customers/{customer.id}")})


def update(site: Site, call: Call) -> Reply:
    customer = _found(site, call, 400)
    _change(site, customer, call.params)
    customers.saved(site.store, customer)
    return Reply(shapes.customer(site, customer))


def delete(site: Site, call: Call) -> Reply:
    if not call.flag("force"):
        raise WpError("woocommerce_rest_trash_not_supported", "Customers do not support trashing.", 501)
    customer = _found(site, call, 400)
    shape = shapes.customer(site, customer)
    customers.delete(site.store, customer)
    return Reply(shape)


def _found(site: Site, call: Call, status: int) -> Customer:
    customer = site.store.customers.get(call.ids["customer"])
    if customer is None:
        raise WpError("woocommerce_rest_invalid_id", "Invalid resource ID.", status)
    return customer


def _change(site: Site, customer: Customer, params: Any) -> None:
    if email := str(params.get("email") or "").strip().lower():
        other = site.store.customer_by_email(email)
        if other is not None and other.id != customer.id:
            raise WpError("woocommerce_rest_customer_invalid_email", "Email address is invalid.", 400)
        customer.email = email
    customer.first_name = str(params.get("first_name", customer.first_name))
    customer.last_name = str(params.get("last_name", customer.last_name))
    customer.billing = merged_address(customer.billing, params.get("billing"))
    customer.shipping = merged_address(customer.shipping, params.get("shipping"))
    customer.meta = merged_meta(site.store, customer.meta, params.get("meta_data"))
