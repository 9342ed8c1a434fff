// The back office inside a platform's own admin. A link or a form would load a document, which has no proof of who asks;
// so both are fetched, with the proof that the platform's bridge adds to every fetch, and the page is put in place.
(() => {
  const { root, failed, unsure, stale, ...words } = document.currentScript.dataset;
  // What the platform put into the address of the first document. Its token is used up and no business of the address bar.
  const noise = words.noise.split(" ");
  const kept = words.carried.split(" ");
  const carried = [...new URLSearchParams(location.search)].filter(([name]) => kept.includes(name));
  const bridge = () => words.bridge ? window[words.bridge] : undefined;
  const language = document.documentElement.lang; // what the platform said once; a fetch says it as a browser does

  let here; // the page that is shown, without what the platform adds
  let asked = 0; // number of the newest question: what was asked before it comes too late
  let sending = false; // a form under way is neither sent twice nor left

  const plain = (address) => {
    const url = new URL(address, here ?? location.href);
    noise.forEach((name) => url.searchParams.delete(name));
    return url;
  };
  const shown = (url) => {
    const address = new URL(url);
    carried.forEach(([name, value]) => address.searchParams.set(name, value));
    return address;
  };
  const isOurs = (url) => url.origin === location.origin && `${url.pathname}/`.startsWith(root);
  const main = () => document.querySelector("main");

  const tell = (text) => {
    const note = document.createElement("p");
    note.className = "note error-note";
    note.setAttribute("role", "alert");
    note.textContent = text;
    main().querySelectorAll(":scope > .error-note[role=alert]").forEach((old) => old.remove());
    main().prepend(note);
    scrollTo(0, 0);
  };

  const busy = (is) => {
    document.documentElement.setAttribute("aria-busy", String(is));
    bridge()?.loading?.(is);
  };

  const put = (page, hash) => {
    const fresh = page.querySelector("main") ?? page.body;
    const place = document.createElement("main");
    place.id = "main";
    place.tabIndex = -1;
    place.append(...fresh.childNodes);
    const first = place.querySelector("[autofocus]");
    first?.removeAttribute("autofocus"); // browsers refuse that in a frame, and say so
    main().replaceWith(place);
    const tabs = page.querySelector(".tabs"); // our own menu, where the platform draws none: it shows where one is
    if (tabs) document.querySelector(".tabs")?.replaceWith(tabs);
    document.body.className = page.body.className;
    document.title = page.title;
    document.dispatchEvent(new Event("regulars:page"));
    const target = hash && document.getElementById(decodeURIComponent(hash.slice(1)));
    const focused = target || place.querySelector("[aria-invalid=true]") || first;
    (focused || place).focus({ preventScroll: true });
    if (focused) focused.scrollIntoView(); else scrollTo(0, 0);
  };

  const save = async (answer) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await answer.blob());
    link.download = /filename="?([^";]+)/.exec(answer.headers.get("Content-Disposition"))?.[1] ?? "";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  };

  // `push`: whether it is a step of its own, to come back from.
  const go = async (url, { body, push = true } = {}) => {
    if (sending) return;
    const mine = ++asked;
    sending = Boolean(body);
    busy(true);
    try {
      const answer = await fetch(url, { method: body ? "POST" : "GET", body, headers: { Accept: "text/html", "Accept-Language": language } });
      if (mine !== asked) return;
      if (answer.status === 401) { tell(stale); return; }
      if (answer.headers.get("Content-Disposition")?.startsWith("attachment")) { await save(answer); return; }
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (mine !== asked) return;
      const place = answer.headers.get("Content-Location");
      const address = place || !body ? plain(place ?? url) : null; // what only a form leads to has no address to come back to
      here = plain(place ?? url);
      if (address && push) history[address.href === plain(location.href).href ? "replaceState" : "pushState"](null, "", shown(address));
      put(page, address?.hash || url.hash);
    } catch {
      if (mine === asked) tell(body ? unsure : failed);
    } finally {
      if (body) sending = false;
      if (mine === asked) busy(false);
    }
  };

  // The platform asks about changes that are not saved; a form says by `data-save-bar` that it may have some.
  const leave = async (url, options) => {
    await bridge()?.saveBar?.leaveConfirmation?.();
    await go(url, options);
  };

  const begin = () => document.querySelectorAll("form[data-guard]").forEach((form) => { form.dataset.saveBar = ""; });

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    if ("plain" in link.dataset) return;
    const url = new URL(link.getAttribute("href"), here);
    if (!isOurs(url)) { if (!link.target) link.target = "_blank"; return; } // another site would refuse the frame
    if (link.target) return;
    event.preventDefault();
    if (url.hash && url.pathname === here.pathname && url.search === here.search) document.getElementById(url.hash.slice(1))?.focus();
    else leave(url);
  });

  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    event.preventDefault();
    const form = event.target;
    const url = new URL(form.getAttribute("action") || here, here);
    const body = new FormData(form, event.submitter);
    if (form.getAttribute("method")?.toLowerCase() === "post") { go(url, { body }); return; }
    url.search = new URLSearchParams(body);
    leave(url);
  });

  // A click in the platform's own menu.
  if (words.bridge) document.addEventListener(`${words.bridge}:navigate`, (event) => {
    const href = event.target?.getAttribute?.("href");
    if (href && isOurs(new URL(href, here))) { event.preventDefault(); leave(new URL(href, here)); }
  });
  document.addEventListener("regulars:reload", (event) => { event.preventDefault(); go(here, { push: false }); });
  document.addEventListener("regulars:page", begin);
  addEventListener("popstate", () => { here = plain(location.href); go(here, { push: false }); });

  here = plain(location.href);
  history.replaceState(null, "", shown(here));
  begin();
})();
