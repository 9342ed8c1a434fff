// Stand-ins of what the extensions meet: our server behind fetch, Shopify's session token, and the checkout's discount codes.

export const BASE = "https://loyalty.example/widget/v1/extension/0123456789abcdef0123456789abcdef";
export const EUR = (minor) => ({ minor, currency: "EUR", digits: 2 });

/** A server that gives its answers in turn, the last one for ever, and writes down what it was asked. */
export const server = (...answers) => {
  const calls = [];
  const send = async (url, options) => {
    calls.push({ url, ...options, body: options.body && JSON.parse(options.body) });
    const answer = answers[Math.min(calls.length, answers.length) - 1];
    if (answer instanceof Error) throw answer;
    const [status, body] = answer;
    return new Response(typeof body == "string" ? body : JSON.stringify(body), { status });
  };
  return { send, calls };
};

/** Shopify hands out another token each time, so that a stale one can be told from a fresh one. */
export const tokens = () => {
  let count = 0;
  return { get: async () => `token-${++count}` };
};

export const redemption = (more = {}) => ({
  id: "r1",
  state: "ready",
  code: "RG-ABCD",
  points: 500,
  value: EUR(500),
  expires_at: "2027-01-31T23:00:00Z",
  ...more,
});

/** Waits for nothing and writes down how long it was asked to wait. */
export const clock = () => {
  const waited = [];
  return { waited, sleep: async (ms) => void waited.push(ms) };
};
