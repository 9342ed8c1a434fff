import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../../../connectors/shopify/storefront/shared/api.js";
import { LOOKS_MS, earned, use } from "../../../connectors/shopify/storefront/shared/flow.js";
import { BASE, EUR, clock, redemption, server, tokens } from "./standins.mjs";

const KEY = "k".repeat(32);
const reward = {
  kind: "reward",
  key: "reward-500",
  reward: { id: "500", points: 500, value: EUR(500) },
  value: EUR(500),
  points: 500,
};
const code = { kind: "code", key: "code-r1", code: "RG-OLD", value: EUR(500), points: 500 };

/** The checkout's part: takes codes, or says no, or breaks. */
const checkout = (result) => {
  const applied = [];
  const applyCode = async (change) => {
    applied.push(change);
    if (result instanceof Error) throw result;
    return result || { type: "success" };
  };
  return { applied, applyCode };
};

const run = async (choice, answers, result) => {
  const { send, calls } = server(...answers);
  const { applied, applyCode } = checkout(result);
  const { waited, sleep } = clock();
  const api = connect({ base: BASE, sessionToken: tokens(), send });
  const outcome = await use({ api, applyCode, choice, key: KEY, sleep });
  return { outcome, applied, calls, waited };
};

test("a reward is redeemed once and its code put on the checkout", async () => {
  const { outcome, applied, calls, waited } = await run(reward, [[201, redemption()]]);
  assert.deepEqual(outcome, { state: "applied" });
  assert.deepEqual(applied, [{ type: "addDiscountCode", code: "RG-ABCD" }]);
  assert.equal(calls.length, 1);
  assert.deepEqual(waited, []);
});

test("a code that exists costs no points again", async () => {
  const { outcome, applied, calls } = await run(code, [[500, {}]]);
  assert.deepEqual(outcome, { state: "applied" });
  assert.deepEqual(applied, [{ type: "addDiscountCode", code: "RG-OLD" }]);
  assert.deepEqual(calls, []);
});

test("a code in the making is asked for again under the same key", async () => {
  const preparing = [202, redemption({ state: "preparing", code: null })];
  const { outcome, calls, waited } = await run(reward, [preparing, preparing, [200, redemption()]]);
  assert.deepEqual(outcome, { state: "applied" });
  assert.deepEqual(
    calls.map((call) => call.body.idempotency_key),
    [KEY, KEY, KEY],
  );
  assert.deepEqual(waited, LOOKS_MS.slice(0, 2));
});

test("a code that takes too long is said to be late, and nothing is applied", async () => {
  const { outcome, applied, calls } = await run(reward, [[202, redemption({ state: "preparing", code: null })]]);
  assert.deepEqual(outcome, { state: "late" });
  assert.deepEqual(applied, []);
  assert.equal(calls.length, LOOKS_MS.length + 1);
});

test("a redemption that has ended meanwhile puts no code on the checkout", async () => {
  const { outcome, applied } = await run(reward, [[200, redemption({ state: "ended" })]]);
  assert.deepEqual(outcome, { state: "no", message: "" });
  assert.deepEqual(applied, []);
});

test("a checkout that does not take the code tells which code it was, never Shopify's own words", async () => {
  for (const result of [{ type: "error", message: "internal words" }, new Error("broken")]) {
    const { outcome } = await run(reward, [[201, redemption()]], result);
    assert.deepEqual(outcome, { state: "refused", code: "RG-ABCD" });
  }
});

test("the server's refusal reaches the shopper in its own sentence", async () => {
  const { outcome, applied } = await run(reward, [[409, { error: { code: "debt", message: "Not now." } }]]);
  assert.deepEqual(outcome, { state: "no", message: "Not now." });
  assert.deepEqual(applied, []);
});

test("a lost answer is no refusal: nobody knows what was done", async () => {
  const { outcome, applied } = await run(reward, [new TypeError("fetch failed")]);
  assert.deepEqual(outcome, { state: "unreached" });
  assert.deepEqual(applied, []);
});

const look = async (...answers) => {
  const { send, calls } = server(...answers);
  const { waited, sleep } = clock();
  const points = await earned({ api: connect({ base: BASE, sessionToken: tokens(), send }), order: "5123", sleep });
  return { points, calls, waited };
};

test("an order that is not read yet is asked for again", async () => {
  const { points, calls, waited } = await look(
    [404, { error: { code: "not_found" } }],
    [200, { points: null }],
    [200, { points: 49 }],
  );
  assert.equal(points, 49);
  assert.equal(calls.length, 3);
  assert.deepEqual(waited, LOOKS_MS.slice(0, 2));
});

test("an order that earns nothing shows nothing and is not asked for again", async () => {
  const { points, calls } = await look([200, { points: 0 }]);
  assert.equal(points, null);
  assert.equal(calls.length, 1);
});

test("a shopper who is nobody to us is asked for once", async () => {
  const { points, calls } = await look([403, { error: { code: "wrong_origin" } }]);
  assert.equal(points, null);
  assert.equal(calls.length, 1);
});

test("looking comes to an end", async () => {
  for (const answer of [new TypeError("fetch failed"), [200, { points: null }]]) {
    const { points, calls } = await look(answer);
    assert.equal(points, null);
    assert.equal(calls.length, LOOKS_MS.length + 1);
  }
});
