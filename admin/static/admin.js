// The few things that pages cannot do without a script. Every page works without it.

const copy = (button) => {
  const field = document.getElementById(button.dataset.copy);
  field.select();
  const done = () => {
    const label = button.textContent;
    button.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = label; }, 2000);
  };
  if (navigator.clipboard) navigator.clipboard.writeText(field.value).then(done, () => {});
  else if (document.execCommand("copy")) done();
};

// Inside a platform's own admin, a page is not loaded but put in place: who does that hears the event.
const reload = () => {
  if (document.dispatchEvent(new Event("regulars:reload", { cancelable: true }))) location.reload();
};

// A part of the page that the server draws anew while something moves: data-refresh = address, data-every = seconds.
const refresh = async (part) => {
  if (!part.isConnected) return;
  try {
    const answer = await fetch(part.dataset.refresh, { headers: { Accept: "text/html" } });
    if (answer.ok && !answer.redirected) {
      const fresh = document.createRange().createContextualFragment(await answer.text()).firstElementChild;
      if (part.dataset.state !== fresh.dataset.state) { reload(); return; }
      part.replaceWith(fresh);
      watch(fresh);
      return;
    }
  } catch { /* the server is away: try again */ }
  watch(part);
};

const watch = (part) => {
  if (part.dataset.refresh) setTimeout(() => refresh(part), Number(part.dataset.every) * 1000);
};

// The worked example beside a form, kept up with what is typed: data-example = address, data-into = id of the place.
const keepExample = (form) => {
  let waiting, asked = 0;
  const ask = async () => {
    const number = ++asked;
    const answer = await fetch(form.dataset.example, { method: "POST", body: new FormData(form) });
    if (!answer.ok || answer.redirected || number !== asked) return;
    document.getElementById(form.dataset.into).innerHTML = await answer.text();
  };
  form.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(ask, 350); });
};

// Leaving with changes that are not saved asks first.
const guard = (form) => {
  let changed = false;
  form.addEventListener("input", () => { changed = true; });
  form.addEventListener("submit", () => { changed = false; });
  addEventListener("beforeunload", (event) => { if (changed && form.isConnected) event.preventDefault(); });
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});
const begin = () => {
  document.querySelectorAll("[data-refresh]").forEach(watch);
  document.querySelectorAll("form[data-example]").forEach(keepExample);
  document.querySelectorAll("form[data-guard]").forEach(guard);
};
begin();
document.addEventListener("regulars:page", begin);
document.addEventListener("keydown", (event) => {
  const menu = document.querySelector("details[data-menu][open]");
  if (event.key === "Escape" && menu) { menu.open = false; menu.querySelector("summary").focus(); }
});
