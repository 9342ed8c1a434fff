import assert from "node:assert/strict";
import { test } from "node:test";
import { Refused, Unreached, connect, newKey } from "../../../connectors/shopify/storefront/shared/api.js";
import { BASE, EUR, redemption, server, tokens } from "./standins.mjs";

const link = (...answers) => {
  const { send, calls } = server(...answers);
  return { api: connect({ base: BASE, sessionToken: tokens(), send }), calls };
};
const balance = { points: { available: 700, pending: 40, held: 0, debt: 0 }, value: EUR(700), rewards: [], codes: [] };

test("a call carries the session token as bearer, no cookie and nobody's id", async () => {
  const { api, calls } = link([200, balance]);
  await api.balance();
  assert.equal(calls[0].url, `${BASE}/balance`);
  assert.equal(calls[0].method, "GET");
  assert.equal(calls[0].credentials, "omit");
  assert.deepEqual(calls[0].headers, { Authorization: "Bearer token-1" });
  assert.equal(calls[0].body, undefined);
});

test("a redemption names the reward and the key of the intent", async () => {
  const { api, calls } = link([201, redemption()]);
  assert.equal((await api.redeem("500", "k".repeat(32))).code, "RG-ABCD");
  assert.equal(calls[0].method, "POST");
  assert.equal(calls[0].headers["Content-Type"], "application/json");
  assert.deepEqual(calls[0].body, { reward: "500", idempotency_key: "k".repeat(32) });
});

test("an order's id is one piece of the address, whatever it holds", async () => {
  const { api, calls } = link([200, { points: 12 }]);
  assert.deepEqual(await api.order("../balance?x#y"), { points: 12 });
  assert.equal(calls[0].url, `${BASE}/order/..%2Fbalance%3Fx%23y`);
});

test("a token that ran out is replaced once, not for ever", async () => {
  const once = link([401, { error: { code: "sign_in", message: "" } }], [200, balance]);
  assert.equal((await once.api.balance()).points.available, 700);
  assert.deepEqual(
    once.calls.map((call) => call.headers.Authorization),
    ["Bearer token-1", "Bearer token-2"],
  );

  const always = link([401, { error: { code: "sign_in", message: "Please sign in." } }]);
  await assert.rejects(always.api.balance(), (failure) => failure instanceof Refused && failure.status == 401);
  assert.equal(always.calls.length, 2);
});

test("a refusal keeps the server's code and its sentence for the shopper", async () => {
  const { api } = link([409, { error: { code: "insufficient_points", message: "Not so many." } }]);
  await assert.rejects(
    api.redeem("500", "k".repeat(32)),
    (failure) =>
      failure instanceof Refused && failure.code == "insufficient_points" && failure.message == "Not so many.",
  );
});

test("no answer, and an answer that is not ours, are both unreached", async () => {
  for (const answer of [new TypeError("fetch failed"), [502, "<html>bad gateway"], [200, "[]"], [200, "null"]]) {
    await assert.rejects(link(answer).api.balance(), Unreached);
  }
});

test("a server that is silent is given up", async () => {
  const send = (_, { signal }) =>
    new Promise((_, fail) => signal?.addEventListener("abort", () => fail(signal.reason)));
  await assert.rejects(connect({ base: BASE, sessionToken: tokens(), send, timeoutMs: 1 }).balance(), Unreached);
});

test("a checkout without a token is unreached and asks nobody", async () => {
  const { send, calls } = server([200, balance]);
  const sessionToken = { get: async () => Promise.reject(new Error("no token")) };
  await assert.rejects(connect({ base: BASE, sessionToken, send }).balance(), Unreached);
  assert.deepEqual(calls, []);
});

test("what is not as agreed becomes no offer", async () => {
  const odd = {
    points: { available: 700.5, pending: "40" },
    value: { minor: -1, currency: "EUR", digits: 2 },
    rewards: [
      null,
      { id: 5, points: 100, value: EUR(100) },
      { id: "a", points: "100", value: EUR(100) },
      { id: "b", points: 0, value: EUR(100) },
      { id: "c", points: 100, value: { minor: 100, currency: "euro", digits: 2 } },
      { id: "d", points: 100, value: { minor: 100, currency: "EUR", digits: 9 } },
      { id: "good", points: 100, value: EUR(100) },
    ],
    codes: "RG-ABCD",
  };
  const read = await link([200, odd]).api.balance();
  assert.equal(read.points, null);
  assert.equal(read.value, null);
  assert.deepEqual(
    read.rewards.map(({ id }) => id),
    ["good"],
  );
  assert.deepEqual(read.codes, []);
  assert.deepEqual(await link([200, { points: "12" }]).api.order("1"), { points: null });
  await assert.rejects(link([200, { state: "ready" }]).api.redeem("500", "k".repeat(32)), Unreached);
});

test("a key is what the server takes for one, and another each time", () => {
  assert.match(newKey(), /^[0-9a-f]{32}$/);
  assert.notEqual(newKey(), newKey());
  assert.equal(
    newKey((count) => new Uint8Array(count)),
    "0".repeat(32),
  );
});
