// Accounts of people who operate the server, and keys of programs.

import { get, ROLES, send, session } from "./api.js";
import { element, table } from "./dom.js";
import { ask, doing } from "./console-talk.js";
import { moment, t } from "./console-words.js";

const options = (chosen) => ROLES.map((role) => element("option", { value: role, text: t(`role_${role}`), selected: role === chosen }));

export class People {
  every = 0;

  constructor(place) {
    this.accounts = element("div");
    this.tokens = element("div");
    this.told = element("div", { role: "status" });
    place.append(
      element("div", { class: "head" }, element("h1", { text: t("nav_people") })),
      this.told,
      this.#maker("accounts", { name: t("account") }, (wish) => this.#secret("password_told", wish.name, (made) => made.password)),
      this.accounts,
      element("h2", { class: "below", text: t("tokens") }),
      element("p", { class: "hint", text: t("tokens_hint") }),
      this.#maker("tokens", { name: t("token_name"), days: t("token_days") }, (wish) => this.#secret("token_told", wish.name, (made) => made.secret)),
      this.tokens,
    );
  }

  /** A form that makes an account or a token. */
  #maker(kind, fields, tell) {
    const name = element("input", { name: "name", required: true, maxlength: 64, autocomplete: "off", autocapitalize: "none", "aria-label": fields.name, placeholder: fields.name });
    const days = fields.days ? element("input", { name: "days", type: "number", min: 1, max: 3650, "aria-label": fields.days, placeholder: fields.days }) : null;
    const role = element("select", { name: "role", "aria-label": t("role") }, ...options(kind === "tokens" ? "read_only" : "operator"));
    const form = element("form", { class: "maker" }, name, role, days, element("button", { type: "submit", class: "primary", text: t(`add_${kind}`) }));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const wish = { name: name.value.trim(), role: role.value };
      if (days?.value) wish.days = Number(days.value);
      doing(form, "", t("added", wish), async () => {
        const made = await send("POST", `/${kind}`, wish);
        tell(wish)(made);
        form.reset();
        await this.refresh();
      });
    });
    return form;
  }

  /** Show a secret that is told this once. */
  #secret(key, name, of) {
    return (made) => {
      const close = element("button", { type: "button", class: "quiet", text: t("close") });
      close.addEventListener("click", () => this.told.replaceChildren());
      this.told.replaceChildren(
        element("div", { class: "secret" }, element("p", { text: t(key, { name }) }), element("code", { text: of(made) }), close),
      );
    };
  }

  async refresh() {
    const [accounts, tokens] = await Promise.all([get("/accounts"), get("/tokens")]);
    this.accounts.replaceChildren(table(t("nav_people"), [t("account"), t("role"), t("made"), t("seen"), t("deeds")], accounts.map((one) => this.#account(one))));
    const rows = tokens.map((one) => this.#token(one));
    this.tokens.replaceChildren(rows.length ? table(t("tokens"), [t("token_name"), t("role"), t("made_by"), t("ends"), t("used"), t("deeds")], rows) : element("p", { class: "hint", text: t("no_tokens") }));
  }

  #account(one) {
    const path = `/accounts/${encodeURIComponent(one.name)}`;
    const role = element("select", { "aria-label": t("role_of", one) }, ...options(one.role));
    role.addEventListener("change", () =>
      doing(role, "", t("changed", one), () => send("PATCH", path, { role: role.value })).then((done) => {
        if (!done) role.value = one.role;
      }),
    );
    const remove = element("button", { type: "button", class: "danger", text: t("remove"), "aria-label": t("remove_of", one), disabled: one.name === session.account });
    remove.addEventListener("click", async () => {
      if (await ask(t("remove_title", one), t("remove_account"), t("remove")))
        await doing(remove, "", t("removed", one), async () => {
          await send("DELETE", path);
          await this.refresh();
        });
    });
    return [one.name, role, moment(one.created_at), one.seen_at ? moment(one.seen_at) : "–", remove];
  }

  #token(one) {
    const revoke = element("button", { type: "button", class: "danger", text: t("revoke"), "aria-label": t("revoke_of", one) });
    revoke.addEventListener("click", async () => {
      if (await ask(t("revoke_title", one), t("revoke_text"), t("revoke")))
        await doing(revoke, "", t("removed", one), async () => {
          await send("DELETE", `/tokens/${encodeURIComponent(one.id)}`);
          await this.refresh();
        });
    });
    return [one.name, t(`role_${one.role}`), one.made_by || "–", one.expires_at ? moment(one.expires_at) : "–", one.used_at ? moment(one.used_at) : "–", revoke];
  }
}
