// The page put together: lobby, call, devices, and the connection that moves between them.

import { Call } from "/call.js";
import { Devices, remember, stored } from "/devices.js";
import { t, translate } from "/i18n.js";
import { Lobby } from "/lobby.js";
import { holdStill } from "/mirror.js";
import { Connection } from "/protocol.js";

const STILL_MS = 1500; // until most have seen somebody
const $ = (id) => document.getElementById(id);
const address = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`;
const raw = new URLSearchParams(location.search).get("sound") === "raw";

translate();
document.title = t("brand");

const devices = new Devices({ raw });
const connection = new Connection(address, (event, detail) => heard[event](detail));
const call = new Call(connection, devices, () => lobby.close());
const lobby = new Lobby(devices, enter, () => connection.leave(), warm);

/** Somebody is about to come in: open the way, make the offer. */
async function warm() {
  connection.warm();
  await lobby.opened;
  if (!connection.joined) call.warm();
}

/** Ask to be let in, with the offer at once. */
async function enter(fields) {
  holdStill(STILL_MS);
  const offer = await call.prepare(lobby.on);
  connection.join({ ...fields, language: navigator.language, ...(offer && { offer }) });
}

const heard = {
  message(message) {
    if (message.type === "waiting") lobby.wait(message);
    call.take(message).catch((error) => console.error(message.type, error));
  },
  async refused({ code, entering, needed_bps, free_bps }) {
    if (entering) {
      home();
      lobby.refuse(code, { needed_bps, free_bps });
    } else if (code === "unsupported" || code === "bad_message") {
      await call.peer?.takeBack({ again: false });
      console.error("refused:", code);
      if (code === "unsupported") {
        connection.leave();
        lobby.refuse(code);
      }
    }
  },
  ended({ code }) {
    home();
    lobby.setBusy(false); // it may have waited
    lobby.say(t(`ended_${code}`), code === "left" ? "ask" : "stop");
  },
  unreachable() {
    home();
    lobby.refuse("unreachable");
  },
  lost: () => call.linkIs("lost"),
  found: () => call.linkIs("found"),
};

function home() {
  const wasInCall = call.open;
  call.close();
  if (!wasInCall) return;
  lobby.on = { ...call.on };
  open();
}

/** The person may allow devices only after joining. */
function open() {
  lobby.open();
  lobby.opened.then(() => (call.open ? call.devicesChanged() : warm())).then(fillDevices);
}

/** A select for each kind of device, alike in the lobby and in the settings. */
async function fillDevices() {
  const found = await devices.list();
  for (const place of document.querySelectorAll("[data-devices]")) {
    place.replaceChildren(...Object.entries(found).map(([kind, list]) => chooser(kind, list)).filter(Boolean));
  }
}

function chooser(kind, list) {
  if (kind === "speakers" && (!list.length || !("setSinkId" in HTMLMediaElement.prototype))) return null;
  const label = document.createElement("label");
  label.className = "field";
  const words = Object.assign(document.createElement("span"), { textContent: t(kind) });
  const select = document.createElement("select");
  select.name = kind;
  const current = kind === "speakers" ? stored("speakers") : devices.current(kind);
  for (const { id, label: text } of list) select.add(new Option(text, id, false, id === current));
  if (!list.length) select.add(new Option(t(`no_${kind}`), ""));
  select.disabled = list.length === 0;
  select.addEventListener("change", () => choose(kind, select.value));
  label.append(words, select);
  return label;
}

async function choose(kind, id) {
  if (kind === "speakers") {
    call.setSpeakers(id);
    return;
  }
  remember(`${kind}.off`, "");
  await devices.choose(kind, id);
  if (call.open) await call.devicesChanged();
  else lobby.refresh();
}

$("settings-open").addEventListener("click", async () => {
  await fillDevices();
  $("settings").showModal();
});
navigator.mediaDevices?.addEventListener("devicechange", fillDevices);
document.addEventListener("visibilitychange", () => document.hidden && connection.cool());
addEventListener("online", () => connection.hurry());
addEventListener("pagehide", () => connection.say("leave"));

globalThis.sfu = { call, connection, devices }; // for the console, and for tests
open();
