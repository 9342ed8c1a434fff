// The admin around the app's frame: answers what App Bridge asks, and nobody but the frame of the app.
const frame = () => document.querySelector("iframe[data-app]");
const toast = document.querySelector("[data-toast]");

const answers = {
  idToken: async () => (await (await fetch("/admin/app-bridge/session-token", { cache: "no-store" })).json()).token,
  toast: async ({ text }) => {
    toast.textContent = text;
    setTimeout(() => (toast.textContent = ""), 4000);
  },
  scopes: async (add) => {
    const options = add ? { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ add }) } : {};
    return (await fetch("/admin/app-bridge/scopes", options)).json();
  },
  loading: async () => {},
  moved: async (path) => {
    document.body.dataset.appPath = path.split("?")[0];
  },
};

addEventListener("message", async ({ origin, source, data }) => {
  const app = frame();
  if (!app || origin !== new URL(app.src).origin || source !== app.contentWindow || data?.kind !== "shopify-ask") return;
  const value = await answers[data.what]?.(data.value);
  source.postMessage({ kind: "shopify-answer", id: data.id, value }, origin);
});
