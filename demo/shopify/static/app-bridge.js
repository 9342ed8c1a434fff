// A stand-in for Shopify's App Bridge, as far as a server-drawn app feels it: tokens from the admin around the frame, put on
// every call to the app's own server; the way back from the page that only asks for a token; toasts. It is loaded like the
// real one, as the first script of a document.
(() => {
  const script = document.currentScript;
  const admin = new URL(script.src).origin;
  const query = new URLSearchParams(location.search);
  const config = {
    apiKey: script.dataset.apiKey || document.querySelector('meta[name="shopify-api-key"]')?.content || "",
    shop: query.get("shop") || sessionStorage.getItem("shopify-shop") || "",
    host: query.get("host") || sessionStorage.getItem("shopify-host") || "",
    locale: query.get("locale") || "en",
  };
  for (const name of ["shop", "host"]) if (config[name]) sessionStorage.setItem(`shopify-${name}`, config[name]);

  if (window.top === window) {
    // Opened outside of the admin: the real one goes there, too.
    location.replace(`${admin}/admin/apps/${config.apiKey}`);
    return;
  }

  let asked = 0;
  const waiting = new Map();
  addEventListener("message", ({ origin, data }) => {
    if (origin !== admin || data?.kind !== "shopify-answer") return;
    waiting.get(data.id)?.(data.value);
    waiting.delete(data.id);
  });
  const ask = (what, value) =>
    new Promise((resolve) => {
      const id = ++asked;
      waiting.set(id, resolve);
      window.parent.postMessage({ kind: "shopify-ask", id, what, value }, admin);
    });

  const idToken = () => ask("idToken");
  const plain = window.fetch.bind(window);
  const own = (address) => new URL(address, location.href).origin === location.origin;
  const withToken = async (request) => {
    const signed = new Request(request);
    if (!signed.headers.has("Authorization")) signed.headers.set("Authorization", `Bearer ${await idToken()}`);
    return plain(signed);
  };
  window.fetch = async (input, options) => {
    const request = new Request(input, options);
    if (!own(request.url)) return plain(request);
    const again = request.clone();
    const answer = await withToken(request);
    return answer.status === 401 && answer.headers.get("X-Shopify-Retry-Invalid-Session-Request") ? withToken(again) : answer;
  };

  window.shopify = {
    config,
    idToken,
    environment: { embedded: true },
    ready: Promise.resolve(),
    loading: (isLoading) => void ask("loading", isLoading),
    toast: { show: (text, options) => void ask("toast", { text, isError: Boolean(options?.isError) }), hide() {} },
    saveBar: { show: async () => {}, hide: async () => {}, leaveConfirmation: async () => {} },
    scopes: {
      query: () => ask("scopes"),
      request: async (add) => {
        const before = (await ask("scopes")).granted;
        const { granted } = await ask("scopes", add);
        return { result: add.every((scope) => granted.includes(scope)) ? "granted-all" : "declined-all", before, granted };
      },
    },
    app: { extensions: async () => [] },
  };
  void ask("moved", location.pathname + location.search);

  // The page that a server sends to when a document came without a valid token: go back to where it was, with one.
  const back = query.get("shopify-reload");
  if (back) {
    idToken().then((token) => {
      const target = new URL(back, location.origin);
      if (target.origin !== location.origin) return;
      for (const name of ["shop", "host"]) if (config[name]) target.searchParams.set(name, config[name]);
      target.searchParams.set("embedded", "1");
      target.searchParams.set("id_token", token);
      location.replace(target);
    });
  }
})();
