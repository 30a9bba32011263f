// Shows the cards of results in #shelf: new ones in front, changed ones renewed, the others left alone, so that what
// plays goes on. A card's buttons reach Python as clicks with an action and an id.
const shelf = () => document.getElementById("shelf");
let linked = ""; // id of the clip that the address was set to last
let pressed = ""; // id of the card whose button was pressed last: what the status says stands there, too

function tell() {
  const status = document.getElementById("status");
  for (const place of document.querySelectorAll("#shelf .said")) {
    const here = place.closest("[data-card]").dataset.card === pressed;
    const text = here ? status.textContent.trim() : "";
    if (place.textContent !== text) place.textContent = text;
    place.classList.toggle("wrong", here && Boolean(status.querySelector(".wrong")));
  }
}

function listen() {
  new MutationObserver(tell).observe(document.getElementById("status"), { childList: true, subtree: true, characterData: true });
  document.addEventListener("click", (event) => {
    if (!event.target.closest("#shelf")) pressed = "";
  });
}

function follow(card) {
  const audio = card.querySelector("audio");
  if (!audio) return;
  audio.addEventListener("play", () => {
    for (const other of document.querySelectorAll("#shelf audio")) if (other !== audio) other.pause();
  });
  const picture = card.querySelector("svg.timeline");
  if (!picture) return;
  const head = card.querySelector(".head");
  const length = Number(picture.dataset.seconds) || 1;
  const move = () => {
    const place = `${Math.min(100, (100 * audio.currentTime) / length)}%`;
    head.setAttribute("x1", place);
    head.setAttribute("x2", place);
    head.setAttribute("visibility", audio.currentTime > 0 ? "visible" : "hidden");
    if (!audio.paused && card.isConnected) requestAnimationFrame(move);
  };
  for (const event of ["play", "seeked", "timeupdate"]) audio.addEventListener(event, move);
  choose(card, picture, length, (second) => { audio.currentTime = second; });
}

const FIELDS = ["prompt", "chords", "start", "end", "bars", "strength"];
const field = (card, name) => card.querySelector(`[data-field="${name}"]`);

// A click on the picture moves the playhead; a drag over it chooses a region, whose ends snap to the beats.
function choose(card, picture, length, seek) {
  if (!field(card, "start")) return;
  const beats = [...picture.querySelectorAll(".beat:not(.heard)")].map((line) => (parseFloat(line.getAttribute("x1")) * length) / 100);
  const region = picture.querySelector(".region");
  const second = (event) => {
    const box = picture.getBoundingClientRect();
    return Math.min(length, Math.max(0, (length * (event.clientX - box.left)) / box.width));
  };
  const snapped = (value) => [0, length, ...beats].reduce((best, beat) => (Math.abs(beat - value) < Math.abs(best - value) ? beat : best));
  const draw = () => {
    const [from, to] = ["start", "end"].map((name) => parseFloat(field(card, name).value));
    const there = from < to;
    region.setAttribute("visibility", there ? "visible" : "hidden");
    if (!there) return;
    region.setAttribute("x", `${(100 * from) / length}%`);
    region.setAttribute("width", `${(100 * (to - from)) / length}%`);
  };
  const set = (a, b) => {
    [field(card, "start").value, field(card, "end").value] = [Math.min(a, b), Math.max(a, b)].map((value) => String(Number(value.toFixed(3))));
    draw();
  };
  let from = null;
  picture.style.touchAction = "pan-y";
  picture.addEventListener("pointerdown", (event) => {
    from = { x: event.clientX, second: second(event) };
    picture.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  picture.addEventListener("pointermove", (event) => {
    if (from && Math.abs(event.clientX - from.x) > 6) set(snapped(from.second), snapped(second(event)));
  });
  picture.addEventListener("pointerup", (event) => {
    if (from && Math.abs(event.clientX - from.x) <= 6) seek(from.second);
    else if (from) card.querySelector("details.shape").open = true;
    from = null;
  });
  picture.addEventListener("pointercancel", () => { from = null; });
  for (const name of ["start", "end"]) field(card, name).addEventListener("input", draw);
}

// The player stays when its card changes; one that played what was being made goes on with the whole.
function keepPlayer(audio, renewed) {
  const wanted = renewed.getAttribute("src");
  if (audio.getAttribute("src") !== wanted) {
    const [place, playing] = [audio.currentTime, !audio.paused];
    audio.preload = "metadata";
    audio.setAttribute("src", wanted);
    audio.addEventListener("loadedmetadata", () => {
      audio.currentTime = place;
      if (playing) audio.play();
    }, { once: true });
  }
  audio.setAttribute("aria-label", renewed.getAttribute("aria-label"));
  renewed.replaceWith(audio);
}

function address(link) {
  const url = new URL(window.location.href);
  url.search = "";
  for (const [name, value] of new URLSearchParams(window.location.search))
    if (name.startsWith("__")) url.searchParams.set(name, value);
  url.searchParams.set("make", link);
  return url.href;
}

function press(event) {
  const button = event.target.closest("button[data-action]");
  if (!button) return;
  const { action, id } = button.dataset;
  pressed = id || "";
  for (const place of document.querySelectorAll("#shelf .said")) place.textContent = "";
  if (action === "loop") {
    const audio = button.closest(".card").querySelector("audio");
    audio.loop = !audio.loop;
    button.setAttribute("aria-pressed", String(audio.loop));
    return;
  }
  if (action === "link") {
    const link = address(button.closest("[data-card]").dataset.link);
    history.replaceState(null, "", link);
    navigator.clipboard?.writeText(link).catch(() => {});
  }
  if (["edit", "extend", "begin", "vary"].includes(action)) {
    const card = button.closest(".card");
    trigger("submit", { action, id, fields: Object.fromEntries(FIELDS.map((name) => [name, field(card, name).value])) });
    return;
  }
  trigger("click", { action, id });
}

function renew(place, row, index) {
  const old = place.querySelector(`[data-card="${row.id}"]`);
  if (old && old.dataset.version === row.version) return old;
  const holder = document.createElement("div");
  Object.assign(holder.dataset, { card: row.id, version: row.version, link: row.link });
  holder.innerHTML = row.html;
  if (old) {
    const form = old.querySelector("details.shape");
    const fresh = holder.querySelector("details.shape");
    if (form && fresh) fresh.replaceWith(form); // somebody may be typing there
    const audio = old.querySelector("audio");
    const renewed = holder.querySelector("audio");
    if (audio && renewed) keepPlayer(audio, renewed);
    old.replaceWith(holder);
  } else {
    place.insertBefore(holder, place.children[index] || null);
  }
  follow(holder);
  return holder;
}

function show(rows) {
  const place = shelf();
  if (!place || !Array.isArray(rows)) return;
  if (!place.dataset.ready) {
    place.dataset.ready = "yes";
    place.addEventListener("click", press);
    listen();
  }
  const wanted = new Set(rows.map((row) => row.id));
  for (const holder of [...place.children]) if (!wanted.has(holder.dataset.card)) holder.remove();
  rows.forEach((row, index) => {
    const holder = renew(place, row, index);
    holder.firstElementChild.classList.toggle("newest", Boolean(row.newest));
    // Moving a player would stop it, so only what is out of its place is moved.
    if (place.children[index] !== holder) place.insertBefore(holder, place.children[index] || null);
  });
  tell();
  // What was just made stands in the address, so that a reload or a bookmark makes it again.
  const first = rows[0];
  if (first && first.fresh && first.link && first.id !== linked) {
    linked = first.id;
    history.replaceState(null, "", address(first.link));
    if (window.innerWidth <= 700) place.scrollIntoView({ block: "start" }); // there it lies below the plan
  }
}

watch("value", () => show(props.value));
show(props.value);
