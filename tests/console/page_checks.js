// What `page_checks.py` asks of a page. Evaluated in it as one object of functions; it leaves nothing behind.
(() => {
  const TARGET = 24;
  const SLACK = 1.5;
  const TARGETS = "a[href], button, input:not([type=hidden]), select, textarea, summary, [role=button]";
  const STOPS = `${TARGETS}, [tabindex], audio[controls], iframe`;

  const seen = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true })
    && !element.closest(".visually-hidden, .skip:not(:focus)");

  const name = (element) => {
    const words = (element.getAttribute("aria-label") || element.innerText || element.querySelector("img")?.alt
      || element.name || element.value || "").trim();
    const marks = [...element.classList].map((one) => `.${one}`).join("");
    return `<${element.localName}${element.id ? `#${element.id}` : marks}> ${words.slice(0, 50).replace(/\s+/g, " ")}`;
  };

  // What a control is, whatever it says at the moment: what is live may be drawn anew.
  const what = (element) => [
    element.localName, element.id, element.getAttribute("href"), element.getAttribute("name"),
    element.form?.getAttribute("action"), ["button", "radio", "checkbox"].includes(element.type) && element.value,
  ].filter(Boolean).join(" ");

  const parents = function* (element) {
    for (let one = element.parentElement; one; one = one.parentElement) yield one;
  };

  const floats = (element) => [element, ...parents(element)]
    .some((one) => ["sticky", "fixed"].includes(getComputedStyle(one).position) || one.matches("dialog[open]"));

  const colour = (value) => {
    const parts = value.match(/[\d.]+/g).map(Number);
    return { rgb: parts.slice(0, 3), alpha: parts.length > 3 ? parts[3] : 1 };
  };

  const luminance = (rgb) => {
    const [red, green, blue] = rgb.map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };

  const ratio = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };

  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const found = colour(getComputedStyle(one).backgroundColor);
      if (found.alpha === 1) return found.rgb;
    }
    return [255, 255, 255];
  };

  const texts = function* () {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (node.data.trim() && !["SCRIPT", "STYLE", "OPTION"].includes(node.parentElement.tagName)) yield node;
    }
  };

  const cut = function* (node) {
    const range = document.createRange();
    range.selectNodeContents(node);
    const words = node.data.trim().slice(0, 50);
    for (const box of range.getClientRects()) {
      if (box.right > document.documentElement.clientWidth + SLACK || box.left < -SLACK) {
        const scrolls = [...parents(node)].some((one) => getComputedStyle(one).overflowX === "auto");
        if (!scrolls) yield `"${words}" reaches over the edge of the window`;
      }
      for (const one of [node.parentElement, ...parents(node.parentElement)]) {
        const style = getComputedStyle(one);
        const hides = ["hidden", "clip"];
        if (!hides.includes(style.overflowX) && !hides.includes(style.overflowY)) continue;
        if (one === document.documentElement || one === document.body || style.display === "inline") continue;
        const room = one.getBoundingClientRect();
        const across = hides.includes(style.overflowX)
          && (box.left < room.left - SLACK || box.right > room.right + SLACK);
        // A line's leading may lie outside.
        const upright = hides.includes(style.overflowY)
          && (box.top + box.height * 0.2 < room.top - SLACK || box.bottom - box.height * 0.2 > room.bottom + SLACK);
        if (across || upright) yield `"${words}" is cut off by ${name(one)}`;
      }
    }
  };

  const covered = function* (node) {
    const range = document.createRange();
    range.selectNodeContents(node);
    const [box] = range.getClientRects();
    if (!box || box.width < 2) return;
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    const top = document.elementFromPoint(x, y);
    if (!top || floats(top)) return;
    const own = node.parentElement;
    if (!own.contains(top) && !top.contains(own)) {
      yield `"${node.data.trim().slice(0, 50)}" lies under ${name(top)}`;
    }
  };

  const sideways = function* () {
    const root = document.documentElement;
    if (root.scrollWidth > root.clientWidth) {
      yield `the page scrolls sideways by ${root.scrollWidth - root.clientWidth} px`;
    }
    for (const element of document.body.querySelectorAll("*")) {
      const style = getComputedStyle(element);
      if (!seen(element) || element.scrollWidth <= element.clientWidth + SLACK || !element.clientWidth) continue;
      if (["auto", "scroll"].includes(style.overflowX)) yield `${name(element)} scrolls sideways`;
      if (style.textOverflow === "ellipsis") yield `${name(element)} ends in an ellipsis`;
      if (element.matches("input") && element.value) yield `${name(element)} is too narrow for what it holds`;
    }
  };

  const inText = (element) => getComputedStyle(element).display === "inline"
    && [...element.parentElement.childNodes].some((one) => one !== element && one.textContent.trim());

  const targets = function* () {
    for (const element of document.querySelectorAll(TARGETS)) {
      if (!seen(element) || inText(element)) continue;
      const boxes = [element, ...(element.labels || [])].map((one) => one.getBoundingClientRect());
      const width = Math.max(...boxes.map((one) => one.width));
      const height = Math.max(...boxes.map((one) => one.height));
      if (width < TARGET - 0.1 || height < TARGET - 0.1) {
        yield `${name(element)} is a target of ${width.toFixed(0)} x ${height.toFixed(0)} px`;
      }
    }
  };

  const edges = function* () {
    for (const field of document.querySelectorAll("input:not([type=hidden], [type=range]), select, textarea")) {
      if (!seen(field) || field.disabled || field.type === "radio" || field.type === "checkbox") continue;
      const found = ratio(colour(getComputedStyle(field).borderTopColor).rgb, ground(field.parentElement));
      if (found < 3) yield `the edge of ${name(field)} has a contrast of ${found.toFixed(2)}`;
    }
  };

  const look = () => {
    const faults = [...sideways(), ...targets(), ...edges()];
    const modal = document.querySelector("dialog:modal");
    for (const node of texts()) {
      if (!seen(node.parentElement) || (modal && !modal.contains(node))) continue;
      faults.push(...cut(node), ...covered(node));
    }
    for (const image of document.images) {
      if (seen(image) && image.complete && !image.naturalWidth) faults.push(`${name(image)} shows no picture`);
    }
    return [...new Set(faults)];
  };

  // Words people read, with the language they are marked with and whether they are data rather than words.
  const words = () => {
    const found = [];
    const add = (element, text) => found.push({
      text: text.trim(),
      language: element.closest("[lang]").lang,
      data: element.closest(".mono, code, pre, kbd, .chip-data, input, textarea, [translate=no]") !== null,
    });
    for (const node of texts()) add(node.parentElement, node.data);
    for (const option of document.querySelectorAll("option")) add(option, option.label);
    for (const attribute of ["alt", "title", "aria-label", "placeholder"]) {
      for (const element of document.body.querySelectorAll(`[${attribute}]`)) {
        const text = element.getAttribute(attribute);
        if (text.trim()) add(element, text);
      }
    }
    add(document.documentElement, document.title);
    return found;
  };

  // What a keyboard should reach; of buttons of one choice one is reached.
  const stops = () => {
    const modal = document.querySelector("dialog:modal");
    const wanted = [...(modal || document).querySelectorAll(STOPS)].filter((element) => {
      if (element.tabIndex < 0 || element.disabled || !element.checkVisibility({ visibilityProperty: true })) return false;
      if (element.type !== "radio") return true;
      const group = [...document.getElementsByName(element.name)].filter((one) => one.form === element.form);
      return element === (group.find((one) => one.checked) || group[0]);
    });
    return wanted.map((element) => [what(element), name(element)]);
  };

  // The start of the page; in a dialogue the focus stays where it is, which is its first stop.
  const begin = () => {
    if (document.querySelector("dialog:modal")) return true;
    document.activeElement?.blur();
    getSelection().removeAllRanges();
    document.body.tabIndex = -1;
    document.body.focus();
    document.body.removeAttribute("tabindex");
    delete document.lastStop;
    scrollTo(0, 0);
    return false;
  };

  // The stop that has the focus now and what is wrong with how it shows it, in every theme.
  const stop = (themes) => {
    const element = document.activeElement;
    if (!element || element === document.body || element === document.documentElement) return null;
    const faults = [];
    const box = element.getBoundingClientRect();
    const inside = [[0.5, 0.5], [0.05, 0.5], [0.95, 0.5], [0.5, 0.1], [0.5, 0.9]].some(([across, down]) => {
      const top = document.elementFromPoint(box.left + box.width * across, box.top + box.height * down);
      return top && (element.contains(top) || top.contains(element) || [...(element.labels || [])].some((one) => one.contains(top)));
    });
    if (!inside) faults.push("nothing of it is in sight");
    const theme = document.documentElement.dataset.theme;
    for (const one of themes) {
      document.documentElement.dataset.theme = one;
      const style = getComputedStyle(element);
      if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) {
        faults.push(`no focus to be seen (${one})`);
      } else {
        const ringed = parseFloat(style.outlineOffset) < 0 ? element : element.parentElement;
        const found = ratio(colour(style.outlineColor).rgb, ground(ringed));
        if (found < 3) faults.push(`its focus has a contrast of ${found.toFixed(2)} (${one})`);
      }
    }
    document.documentElement.dataset.theme = theme;
    const again = document.lastStop === element; // a date's field has several stops
    document.lastStop = element;
    return { what: what(element), name: name(element), again, faults };
  };

  return { look, words, stops, begin, stop };
})()
