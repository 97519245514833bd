/* The officer's pages beyond HTML: Escape, asking before ending, printing, blinking, giving a traveller back.
   Everything here is an addition: without it every page still works. */
"use strict";
(() => {
  const $ = (selector, from = document) => from.querySelector(selector);
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || $("dialog[open], details[data-menu][open]")) return;
    const open = event.target.closest?.("details[open]");
    if (open) { open.open = false; $("summary", open).focus(); return; }
    $('[data-key="Escape"]')?.click();
  });

  /* A hand-held scanner types what it reads. That is a slip to be found, never a key that decides: single keys wait for
     a moment to see whether more follow, and for longer where a slip's code may have begun (borne:…). */
  const BURST = 70, SLOW = 400, SHORTEST = 6, MARK = "borne:";
  let typed = "", last = 0, timer = 0;
  const inField = (element) => element.matches?.("textarea, select, input:not([type=checkbox], [type=radio], [type=range])");
  const patience = () => {
    const start = typed.toLowerCase();
    return start && (MARK.startsWith(start) || start.startsWith(MARK)) ? SLOW : BURST;
  };
  addEventListener("keydown", (event) => {
    if (!event.isTrusted || event.ctrlKey || event.metaKey || event.altKey || inField(event.target)) return;
    const follows = typed && event.timeStamp - last < patience();
    if (event.key === "Enter" && follows && typed.length >= SHORTEST) {
      event.preventDefault(); event.stopImmediatePropagation(); clearTimeout(timer);
      const scanned = typed; typed = "";
      find(scanned);
    } else if (event.key.length === 1 && event.key !== " ") {
      event.preventDefault(); event.stopImmediatePropagation();
      typed = follows ? typed + event.key : event.key;
      last = event.timeStamp;
      const target = event.target, repeat = event.repeat;
      clearTimeout(timer);
      timer = setTimeout(() => {
        const keys = typed.length < SHORTEST && !repeat ? [...typed] : [];
        typed = "";
        for (const key of keys) target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
      }, patience());
    }
  }, true);
  function find(scanned) {
    const form = document.createElement("form");
    form.method = "post"; form.action = "/find"; form.hidden = true;
    for (const [name, value] of [["csrf", $('input[name="csrf"]').value], ["typed", scanned.slice(0, 64)]]) {
      const input = document.createElement("input");
      input.name = name; input.value = value; form.append(input);
    }
    document.body.append(form);
    leave("/find");
    form.submit();
  }

  document.addEventListener("click", (event) => {
    const asked = event.target.closest?.("[data-confirm]");
    if (asked && !confirm(asked.dataset.confirm)) { event.preventDefault(); return; }
    if (event.target.closest?.("[data-print]")) print();
    const blink = event.target.closest?.("[data-blink]");
    if (blink) toggle(blink);
    const link = event.target.closest?.("a[href]");
    if (link && !event.defaultPrevented && !event.ctrlKey && !event.metaKey && link.target !== "_blank") leave(link.pathname);
  });

  /* Whoever goes to another page gives the traveller back at once. A lock, a reload or a closed lid does not: then the
     hold runs out by itself. */
  function leave(path) {
    const held = $("[data-leave]");
    if (!held || path.startsWith(held.dataset.leave.replace(/leave$/, "")) || path + "/leave" === held.dataset.leave) return;
    const form = new FormData();
    form.set("csrf", $('input[name="csrf"]').value);
    navigator.sendBeacon(held.dataset.leave, form);
  }

  /* One face, then the other, as often as the eye can compare them. */
  function toggle(button) {
    const range = $('input[type="range"]', button.closest("[data-overlay]"));
    const set = (value) => { range.value = value; range.dispatchEvent(new Event("input")); };
    if (button.dataset.timer) { clearInterval(Number(button.dataset.timer)); delete button.dataset.timer; set(50); }
    else { set(0); button.dataset.timer = setInterval(() => set(range.value === "0" ? 100 : 0), 700); }
    button.setAttribute("aria-pressed", String(Boolean(button.dataset.timer)));
  }

  document.addEventListener("DOMContentLoaded", () => {
    all("[data-blink]").forEach((button) => { button.hidden = false; });
    for (const details of all("details"))
      details.addEventListener("toggle", () => { if (details.open) $("input:not([type=hidden]), textarea, select", details)?.focus(); });
  });
})();
