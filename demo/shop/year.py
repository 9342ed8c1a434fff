"""A believable year of business, the same for the same seed: customers, guests, orders, refunds, unpaid cash."""

import random
from dataclasses import dataclass, replace

from demo.shop import catalogue, coupons, orders
from demo.shop.entities import Address, CouponLine, Customer, Order, OrderLine, ShippingLine
from demo.shop.pricing import Item, price
from demo.shop.store import Store

DAY = 86_400
YEAR = 365 * DAY
PASSWORD = "demo"
OWNER = ("owner", "owner@fernway.example")
# First and last names that go together.
NAMES = (
    (
        (
            "Anna",
            "Jana",
            "Petra",
            "Eva",
            "Lucie",
            "Tereza",
            "Klára",
            "Marie",
            "Ivana",
            "Alena",
            "Emma",
            "Sofie",
            "Olga",
        ),
        ("Nováková", "Svobodová", "Dvořáková", "Černá", "Procházková", "Kučerová", "Veselá", "Horáková", "Němcová"),
    ),
    (
        ("Jan", "Petr", "Pavel", "Tomáš", "Martin", "Jakub", "Lukáš", "Ondřej", "Filip", "David", "Adam", "Marek"),
        ("Novák", "Svoboda", "Dvořák", "Černý", "Procházka", "Kučera", "Veselý", "Horák", "Němec", "Beneš", "Fiala"),
    ),
)
PLAIN = str.maketrans("áčďéěíňóřšťúůýžÁČĎÉĚÍŇÓŘŠŤÚŮÝŽ", "acdeeinorstuuyzACDEEINORSTUUYZ")
CITIES = (("Brno", "60200"), ("Praha", "11000"), ("Ostrava", "70200"), ("Olomouc", "77900"), ("Plzeň", "30100"))
STREETS = ("Dlouhá", "Krátká", "Lipová", "Nádražní", "Zahradní", "Husova", "Polní")
# Out of a thousand finished orders this many end so; the rest are completed.
CANCELLED, FAILED, REFUNDED, PARTLY = 45, 15, 30, 50
# Younger orders are still on their way.
OPEN_FOR = 4 * DAY
# Above 1, people at the front of the list order more often.
REGULARITY = 1.5
TRIES = 8


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who orders: `customer_id` 0 for a guest."""

    customer_id: int
    address: Address


def fill(store: Store, *, order_count: int, customer_count: int) -> None:
    """Staff, customers, and then the orders from the oldest to the newest."""
    dice = random.Random(store.seed)
    start = store.now() - YEAR
    people = _people(store, dice, customer_count, start)
    _coupons(store, start)
    moments = sorted(start + int(dice.random() ** 0.8 * (YEAR - 3600)) for _ in range(order_count))
    for at in moments:
        order = _order(store, dice, _pick(dice, people, at, store), at)
        _finish(store, dice, order)


def add_owner(store: Store) -> Customer:
    """The shop's administrator: user 1, as in a fresh WordPress."""
    name, email = OWNER
    now = store.now()
    owner = Customer(store.next_customer_id(), email, name, "Shop", "Owner", Address(), Address(), now - YEAR - DAY,
                     now - YEAR - DAY, role="administrator", password=name)  # fmt: skip
    store.customers[owner.id] = owner
    return owner


def _people(store: Store, dice: random.Random, count: int, start: int) -> list[Person]:
    """Five in six have an account, the others always order as guests."""
    people = []
    for number in range(count):
        first, last = (dice.choice(part) for part in dice.choice(NAMES))
        login = f"{first}.{last}".translate(PLAIN).lower()
        email = f"{login}{number}@example.com" if number else "anna@example.com"
        city, postcode = dice.choice(CITIES)
        street = f"{dice.choice(STREETS)} {dice.randint(1, 120)}"
        if number == 0:
            first, last = "Anna", "Nováková"
        phone = f"+420777{dice.randint(0, 999999):06d}"
        address = Address(first, last, "", street, "", city, "", postcode, "CZ", email, phone)
        if number % 6 == 5:
            people.append(Person(0, address))
            continue
        at = start + int(dice.random() * YEAR * 0.6) if number else start
        customer = Customer(
            store.next_customer_id(), email, email.split("@")[0], first, last, address, replace(address, email=""),
            at, at, password=PASSWORD,
        )  # fmt: skip
        store.customers[customer.id] = customer
        people.append(Person(customer.id, address))
    return people or [Person(0, Address(first_name="Guest", email="guest@example.com", country="CZ"))]


def _pick(dice: random.Random, people: list[Person], at: int, store: Store) -> Person:
    """Regulars order often: the front of the list is drawn more. Nobody with an account orders before having it."""
    for _ in range(TRIES):
        person = people[int(dice.random() ** REGULARITY * len(people))]
        customer = store.customers.get(person.customer_id)
        if customer is None or customer.created_at <= at:
            return person
    return people[0]


def _coupons(store: Store, start: int) -> None:
    for code, kind, amount in (("welcome5", "fixed_cart", 500), ("spring10", "percent", 1000)):
        coupon = coupons.create(store, code, kind=kind, amount=amount)
        coupon.created_at = coupon.modified_at = start
        coupon.description = "The shop's own offer"


def _order(store: Store, dice: random.Random, person: Person, at: int) -> Order:
    products = dice.sample(catalogue.PRODUCTS, dice.choices((1, 2, 3), (60, 30, 10))[0])
    items = [Item(p.id, n, p.price * n) for p in products for n in dice.choices((1, 2, 3), (80, 15, 5))]
    code = dice.choice(("welcome5", "spring10")) if dice.random() < 0.06 else ""
    coupon = store.coupon_by_code(code) if code else None
    priced = price(items, [coupon] if coupon else [], remainder_goes_round=store.rules.remainder_goes_round)
    cash = dice.random() < 0.25
    order = Order(
        store.next_post_id(), f"wc_order_{store.token(13)}", "processing", person.customer_id, person.address,
        replace(person.address, email=""), at, at, "store-api", "cod" if cash else "demo_card",
        "Cash on delivery" if cash else "Demo card", paid_at=None if cash else at,
    )  # fmt: skip
    order.tax_line_id = store.next_item_id()
    for product, item, left in zip(products, items, priced.totals, strict=True):
        order.lines.append(
            OrderLine(store.next_item_id(), product.id, product.name, product.sku, item.quantity, item.subtotal, left)
        )
    if any(not product.virtual for product in products):
        order.shipping_lines = [
            ShippingLine(store.next_item_id(), catalogue.SHIPPING_TITLE, "flat_rate", "1", catalogue.SHIPPING)
        ]
    if coupon is not None:
        order.coupon_lines = [
            CouponLine(store.next_item_id(), store.next_meta_id(), coupon.id, coupon.code, coupon.kind, coupon.amount,
                       priced.discounts[coupon.code], coupon.free_shipping, {"id": coupon.id, "code": coupon.code})
        ]  # fmt: skip
    store.orders[order.id] = order
    return order


def _finish(store: Store, dice: random.Random, order: Order) -> None:
    """Let the order's life take its course up to today, silently: nobody listens to the past."""
    age = store.now() - order.created_at
    order.status = _fate(dice, order, age)
    lag = min(age // 2, dice.randint(DAY // 2, 3 * DAY))
    if order.status in {"completed", "refunded"}:
        order.completed_at = order.created_at + lag
        order.paid_at = order.paid_at or order.completed_at
    if order.status in {"failed", "cancelled"}:
        order.paid_at = None if order.status == "failed" else order.paid_at
    if order.status != "processing":
        order.modified_at = order.created_at + lag
    coupons.count_usage(store, order, "completed" if order.status == "refunded" else order.status)
    part = order.status == "completed" and dice.random() * 1000 < PARTLY
    if order.status == "refunded" or part:
        _refund(store, order, dice, whole=not part)
    customer = store.customers.get(order.customer_id)
    if customer is not None and order.status == "completed":
        customer.paying = True


def _fate(dice: random.Random, order: Order, age: int) -> str:
    virtual = not order.shipping_lines
    roll = dice.random() * 1000
    if roll < FAILED and order.payment_method == "demo_card":
        return "failed"
    if roll < FAILED + CANCELLED:
        return "cancelled"
    if age < OPEN_FOR and not virtual:
        return "processing"
    return "refunded" if roll < FAILED + CANCELLED + REFUNDED else "completed"


def _refund(store: Store, order: Order, dice: random.Random, *, whole: bool) -> None:
    """Half of the whole refunds name their lines, half are just an amount, as in real shops."""
    quantities = {line.id: line.quantity for line in order.lines} if whole else {order.lines[0].id: 1}
    lines = orders.lines_to_refund(store, order, quantities) if not whole or dice.random() < 0.5 else []
    amount = order.total if whole else sum(line.net + line.tax for line in lines)
    made = orders.book_past_refund(store, order, amount, lines)
    made.created_at = order.modified_at = min(store.now(), (order.completed_at or order.created_at) + 2 * DAY)
