// What Gradio itself says in a corner of the page (a file that is too large, a full queue, a lost connection), in the
// visitor's language and in words for people: the sentences of the languages' `[toasts]`, with named places.
() => {
  const TOAST = "[data-testid=toast-body]";
  const TEXT = "[data-testid=toast-text]";
  const PLACES = `.toast-title, .toast-title *, ${TEXT}, ${TEXT} *`;
  const own = window.mustango.say($TOASTS);
  const known = Object.entries(own).map(([english, said]) => {
    const parts = english.split(/\{(\w+)\}/);
    const pattern = parts.map((part, index) => (index % 2 ? `(?<${part}>.+?)` : part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")));
    return [new RegExp(`^\\s*${pattern.join("")}\\s*$`, "s"), said];
  });

  // What stands in a place is looked up again; what is not known stays.
  function inWords(english) {
    for (const [pattern, said] of known) {
      const found = english.match(pattern);
      if (found) return said.replace(/\{(\w+)\}/g, (_, place) => inWords(found.groups[place]));
    }
    return english;
  }

  function renew(element) {
    for (const place of element.querySelectorAll(PLACES)) {
      for (const node of place.childNodes) {
        if (node.nodeType !== Node.TEXT_NODE) continue;
        const said = inWords(node.data);
        if (said !== node.data) node.data = said;
      }
    }
  }

  new MutationObserver((changes) => {
    const near = new Set(changes.map(({ target }) => (target.closest ? target : target.parentElement)));
    for (const element of near) {
      const toasts = element?.closest?.(TOAST)?.parentElement ?? element;
      if (toasts?.querySelector?.(TOAST)) renew(toasts);
    }
  }).observe(document.body, { childList: true, subtree: true, characterData: true });
}
