// The browser's side of what the server fills into the page (see `blocks`). One draft of the plan is under way at a
// time: `ask` waits for its turn, `send` remembers what the page holds, `fill` takes the answer in, `done` opens the way
// for the next. Settings from elsewhere (a card, a link, a recording) overtake it: `hold` remembers what the page holds,
// `put` takes them in, `again` has the plan drafted anew, `drop` ends what went wrong. Whatever has been changed since it
// was asked for stays as it is, and so does, in a draft, the field somebody is in.
() => {
  const PAUSE = 120; // ms without a key before a typist is answered
  const NAMES = $NAMES;
  let asked = 0; // counts wishes for a draft: one gives way to a later one
  let busy = false;
  let sent = []; // the fields' values and then their locks, as they went out
  let holding = 0; // how many wait for settings from elsewhere
  let overtaken = false; // whether somebody asked for these while a draft was under way, so that its answer is old
  let shown = []; // words, fields, locks and how it is made, as they were when settings were asked for
  let wanted = false; // whether the plan is to be drafted anew
  let looks = []; // of the fields, as they were filled last: what has not changed is not drawn again
  let noted = null;
  const STAYS = { __type__: "update" };
  const same = (a, b) => JSON.stringify(a ?? "") === JSON.stringify(b ?? "");
  const pause = (milliseconds) => new Promise((go) => setTimeout(go, milliseconds));

  async function ask() {
    const mine = ++asked;
    await pause(PAUSE);
    while ((busy || holding) && mine === asked) await pause(20);
    if (mine !== asked) await new Promise(() => {}); // a later wish says it all
    busy = true;
    return [];
  }

  function send(...values) {
    sent = values.slice(-2 * NAMES.length);
    overtaken = false;
    return values;
  }

  // (answer, what was shown last, fields ..., locks ...) -> (fields ..., locks ..., notes, what is shown now)
  function fill(answer, last, ...now) {
    if (overtaken) return [...now.map(() => STAYS), STAYS, last];
    const changed = now.map((value, index) => !same(value, sent[index]));
    const mine = NAMES.map((_, index) => changed[index] || changed[NAMES.length + index]);
    const focus = document.activeElement?.closest("[id^=field-]")?.id;
    const shown = { ...(answer.last ?? last) };
    const fields = NAMES.map((name, index) => {
      const { value, ...look } = answer.fields[index];
      const told = JSON.stringify(look);
      const update = { ...STAYS, ...(mine[index] || looks[index] === told ? {} : look) };
      if (!mine[index]) looks[index] = told;
      if (!mine[index] && focus !== `field-${name}`) return value === undefined ? update : { ...update, value };
      if (answer.last) shown[name] = sent[index];
      return update;
    });
    const locks = answer.locks.map((lock, index) => {
      const at = NAMES.length + index;
      return changed[at] || now[at] === lock ? STAYS : lock;
    });
    const notes = answer.notes === noted ? STAYS : answer.notes;
    noted = answer.notes;
    return [...fields, ...locks, notes, shown];
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

  // The notes of a draft that was not answered.
  function failed(texts) {
    busy = false;
    noted = null;
    const note = document.createElement("p");
    note.className = "wrong";
    note.textContent = say(texts);
    return note.outerHTML;
  }

  // (what the server needs, words, fields ..., locks ..., how it is made)
  function hold(...values) {
    holding += 1;
    overtaken = busy;
    shown = values.slice(1);
    return values;
  }

  // (settings or null, words, fields ..., locks ..., how it is made) -> all of these; null stays, too
  function put(settings, ...now) {
    const changed = now.map((value, index) => !same(value, shown[index]));
    const mine = (index) => {
      const [field, pair] = [(index - 1) % NAMES.length, index > 0 && index <= 2 * NAMES.length];
      return pair ? changed[1 + field] || changed[1 + NAMES.length + field] : changed[index];
    };
    const filled = now.map((_, index) => Boolean(settings) && settings[index] !== null && !mine(index));
    shown = shown.map((value, index) => (filled[index] ? settings[index] : value));
    wanted = Boolean(settings) || overtaken;
    holding -= 1;
    return filled.map((here, index) => (here ? { ...STAYS, value: settings[index] } : STAYS));
  }

  async function again() {
    if (!wanted) await new Promise(() => {});
    return ask();
  }

  function drop() {
    holding -= 1;
    return [];
  }

  // Words in the first language of the browser that they are there in.
  function say(words) {
    const codes = navigator.languages.map((name) => name.split("-")[0].toLowerCase());
    return words[codes.find((code) => code in words) ?? "$FIRST"];
  }

  // The choices of the fields, shown by the names that this browser's language has for them.
  function choices(names, fields) {
    const own = say(names);
    return fields.map((values) => ({ ...STAYS, choices: values.map((value) => [own[value] ?? value, value]) }));
  }

  window.mustango = { ask, send, fill, done, failed, hold, put, again, drop, say, choices };
}
