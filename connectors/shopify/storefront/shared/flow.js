// What takes more than one step: redeeming until there is a code on the checkout, waiting for an order's points.
// @ts-check
import { Refused } from "./api.js";

/**
 * @typedef {import("./api.js").Api} Api
 * @typedef {import("./rewards.js").Choice} Choice
 * @typedef {(change: { type: "addDiscountCode", code: string }) => Promise<{ type: string }>} ApplyCode
 * @typedef {(ms: number) => Promise<unknown>} Sleep
 * @typedef {{ state: "applied" } | { state: "late" } | { state: "refused", code: string }
 *   | { state: "no", message: string } | { state: "unreached" }} Outcome
 */

// A code that is being made, or an order that is being read: when to look again. Six looks in about twelve seconds.
export const LOOKS_MS = [700, 1000, 1500, 2000, 3000, 4000];

/** @type {Sleep} */
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/**
 * Put a choice on the checkout. Never throws: an outcome says what the shopper should read.
 *
 * applied: the code is on the checkout. late: the code is not ready yet, it will be among the unused ones. refused: there
 * is a code, the checkout does not take it. no: the server refused, in words made for the shopper, if it has any.
 * unreached: nothing is known; the same key may be tried again.
 * @param {{ api: Api, applyCode: ApplyCode, choice: Choice, key: string, sleep?: Sleep }} wish @returns {Promise<Outcome>}
 */
export const use = async ({ api, applyCode, choice, key, sleep = pause }) => {
  try {
    const { code, state } =
      choice.kind == "code" ? { code: choice.code, state: "ready" } : await redeemed(api, choice.reward.id, key, sleep);
    if (state == "preparing") return { state: "late" };
    if (state != "ready" || !code) return { state: "no", message: "" };
    const result = await applyCode({ type: "addDiscountCode", code }).catch(() => ({ type: "error" }));
    return result.type == "success" ? { state: "applied" } : { state: "refused", code };
  } catch (failure) {
    return failure instanceof Refused ? { state: "no", message: failure.message } : { state: "unreached" };
  }
};

/**
 * The same key again asks for the same redemption, so it also asks how far it has come.
 * @param {Api} api @param {string} reward @param {string} key @param {Sleep} sleep
 */
const redeemed = async (api, reward, key, sleep) => {
  let redemption = await api.redeem(reward, key);
  for (const ms of LOOKS_MS) {
    if (redemption.state != "preparing") break;
    await sleep(ms);
    redemption = await api.redeem(reward, key);
  }
  return redemption;
};

/**
 * The points of an order that was placed a moment ago; null when they are not known in time or there are none.
 * @param {{ api: Api, order: string, sleep?: Sleep }} wish @returns {Promise<number | null>}
 */
export const earned = async ({ api, order, sleep = pause }) => {
  for (const ms of [0, ...LOOKS_MS]) {
    if (ms) await sleep(ms);
    try {
      const { points } = await api.order(order);
      if (points != null) return points || null;
    } catch (failure) {
      // Not found means not yet read. Anything else that the server refuses will not change by asking again.
      if (failure instanceof Refused && failure.status != 404) return null;
    }
  }
  return null;
};
