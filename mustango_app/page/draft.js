// The browser's side of the plan that is filled in while somebody types (see `blocks`). One draft is under way at a
// time: `ask` waits for its turn, `send` remembers what the page holds, `fill` takes the answer in, `done` opens the way
// for the next. What has been changed since the draft was sent, and the field somebody is in, stay as they are.
() => {
  const PAUSE = 120; // ms without a key before a typist is answered
  const NAMES = $NAMES;
  let asked = 0; // counts wishes for a draft: one gives way to a later one
  let busy = false;
  let sent = []; // the fields' values and then their locks, as they went out
  const same = (a, b) => JSON.stringify(a ?? "") === JSON.stringify(b ?? "");
  const pause = (milliseconds) => new Promise((go) => setTimeout(go, milliseconds));

  async function ask() {
    const mine = ++asked;
    await pause(PAUSE);
    while (busy && mine === asked) await pause(20);
    if (mine !== asked) await new Promise(() => {}); // a later wish says it all
    busy = true;
    return [];
  }

  function send(...values) {
    sent = values.slice(-2 * NAMES.length);
    return values;
  }

  // (answer, what was shown last, fields ..., locks ...) -> (fields ..., locks ..., notes, what is shown now)
  function fill(answer, last, ...now) {
    const changed = now.map((value, index) => !same(value, sent[index]));
    const mine = NAMES.map((_, index) => changed[index] || changed[NAMES.length + index]);
    const focus = document.activeElement?.closest("[id^=field-]")?.id;
    const shown = { ...(answer.last ?? last) };
    const fields = NAMES.map((name, index) => {
      const { value, ...look } = answer.fields[index];
      const update = { __type__: "update", ...(mine[index] ? {} : look) };
      if (!mine[index] && focus !== `field-${name}`) return value === undefined ? update : { ...update, value };
      if (answer.last) shown[name] = sent[index];
      return update;
    });
    const locks = answer.locks.map((lock, index) => {
      const at = NAMES.length + index;
      return changed[at] ? now[at] : lock;
    });
    return [...fields, ...locks, answer.notes, shown];
  }

  // What is wrong stands at its field; who listens instead of looking hears it at the field, too.
  function done() {
    busy = false;
    requestAnimationFrame(() => {
      for (const field of document.querySelectorAll("[id^=field-]")) {
        const input = field.querySelector("input, textarea");
        if (input) input.setAttribute("aria-invalid", String(field.classList.contains("wrong")));
      }
    });
    return [];
  }

  window.mustango = { ask, send, fill, done };
}
