"use strict";

// Inside Telegram: its colours, its back button, and signing in by its word. What its own script would read stands behind the
// `#` of the address, and what that script would say are the few messages below (https://core.telegram.org/api/web-events).
const WEB = "https://web.telegram.org"; // the only site that may hold the page in a frame
const webview = window.TelegramWebviewProxy;
const isInside = Boolean(webview) || window.parent !== window;
const given = new URLSearchParams(location.hash.slice(1));

function remember(name, value) {
  try {
    if (value !== undefined) sessionStorage.setItem(name, value);
    return sessionStorage.getItem(name);
  } catch {
    return value ?? null; // a browser that keeps nothing follows the system's colours
  }
}

function brightness(color) {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = parseInt(color.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

// A theme may be anything: a colour is taken where it can be read (WCAG 2, 1.4.3), else ours stays.
function canBeRead(color, ground) {
  const [dark, light] = [brightness(color), brightness(ground)].sort((one, other) => one - other);
  return (light + 0.05) / (dark + 0.05) >= 4.5;
}

function wear(theme) {
  const color = (name) => (/^#[0-9a-f]{6}$/i.test(theme?.[name] ?? "") ? theme[name] : null);
  const card = color("bg_color");
  if (!card) return;
  const root = document.documentElement;
  root.removeAttribute("style"); // what it wore before
  root.dataset.theme = brightness(card) < 0.18 ? "dark" : "light";
  const grounds = [card, color("secondary_bg_color") ?? card];
  const isFit = (each) => each && grounds.every((ground) => canBeRead(each, ground));
  if (!isFit(color("text_color"))) return;
  const worn = { "--card": grounds[0], "--ground": grounds[1], "--ink": color("text_color") };
  if (isFit(color("hint_color"))) worn["--quiet"] = color("hint_color");
  if (isFit(color("link_color"))) Object.assign(worn, { "--main": color("link_color"), "--focus": color("link_color"), "--main-ink": card });
  for (const [name, value] of Object.entries(worn)) root.style.setProperty(name, value);
}

function wearTheme(text) {
  try {
    wear(JSON.parse(text));
    remember("theme", text);
  } catch {
    // no theme, then
  }
}

function tell(event, data = {}) {
  if (webview) webview.postEvent(event, JSON.stringify(data));
  else window.parent.postMessage(JSON.stringify({ eventType: event, eventData: data }), WEB);
}

function hear(event, data) {
  if (event === "theme_changed") wearTheme(JSON.stringify(data?.theme_params));
  if (event === "back_button_pressed") location.assign(document.body.dataset.up);
}

function hearWeb(message) {
  if (message.source !== window.parent || message.origin !== WEB) return;
  const { eventType, eventData } = JSON.parse(message.data);
  hear(eventType, eventData);
}

function openOutside(event) {
  const link = event.target.closest("a[href]");
  if (!link || link.origin === location.origin) return;
  event.preventDefault();
  tell("web_app_open_link", { url: link.href });
}

function settleIn() {
  window.Telegram = { WebView: { receiveEvent: hear } };
  window.TelegramGameProxy = window.Telegram.WebView; // of older apps
  addEventListener("message", hearWeb);
  document.addEventListener("click", openOutside);
  tell("web_app_ready");
  tell("web_app_expand");
  tell("web_app_setup_back_button", { is_visible: "up" in document.body.dataset });
}

function enter(field, said, isSure) {
  const form = document.getElementById("telegram");
  form.hidden = false;
  form.elements[0].name = field;
  form.elements[0].value = said;
  if (isSure) form.querySelector("button").click();
}

// Anybody's link can bring anybody's data: it is believed unasked where Telegram itself is around us, and has brought one thing.
// A bot of somebody else's may open this page with data of theirs before Telegram's, and spell its name in other ways (`%44`).
function enterMiniApp() {
  const data = given.get("tgWebAppData");
  if (!data || decodeURIComponent(location.hash).split("tgWebAppData=").length !== 2) return;
  if (isInside && remember("entered") === data) return location.replace("/"); // the app was loaded anew
  if (isInside) remember("entered", data);
  enter("init", data, isInside);
}

// The answer of Telegram's sign-in page counts in the tab that asked for it: to that alone the state is known.
function enterByAnswer() {
  const state = new URLSearchParams(location.search).get("state");
  if (!given.has("tgAuthResult")) return;
  if (!state || state !== remember("state")) {
    document.getElementById("elsewhere").hidden = false;
    return;
  }
  remember("state", "");
  const bytes = atob(given.get("tgAuthResult").replace(/-/g, "+").replace(/_/g, "/"));
  const text = new TextDecoder().decode(Uint8Array.from(bytes, (each) => each.charCodeAt(0)));
  const said = new URLSearchParams(Object.entries(JSON.parse(text))).toString(); // `false`: their person said no
  if (said) enter("widget", said, true);
}

function offerSignIn(link) {
  const state = remember("state") || remember("state", crypto.randomUUID());
  const back = { origin: location.origin, return_to: `${location.origin}/login?state=${state}` };
  link.href = `https://oauth.telegram.org/auth?${new URLSearchParams({ bot_id: link.dataset.bot, ...back })}`;
  link.hidden = false;
}

wearTheme(given.get("tgWebAppThemeParams") ?? remember("theme"));
addEventListener("DOMContentLoaded", () => {
  if (isInside) settleIn();
  if (!document.getElementById("telegram")) return;
  enterMiniApp();
  enterByAnswer();
  const link = document.getElementById("ask-telegram");
  if (link && !isInside) offerSignIn(link);
});
