import assert from "node:assert/strict";
import { test } from "node:test";
import { amount, offer, orderNumber, usable } from "../../../connectors/shopify/storefront/shared/rewards.js";
import { EUR, redemption } from "./standins.mjs";

const reward = (points, value = EUR(points)) => ({ id: String(points), points, value });
const member = (more = {}) => ({
  points: { available: 700, pending: 0 },
  value: EUR(700),
  rewards: [reward(1000), reward(500), reward(700), reward(200)],
  codes: [],
  ...more,
});
const checkout = (more = {}) => ({ currency: "EUR", codes: [], mayChange: true, ...more });
const keys = (view) => view.choices.map(({ key }) => key);

test("rewards are offered as far as the points go, the smallest first", () => {
  const view = offer(member(), checkout());
  assert.equal(view.available, 700);
  assert.deepEqual(keys(view), ["reward-200", "reward-500", "reward-700"]);
});

test("a code that is paid for comes before new rewards", () => {
  const view = offer(member({ codes: [redemption()] }), checkout());
  assert.deepEqual(keys(view).slice(0, 2), ["code-r1", "reward-200"]);
  assert.deepEqual(view.choices[0], { kind: "code", key: "code-r1", code: "RG-ABCD", value: EUR(500), points: 500 });
});

test("a code that is not ready is no choice", () => {
  for (const state of ["preparing", "ending", "used", "ended"]) {
    assert.deepEqual(keys(offer(member({ rewards: [reward(200)], codes: [redemption({ state })] }), checkout())), [
      "reward-200",
    ]);
  }
  const view = offer(member({ rewards: [reward(200)], codes: [redemption({ code: null })] }), checkout());
  assert.deepEqual(keys(view), ["reward-200"]);
});

test("our code on the checkout ends the offer, in either case of letters", () => {
  const codes = [redemption()];
  assert.deepEqual(offer(member({ codes }), checkout({ codes: ["rg-abcd"] })), { state: "applied", code: "RG-ABCD" });
  assert.equal(offer(member({ codes }), checkout({ codes: ["SUMMER"] })).state, "offer");
});

test("nothing is shown to strangers, without a choice, or where codes cannot change", () => {
  const hidden = { state: "hidden" };
  assert.deepEqual(offer(null, checkout()), hidden);
  assert.deepEqual(offer(member({ points: null }), checkout()), hidden);
  assert.deepEqual(offer(member({ rewards: [reward(1000)] }), checkout()), hidden);
  assert.deepEqual(offer(member({ codes: [redemption()] }), checkout({ mayChange: false })), hidden);
});

test("a value in another currency than the checkout's is not offered", () => {
  const codes = [redemption()];
  assert.deepEqual(offer(member({ codes }), checkout({ currency: "CZK" })), { state: "hidden" });
});

test("the list stays short, and the server's own list is left as it was", () => {
  const rewards = Array.from({ length: 30 }, (_, index) => reward(30 - index));
  assert.equal(offer(member({ rewards }), checkout()).choices.length, 8);
  assert.equal(rewards[0].points, 30);
});

test("the account lists codes that can be used, the first to end first", () => {
  const codes = [
    redemption({ id: "late", expires_at: "2027-03-01T00:00:00Z" }),
    redemption({ id: "used", state: "used" }),
    redemption({ id: "soon", expires_at: "2027-01-01T00:00:00Z" }),
  ];
  assert.deepEqual(
    usable(member({ codes })).map(({ id }) => id),
    ["soon", "late"],
  );
});

test("money is told in whole units, whatever the currency's digits", () => {
  assert.equal(amount(EUR(1250)), 12.5);
  assert.equal(amount({ minor: 1250, currency: "JPY", digits: 0 }), 1250);
  assert.equal(amount({ minor: 1250, currency: "KWD", digits: 3 }), 1.25);
});

test("an order is known by its number, in both forms that the thank-you page uses", () => {
  assert.equal(orderNumber("gid://shopify/Order/5123456789012"), "5123456789012");
  assert.equal(orderNumber("gid://shopify/OrderIdentity/5123456789012"), "5123456789012");
  for (const other of [
    undefined,
    "",
    "5123",
    "gid://shopify/Customer/1",
    "gid://shopify/Order/1?x=2",
    "gid://shopify/Order/",
  ]) {
    assert.equal(orderNumber(other), null);
  }
});
