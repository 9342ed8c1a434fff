// Calls to our server from the checkout and the account. Every call carries Shopify's session token, which says which
// shop and which customer: neither is ever sent as a value of its own.
// @ts-check

/**
 * @typedef {{ minor: number, currency: string, digits: number }} Money
 * @typedef {{ id: string, points: number, value: Money }} Reward
 * @typedef {{ id: string, state: string, code: string | null, points: number, value: Money, expires_at: string }}
 *   Redemption
 * @typedef {{ available: number, pending: number }} Points
 * @typedef {{ points: Points | null, value: Money | null, rewards: Reward[], codes: Redemption[] }} Balance
 * @typedef {{ points: number | null }} OrderPoints
 * @typedef {{ get(): Promise<string> }} SessionToken
 * @typedef {{
 *   balance(): Promise<Balance>,
 *   order(id: string): Promise<OrderPoints>,
 *   redeem(reward: string, key: string): Promise<Redemption>,
 * }} Api
 */

export const TIMEOUT_MS = 8000;

/** The server said no, in words made for the shopper; `code` is stable. */
export class Refused extends Error {
  /** @param {number} status @param {{ code?: unknown, message?: unknown }} error */
  constructor(status, error) {
    super(text(error.message));
    this.status = status;
    this.code = text(error.code);
  }
}

/** No answer, or one that is not ours. Whether something was done is not known. */
export class Unreached extends Error {}

/**
 * @param {{ base: string, sessionToken: SessionToken, send?: typeof fetch, timeoutMs?: number }} link
 * @returns {Api}
 */
export const connect = ({ base, sessionToken, send = fetch, timeoutMs = TIMEOUT_MS }) => {
  /** @param {string} path @param {unknown} [body] @returns {Promise<Response>} */
  const once = async (path, body) => {
    const timer = new AbortController();
    const id = setTimeout(() => timer.abort(), timeoutMs);
    try {
      const token = await sessionToken.get();
      return await send(`${base}/${path}`, {
        method: body ? "POST" : "GET",
        headers: { Authorization: `Bearer ${token}`, ...(body ? { "Content-Type": "application/json" } : {}) },
        body: body ? JSON.stringify(body) : undefined,
        credentials: "omit",
        signal: timer.signal,
      });
    } catch {
      throw new Unreached();
    } finally {
      clearTimeout(id);
    }
  };

  /** @param {string} path @param {unknown} [body] */
  const call = async (path, body) => {
    let response = await once(path, body);
    // The token may have run out on the way: Shopify hands out a new one. What is sent twice is the same in effect.
    if (response.status == 401) response = await once(path, body);
    const answer = await response.json().catch(() => null);
    if (!isObject(answer)) throw new Unreached();
    if (!response.ok) throw new Refused(response.status, isObject(answer.error) ? answer.error : {});
    return answer;
  };

  return {
    balance: async () => readBalance(await call("balance")),
    order: async (id) => ({ points: count((await call(`order/${encodeURIComponent(id)}`)).points) }),
    redeem: async (reward, key) => {
      const redemption = readRedemption(await call("redeem", { reward, idempotency_key: key }));
      if (!redemption) throw new Unreached();
      return redemption;
    },
  };
};

/**
 * One key per intent: asking again after a lost answer gets the first answer, not a second redemption.
 * @param {(count: number) => Uint8Array} [random]
 */
export const newKey = (random = (count) => crypto.getRandomValues(new Uint8Array(count))) =>
  [...random(16)].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** What is not as agreed counts as nothing: half an answer must not become an offer. @param {any} answer @returns {Balance} */
const readBalance = (answer) => {
  const points = isObject(answer.points) ? answer.points : null;
  const available = points && count(points.available);
  return {
    points: available == null ? null : { available, pending: count(points.pending) || 0 },
    value: readMoney(answer.value),
    rewards: list(answer.rewards, readReward),
    codes: list(answer.codes, readRedemption),
  };
};

/** @param {any} it @returns {Reward | null} */
const readReward = (it) => {
  const value = readMoney(it.value);
  const points = count(it.points);
  return value && points && typeof it.id == "string" && it.id ? { id: it.id, points, value } : null;
};

/** @param {any} it @returns {Redemption | null} */
const readRedemption = (it) => {
  const value = readMoney(it.value);
  const points = count(it.points);
  if (!value || points == null || typeof it.id != "string") return null;
  return {
    id: it.id,
    state: text(it.state),
    code: text(it.code) || null,
    points,
    value,
    expires_at: text(it.expires_at),
  };
};

/** @param {any} it @returns {Money | null} */
const readMoney = (it) =>
  isObject(it) && count(it.minor) != null && /^[A-Z]{3}$/.test(text(it.currency)) && Number(count(it.digits)) <= 4
    ? { minor: it.minor, currency: it.currency, digits: count(it.digits) || 0 }
    : null;

/** @template T @param {unknown} items @param {(item: any) => T | null} read @returns {T[]} */
const list = (items, read) =>
  (Array.isArray(items) ? items : []).filter(isObject).flatMap((item) => {
    const known = read(item);
    return known ? [known] : [];
  });

/** A whole number that is not negative, else null. @param {any} value @returns {number | null} */
const count = (value) => (Number.isSafeInteger(value) && value >= 0 ? value : null);
/** @param {unknown} value */
const text = (value) => (typeof value == "string" ? value : "");
/** @param {any} value @returns {value is Record<string, any>} */
const isObject = (value) => typeof value == "object" && value !== null && !Array.isArray(value);
