// Shows the cards of results in #shelf: new ones in front, changed ones renewed, the others left alone, so that what
// plays goes on. A card's buttons reach Python as clicks with an action and an id.
const shelf = () => document.getElementById("shelf");

function follow(card) {
  const audio = card.querySelector("audio");
  const picture = card.querySelector("svg.timeline");
  const head = card.querySelector(".head");
  const length = Number(picture.dataset.seconds) || 1;
  const move = () => {
    const place = `${Math.min(100, (100 * audio.currentTime) / length)}%`;
    head.setAttribute("x1", place);
    head.setAttribute("x2", place);
    head.setAttribute("visibility", audio.currentTime > 0 ? "visible" : "hidden");
    if (!audio.paused) requestAnimationFrame(move);
  };
  for (const event of ["play", "seeked", "timeupdate"]) audio.addEventListener(event, move);
  audio.addEventListener("play", () => {
    for (const other of document.querySelectorAll("#shelf audio")) if (other !== audio) other.pause();
  });
  picture.addEventListener("click", (event) => {
    const box = picture.getBoundingClientRect();
    audio.currentTime = (length * (event.clientX - box.left)) / box.width;
  });
}

function press(event) {
  const button = event.target.closest("button[data-action]");
  if (!button) return;
  if (button.dataset.action === "loop") {
    const audio = button.closest(".card").querySelector("audio");
    audio.loop = !audio.loop;
    button.setAttribute("aria-pressed", String(audio.loop));
    return;
  }
  trigger("click", { action: button.dataset.action, id: button.dataset.id });
}

function renew(place, row, index) {
  const old = place.querySelector(`[data-card="${row.id}"]`);
  if (old && old.dataset.version === row.version) return old;
  const holder = document.createElement("div");
  holder.dataset.card = row.id;
  holder.dataset.version = row.version;
  holder.innerHTML = row.html;
  if (old) {
    // The player stays: only what stands around it is new.
    const audio = old.querySelector("audio");
    holder.querySelector("audio").replaceWith(audio);
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
  }
  const wanted = new Set(rows.map((row) => row.id));
  for (const holder of [...place.children]) if (!wanted.has(holder.dataset.card)) holder.remove();
  rows.forEach((row, index) => {
    const holder = renew(place, row, index);
    // Moving a player would stop it, so only what is out of its place is moved.
    if (place.children[index] !== holder) place.insertBefore(holder, place.children[index] || null);
  });
}

watch("value", () => show(props.value));
show(props.value);
