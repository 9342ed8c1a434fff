// Where a platform gives its pages no tokens: the server's own, kept in this page's memory and nowhere else, goes with every
// fetch of ours as bearer. A page that is loaded anew has none, and has to be opened from the platform's admin.
(() => {
  const script = document.currentScript;
  const { root, bearer } = script.dataset;
  script.removeAttribute("data-bearer");
  if (!bearer) return;
  const plain = window.fetch.bind(window);
  window.fetch = (what, options = {}) => {
    const url = new URL(what instanceof Request ? what.url : what, location.href);
    if (url.origin !== location.origin || !`${url.pathname}/`.startsWith(root)) return plain(what, options);
    const headers = new Headers(options.headers ?? (what instanceof Request ? what.headers : undefined));
    headers.set("Authorization", `Bearer ${bearer}`);
    return plain(what, { ...options, headers });
  };
})();
