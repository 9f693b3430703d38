// What pages ask of the API, and who asks.

export const ROLES = ["read_only", "organiser", "operator", "administrator"];

/** A refusal, with the server's words and all else it answered. */
export class Refused extends Error {
  constructor(status, detail, body = null) {
    super(detail || String(status));
    this.status = status;
    this.body = body;
  }
}

export const session = { account: "", role: "read_only", how: "" };

/** Whether who is logged in may do what takes this role. */
export const may = (role) => ROLES.indexOf(session.role) >= ROLES.indexOf(role);

async function read(answer) {
  if (answer.status === 204) return null;
  const body = await answer.json().catch(() => null);
  if (answer.ok) return body;
  const said = body?.detail;
  const words = Array.isArray(said) ? said.map((one) => `${one.loc?.slice(1).join(".") ?? ""}: ${one.msg}`).join("; ") : said;
  throw new Refused(answer.status, words ?? body?.text ?? body?.reason ?? "", body);
}

/** Ask for something; `Refused` where the server says no, TypeError where nobody answers. */
export const get = async (path) => read(await fetch(`/api/v1${path}`));

/** Have something done. */
export async function send(verb, path, body) {
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  return read(await fetch(`/api/v1${path}`, { method: verb, headers, body: body === undefined ? undefined : JSON.stringify(body) }));
}

const WHY_NOT = { 429: "too_often", 503: "too_many" };

/** Log in with what stands in a form; return "", or the key of the words that say why not. */
export async function logIn(form) {
  const { account, password } = form.elements;
  try {
    await send("POST", "/session", { account: account.value, password: password.value });
    return "";
  } catch (error) {
    return error.status ? (WHY_NOT[error.status] ?? "wrong") : "unreachable";
  } finally {
    password.value = "";
  }
}

/** Hear what happens, as it happens; comes back by itself. Returns what ends it. */
export function listen(heard) {
  let socket = null;
  let over = false;
  let timer = 0;
  const open = () => {
    socket = new WebSocket(`${location.protocol.replace("http", "ws")}//${location.host}/api/v1/events`);
    socket.onmessage = ({ data }) => heard(JSON.parse(data));
    socket.onclose = () => {
      if (!over) timer = setTimeout(open, 5000);
    };
  };
  open();
  return () => {
    over = true;
    clearTimeout(timer);
    socket.close();
  };
}
