// The console: who is logged in, which view is open, and what is asked again when.

import { get, logIn, may, send, session } from "./api.js";
import { find } from "./dom.js";
import { complain, tell } from "./console-talk.js";
import { Audit, Calls } from "./console-history.js";
import { House } from "./console-house.js";
import { Lines } from "./console-lines.js";
import { Live } from "./console-live.js";
import { People } from "./console-people.js";
import { t, translate } from "./console-words.js";

const VIEWS = { live: Live, calls: Calls, lines: Lines, house: House, people: People, audit: Audit };
const nav = find("nav");

let open = null;
let timer = 0;

/** The view the address names, "live" where it names none one may see. */
function wanted() {
  const name = location.hash.slice(1);
  const link = nav.querySelector(`[href="#${CSS.escape(name)}"]`);
  return name in VIEWS && link && !link.hidden ? name : "live";
}

function show() {
  clearTimeout(timer);
  open?.stop?.();
  const name = wanted();
  for (const link of nav.querySelectorAll("a")) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const place = find("view");
  place.replaceChildren();
  place.className = `view-${name}`;
  place.setAttribute("aria-busy", "true");
  document.title = `${t(`nav_${name}`)} · Console`;
  complain("");
  open = new VIEWS[name](place);
  beat(open);
}

/** Ask again now and then, as long as this view is open and looked at. */
async function beat(view) {
  clearTimeout(timer);
  if (!document.hidden) {
    try {
      await view.refresh();
      if (view === open && find("trouble").dataset.lost) {
        delete find("trouble").dataset.lost;
        complain("");
      }
    } catch (error) {
      if (view !== open) return;
      if (error.status === 401 || error.status === 403) return enter();
      find("trouble").dataset.lost = "1";
      complain(error.status ? t("not_done", { why: error.message }) : t("unreachable"));
    }
  }
  if (view !== open) return;
  find("view").setAttribute("aria-busy", "false");
  if (view.every) timer = setTimeout(() => beat(view), view.every);
}

/** Find out who is here; ask for account and password where nobody is known. */
async function enter() {
  clearTimeout(timer);
  open?.stop?.();
  open = null;
  let known = null;
  try {
    known = await get("/session");
  } catch (error) {
    if (error.status !== 401 && error.status !== 403) complain(t("unreachable"));
  }
  find("login").hidden = known !== null;
  find("who").hidden = nav.hidden = find("view").hidden = known === null;
  if (known === null) return offer();
  Object.assign(session, known);
  find("who").querySelector("span").textContent = known.account ? `${known.account} (${t(`role_${known.role}`)})` : t(`role_${known.role}`);
  find("log-in").hidden = known.how !== "place"; // known by address alone: an account may do more
  find("log-out").hidden = known.how !== "session";
  for (const link of nav.querySelectorAll("[data-role]")) link.hidden = !may(link.dataset.role);
  show();
}

async function offer() {
  document.title = "Console";
  const ways = await get("/session/ways").catch(() => null);
  find("oidc").hidden = !ways?.oidc;
  find("login").elements.account.focus();
}

translate();
find("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const why = await logIn(event.target);
  complain(why && t(why));
  if (!why) enter();
});
find("log-in").addEventListener("click", () => {
  clearTimeout(timer);
  open?.stop?.();
  open = null;
  find("login").hidden = false;
  find("view").hidden = nav.hidden = true;
  offer();
});
find("log-out").addEventListener("click", async () => {
  await send("DELETE", "/session").catch(() => null);
  tell(t("logged_out"));
  enter();
});
addEventListener("hashchange", () => {
  if (location.hash === "#main") return;
  if (open) show();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && open) beat(open);
});
enter();
