// Keeps a page up to date without loading it anew. Everything here also works
// without it, by reloading.
"use strict";
(() => {
  const connection = document.getElementById("connection");
  const say = (text) => { if (connection.textContent !== text) connection.textContent = text; };

  // The log grows at its end, in place: what is being read does not move.
  const most = 2000000; // characters kept on the page
  const follow = () => {
    const log = document.getElementById("log");
    if (!log || !("grows" in log.dataset)) return;
    delete log.dataset.grows;
    const source = new EventSource(`/v1/deployments/${encodeURIComponent(log.dataset.deployment)}/log?follow=1&plain=1&from=${log.dataset.next}`);
    source.onmessage = (event) => {
      const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
      log.append(JSON.parse(event.data));
      while (log.textContent.length > most && log.firstChild) log.firstChild.remove();
      if (atEnd) log.scrollTop = log.scrollHeight;
    };
    source.addEventListener("end", () => { source.close(); load(); });
    log.scrollTop = log.scrollHeight;
  };

  // Takes over the new content, but keeps the log that is being followed.
  const load = async () => {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
    if (answer.redirected) { location.href = answer.url; return; }
    if (!answer.ok && answer.status !== 404) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const next = page.getElementById("main");
    const main = document.getElementById("main");
    if (!next || next.innerHTML === main.innerHTML) return;
    const log = document.getElementById("log");
    const nextLog = next.querySelector("#log");
    const focused = document.activeElement && main.contains(document.activeElement) ? document.activeElement : null;
    const href = focused && focused.getAttribute("href");
    if (log && nextLog && log.dataset.deployment === nextLog.dataset.deployment) nextLog.replaceWith(log);
    const scroll = log ? log.scrollTop : 0;
    main.replaceChildren(...next.childNodes);
    if (log) log.scrollTop = scroll;
    if (focused && focused.id === "log" && log) log.focus({ preventScroll: true });
    else if (href) { const again = main.querySelector(`a[href="${CSS.escape(href)}"]`); if (again) again.focus({ preventScroll: true }); }
    const time = page.querySelector("footer time");
    if (time) document.querySelector("footer time").replaceWith(time);
  };

  let loading = false, again = false;
  const changed = async () => {
    if (loading) { again = true; return; }
    loading = true;
    try {
      do { again = false; await load(); } while (again);
      say("");
    } catch {
      say(" · the daemon does not answer");
    } finally {
      loading = false;
    }
  };

  const events = new EventSource("/events");
  events.addEventListener("change", changed);
  events.onopen = changed; // something may have changed while nobody listened
  events.onerror = () => say(" · the connection is lost, trying again");
  follow();
})();
