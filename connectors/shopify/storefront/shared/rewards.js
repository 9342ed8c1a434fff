// What the checkout and the account show, decided from what the server and the checkout say. Pure.
// @ts-check

/**
 * @typedef {import("./api.js").Money} Money
 * @typedef {import("./api.js").Reward} Reward
 * @typedef {import("./api.js").Redemption} Redemption
 * @typedef {import("./api.js").Balance} Balance
 * @typedef {{ currency: string, codes: string[], mayChange: boolean }} Checkout
 * @typedef {{ kind: "reward", key: string, reward: Reward, value: Money, points: number }
 *   | { kind: "code", key: string, code: string, value: Money, points: number }} Choice
 * @typedef {{ state: "hidden" } | { state: "applied", code: string } | { state: "offer", available: number, choices: Choice[] }} Offer
 */

// A list that is longer than this is read by nobody at a checkout.
const MOST_CHOICES = 8;

/**
 * What a shopper may choose at the checkout. Codes that are paid for come first; rewards only as far as the points go.
 * Nothing at all for who is no member, has nothing to choose, or cannot put a code on this checkout.
 * @param {Balance | null} balance @param {Checkout} checkout @returns {Offer}
 */
export const offer = (balance, checkout) => {
  if (!balance || !balance.points) return { state: "hidden" };
  const ready = balance.codes.filter((code) => code.state == "ready" && code.code);
  const applied = ready.find((code) => isIn(code.code, checkout.codes));
  if (applied && applied.code) return { state: "applied", code: applied.code };
  if (!checkout.mayChange) return { state: "hidden" };

  const { available } = balance.points;
  /** @type {Choice[]} */
  const codes = ready.flatMap(({ id, code, value, points }) =>
    code && value.currency == checkout.currency ? [{ kind: "code", key: `code-${id}`, code, value, points }] : [],
  );
  /** @type {Choice[]} */
  const rewards = balance.rewards
    .filter((reward) => reward.points <= available && reward.value.currency == checkout.currency)
    .sort((one, other) => one.points - other.points)
    .map((reward) => ({
      kind: "reward",
      key: `reward-${reward.id}`,
      reward,
      value: reward.value,
      points: reward.points,
    }));
  const choices = [...codes, ...rewards].slice(0, MOST_CHOICES);
  return choices.length ? { state: "offer", available, choices } : { state: "hidden" };
};

/** Shopify takes codes in either case. @param {string | null} code @param {string[]} codes */
const isIn = (code, codes) => codes.some((other) => other.toUpperCase() == (code || "").toUpperCase());

/**
 * The codes that the account lists: those that can still be used, the first to end first.
 * @param {Balance} balance @returns {Redemption[]}
 */
export const usable = (balance) =>
  balance.codes
    .filter((code) => code.state == "ready" && code.code)
    .sort((one, other) => one.expires_at.localeCompare(other.expires_at));

/** In whole units of the currency, as Intl wants it. @param {Money} money */
export const amount = (money) => money.minor / 10 ** money.digits;

/**
 * The number in "gid://shopify/Order/123". Right after the purchase the thank-you page may still speak of an OrderIdentity.
 * @param {string | undefined} gid @returns {string | null}
 */
export const orderNumber = (gid) => {
  const found = /^gid:\/\/shopify\/Order(?:Identity)?\/(\d{1,20})$/.exec(gid || "");
  return found ? found[1] || null : null;
};
