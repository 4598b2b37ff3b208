"use strict";

function sayLocalTimes(root) {
  const how = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" });
  for (const each of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(each.dateTime);
    if (!Number.isNaN(moment.getTime())) each.textContent = how.format(moment);
  }
}

function sendOnce(event) {
  const form = event.target;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  const busy = form.querySelector(".busy");
  if (busy) busy.textContent = form.dataset.busy;
}

function weighFiles(event) {
  const input = event.target; // what is too much would be cut off on its way, and nobody could read why
  const bytes = [...input.files].reduce((sum, file) => sum + file.size, 0);
  input.setCustomValidity(bytes > Number(input.dataset.most) ? input.dataset.much : "");
  input.reportValidity();
}

function follow(live) {
  const connection = live.querySelector(".connection");
  const source = new EventSource(`/v1/runs/${encodeURIComponent(live.dataset.run)}/events`);
  let waiting = null;

  async function refresh() {
    waiting = null;
    const answer = await fetch(`/runs/${encodeURIComponent(live.dataset.run)}/live`, { headers: { Accept: "text/html" } });
    if (!answer.ok || answer.redirected) throw new Error("not signed in any more");
    const parts = new DOMParser().parseFromString(await answer.text(), "text/html");
    sayLocalTimes(parts);
    for (const part of parts.querySelectorAll("[data-part]")) {
      const here = live.querySelector(`[data-part="${part.dataset.part}"]`);
      if (here && here.textContent !== part.textContent) here.replaceChildren(...part.childNodes);
    }
  }

  function lost() {
    source.close();
    connection.textContent = live.dataset.lost;
  }

  function hear(event) {
    if (event.type !== "ended" && Number(event.lastEventId) <= Number(live.dataset.after)) return;
    if (event.type === "ended") {
      source.close();
      connection.textContent = "";
    }
    waiting ??= setTimeout(() => refresh().catch(lost), 200);
  }

  for (const kind of ["step", "round", "report", "cost", "note", "log", "waiting", "end", "ended"]) {
    source.addEventListener(kind, hear);
  }
  source.addEventListener("open", () => (connection.textContent = live.dataset.live));
  source.addEventListener("error", () => source.readyState === EventSource.CLOSED && lost());
}

sayLocalTimes(document);
for (const form of document.forms) form.addEventListener("submit", sendOnce);
for (const input of document.querySelectorAll("input[data-most]")) input.addEventListener("change", weighFiles);
addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent; // who comes back by the browser's button may send anew
});
for (const live of document.querySelectorAll("#live[data-live]")) follow(live);
