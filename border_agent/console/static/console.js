/* What pages do beyond HTML: keys, focus, the watch over the live stream, the idle lock, the bell, pictures.
   Everything here is an addition: without it every page still works, only not by itself. */
"use strict";
(() => {
  const root = document.documentElement;
  const $ = (selector, from = document) => from.querySelector(selector);
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const here = () => encodeURIComponent(location.pathname + location.search).replaceAll("%2F", "/");

  /* Of this computer: on unless turned off in the settings. */
  const local = {
    on(name) { try { return localStorage.getItem("borne." + name) !== "off"; } catch { return true; } },
    get(name) { try { return localStorage.getItem("borne." + name) || ""; } catch { return ""; } },
    set(name, value) { try { localStorage.setItem("borne." + name, value); } catch { /* not kept, then */ } },
  };

  /* ---- Keys: data-key="a", or "g q" for one after the other ---- */
  let prefix = "", prefixTimer = 0;
  const typing = (element) => element.matches("textarea, select, [contenteditable]")
    || (element.matches("input") && !element.matches("[type=checkbox], [type=radio], [type=range], [type=button], [type=submit]"));
  const reachable = (element) => !element.disabled && !element.closest("[hidden], dialog:not([open])");
  const scope = () => all("dialog[open]").pop() || document;
  const act = (element) => {
    if (element.matches("input:not([type=checkbox], [type=radio]), select, textarea")) { element.focus(); element.select?.(); }
    else element.click();
  };
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return;
    if (event.key.length !== 1 || typing(event.target) || !local.on("keys")) return;
    const key = event.key.toLowerCase();
    const offered = all("[data-key]", scope()).filter(reachable);
    const wanted = prefix ? prefix + " " + key : key;
    const hit = offered.find((element) => element.dataset.key === wanted);
    prefix = ""; clearTimeout(prefixTimer);
    if (hit) { event.preventDefault(); act(hit); }
    else if (offered.some((element) => element.dataset.key.startsWith(wanted + " "))) {
      event.preventDefault(); prefix = wanted; prefixTimer = setTimeout(() => { prefix = ""; }, 1500);
    }
    else if (key === "?") { event.preventDefault(); showKeys(); }
    else if (key === "b") silence();
  });
  function showKeys() {
    const dialog = $("#keys");
    if (!dialog || dialog.open) return;
    const list = $("#keys-list");
    list.replaceChildren();
    const seen = new Set();
    for (const element of all("[data-key]").filter(reachable)) {
      const key = element.dataset.key;
      if (seen.has(key)) continue;
      seen.add(key);
      const copy = element.cloneNode(true);
      all("kbd, svg", copy).forEach((part) => part.remove());
      const term = document.createElement("dt"), words = document.createElement("dd");
      key.split(" ").forEach((one) => { const hint = document.createElement("kbd"); hint.textContent = one; term.append(hint, " "); });
      words.textContent = element.dataset.keyName || element.getAttribute("aria-label") || copy.textContent.trim() || element.labels?.[0]?.textContent.trim() || "";
      list.append(term, words);
    }
    dialog.showModal();
  }

  /* ---- Small things of forms and menus ---- */
  document.addEventListener("submit", (event) => {
    /* Twice pressed is once meant. */
    const form = event.target;
    if (form.method === "dialog" || form.hasAttribute("hx-post")) return;
    if (form.dataset.sent) event.preventDefault();
    else form.dataset.sent = "yes";
  });
  addEventListener("pageshow", () => all("form[data-sent]").forEach((form) => { delete form.dataset.sent; }));
  document.addEventListener("click", (event) => {
    all("details[data-menu][open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
  });
  document.addEventListener("focusin", (event) => {
    all("details[data-menu][open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    all("details[data-menu][open]").forEach((menu) => { menu.open = false; $("summary", menu).focus(); });
  });

  /* ---- The watch: a bar that is not heard of is not shown ---- */
  const LATE = 4500, LOST = 6500;
  let heard = performance.now(), heardAt = Date.now(), watching = false;
  const quiet = () => Math.max(performance.now() - heard, Date.now() - heardAt);
  const hear = () => { heard = performance.now(); heardAt = Date.now(); show("on"); };
  function show(state) {
    if (root.dataset.live === state) return;
    root.dataset.live = state;
    const box = $("#lost");
    if (!box) return;
    const at = new Date(heardAt), two = (n) => String(n).padStart(2, "0");
    const time = two(at.getHours()) + (root.lang === "fr" ? "\u00a0h\u00a0" : ":") + two(at.getMinutes());
    box.textContent = state === "lost" ? box.dataset.lost + " " + box.dataset.lostSince.replace("{time}", time) : "";
  }
  function watch() {
    if (!watching || document.hidden) return;
    if (quiet() > LOST) show("lost");
    else if (quiet() > LATE) show("late");
  }
  const broken = (event) => {
    const status = event.detail?.status;
    if (status === 401 || status === 403) { location.reload(); return; }
    /* The connection is gone: two seconds for it to come back. */
    heard = Math.min(heard, performance.now() - LATE - 1);
    watch();
  };
  document.addEventListener("htmx:sse:before:message", hear);
  document.addEventListener("htmx:sse:error", broken);
  document.addEventListener("htmx:sse:close", (event) => { if (event.detail?.reason !== "removed") broken(event); });
  document.addEventListener("htmx:sse:before:connection", (event) => { if (event.detail?.connection?.attempt > 0) broken(event); });
  document.addEventListener("visibilitychange", watch);
  document.addEventListener("ended", () => location.assign("/sign-in?next=" + here()));
  document.addEventListener("locked", () => location.assign("/lock?next=" + here()));

  /* One tab of this browser listens and rings in the background too; the others pause there: a browser opens only six
     connections to one host. */
  function lead() {
    window.htmx.config.sse = { ...window.htmx.config.sse, pauseOnBackground: false };
    const live = $("#live");
    if (live?._htmx?.sse) { const fresh = live.cloneNode(false); live.replaceWith(fresh); window.htmx.process(fresh); }
    leading = true;
  }
  let leading = false;

  /* ---- The idle lock: only keys, clicks and the wheel are signs of life ---- */
  let active = false, touched = performance.now();
  const lockSeconds = () => Number(document.body.dataset.lockSeconds || 0);
  const token = () => JSON.parse(document.body.getAttribute("hx-headers:inherited") || "{}");
  for (const sign of ["keydown", "pointerdown", "wheel"]) addEventListener(sign, () => { active = true; }, { passive: true });
  async function idle() {
    if (!lockSeconds()) return;
    const left = lockSeconds() - (performance.now() - touched) / 1000;
    if (active && (performance.now() - touched > 20000 || left < 35)) {
      active = false; touched = performance.now();
      try {
        const answer = await fetch("/here", { method: "POST", headers: { ...token(), "HX-Request": "true" }, redirect: "manual" });
        if (answer.status === 401) location.reload();
      } catch { /* the watch says that nobody answers */ }
      return;
    }
    const box = $("#idle");
    box.hidden = left > 30;
    if (left <= 30) box.textContent = box.dataset.words.replace("{seconds}", String(Math.max(0, Math.ceil(left))));
    if (left < -1) location.assign("/lock?next=" + here());
  }

  /* ---- The bell ---- */
  let audio = null;
  const silenced = new Set();
  const ringing = () => all("[data-ring]").map((call) => call.dataset.ring);
  function silence() { ringing().forEach((id) => silenced.add(id)); }
  function ring() {
    const open = ringing();
    document.title = document.title.replace(/^\(\d+\) /, "");
    if (open.length) document.title = `(${open.length}) ${document.title}`;
    /* Browsers let nothing sound before somebody has touched the page. */
    if (!navigator.userActivation?.hasBeenActive) return;
    if (!leading || !local.on("bell") || !open.some((id) => !silenced.has(id))) return;
    try {
      audio ||= new AudioContext();
      audio.resume();
      [880, 660].forEach((pitch, index) => {
        const tone = audio.createOscillator(), loud = audio.createGain(), from = audio.currentTime + index * 0.35;
        tone.frequency.value = pitch;
        loud.gain.setValueAtTime(0.0001, from);
        loud.gain.exponentialRampToValueAtTime(0.25, from + 0.02);
        loud.gain.exponentialRampToValueAtTime(0.0001, from + 0.6);
        tone.connect(loud).connect(audio.destination);
        tone.start(from); tone.stop(from + 0.65);
      });
      root.dataset.rung = String(Number(root.dataset.rung || 0) + 1);
    } catch { /* no sound here: the strip is there to be seen */ }
  }

  /* ---- Pictures: <a href="…" data-zoom><img></a>, and <div class="overlay" data-overlay> ---- */
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("[data-zoom]");
    if (!link || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    zoom(link.getAttribute("href") || $("img", link)?.src || link.src, $("img", link)?.alt || link.alt || "", link);
  });
  function zoom(source, name, opener) {
    const dialog = $("#zoomer").content.firstElementChild.cloneNode(true);
    const stage = $(".stage", dialog), picture = $("img", dialog);
    let scale = 1, x = 0, y = 0, from = null;
    const place = () => { picture.style.transform = `translate(${x}px, ${y}px) scale(${scale})`; dialog.dataset.scale = scale.toFixed(2); };
    const by = (factor) => { scale = Math.min(12, Math.max(1, scale * factor)); if (scale === 1) x = y = 0; place(); };
    const reset = () => { scale = 1; x = y = 0; place(); };
    const moves = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
    picture.src = source; picture.alt = name; dialog.setAttribute("aria-label", name);
    $("[data-in]", dialog).onclick = () => by(1.5);
    $("[data-out]", dialog).onclick = () => by(1 / 1.5);
    $("[data-reset]", dialog).onclick = reset;
    stage.addEventListener("wheel", (event) => { event.preventDefault(); by(event.deltaY < 0 ? 1.2 : 1 / 1.2); }, { passive: false });
    stage.addEventListener("pointerdown", (event) => { from = [event.clientX - x, event.clientY - y]; stage.setPointerCapture(event.pointerId); });
    stage.addEventListener("pointermove", (event) => { if (from) { x = event.clientX - from[0]; y = event.clientY - from[1]; place(); } });
    stage.addEventListener("pointerup", () => { from = null; });
    dialog.addEventListener("keydown", (event) => {
      if (event.key === "+" || event.key === "=") by(1.5);
      else if (event.key === "-") by(1 / 1.5);
      else if (event.key === "0") reset();
      else if (moves[event.key]) { x += moves[event.key][0]; y += moves[event.key][1]; place(); }
      else return;
      event.preventDefault(); event.stopPropagation();
    });
    dialog.addEventListener("close", () => { dialog.remove(); if (opener.isConnected) opener.focus(); });
    document.body.append(dialog);
    dialog.showModal();
    place();
  }
  function overlays(from = document) {
    for (const box of all("[data-overlay]:not(.on)", from)) {
      const range = $("input[type=range]", box), upper = all(".pair img", box)[1];
      if (!range || !upper) continue;
      const apply = () => { upper.style.opacity = String(range.value / 100); };
      box.classList.add("on"); range.hidden = false; range.closest("label")?.removeAttribute("hidden");
      range.addEventListener("input", apply); apply();
    }
  }

  /* ---- After htmx has put something in ---- */
  document.addEventListener("htmx:after:swap", () => {
    overlays();
    const wanted = $("[data-focus]");
    if (wanted) { wanted.removeAttribute("data-focus"); wanted.focus(); }
    else if (document.activeElement === document.body && !document.hidden) $("#main")?.focus({ preventScroll: true });
  });

  document.addEventListener("DOMContentLoaded", () => {
    root.classList.toggle("no-keys", !local.on("keys"));
    all("[data-needs-script]").forEach((part) => { part.hidden = false; });
    for (const box of all("[data-local]")) {
      box.checked = local.on(box.dataset.local);
      box.addEventListener("change", () => {
        local.set(box.dataset.local, box.checked ? "on" : "off");
        root.classList.toggle("no-keys", !local.on("keys"));
      });
    }
    for (const input of all("[data-remember]")) {
      input.value ||= local.get(input.dataset.remember);
      input.form?.addEventListener("submit", () => local.set(input.dataset.remember, input.value));
    }
    overlays();
    if (!$("#live")) return;
    watching = true;
    setInterval(watch, 500);
    setInterval(idle, 1000);
    setInterval(ring, 3000);
    document.addEventListener("htmx:after:swap", (event) => { if (event.target?.id === "live" && ringing().length && !Number(root.dataset.rung)) ring(); });
    /* htmx begins by a timer of its own, which may run before its extension is there; by this one both are. */
    setTimeout(() => { const live = $("#live"); if (live && !live._htmx) window.htmx.process(live); });
    if (navigator.locks) navigator.locks.request("borne-live", () => { lead(); return new Promise(() => {}); });
    else lead();
  });
})();
