// The trajectory viewer: how one prompt was decoded, forward by forward, by one decoder or by two side by side.
const holder = document.getElementById("data");
const data = holder && JSON.parse(holder.textContent).traces;
const panel = document.getElementById("viewer-panel");
if (!data || !panel) return;
const field = name => document.getElementById(`viewer-${name}`);
const [problem, left, right, speed] = ["problem", "left", "right", "speed"].map(field);
const [slider, play, at] = [document.getElementById("step"), field("play"), field("at")];
const classes = ["inactive", "activated", "fully", "stabilizing", "completed"];
const states = ["inactive", "activated", "fully activated", "completed but stabilizing", "completed"];
const caches = {
  full: ["F", "full: the whole sequence, without a cache"],
  prefill: ["R", "refresh: the whole sequence, and the cache is made from it"],
  cached: ["C", "cached: part of the sequence beside the cache"],
  cache_update: ["U", "cache update: as cached, and its first inputs join the cache"],
  dual: ["D", "dual: one block, whose part of a whole cache is replaced"],
};

function element(tag, content, style) {
  const made = document.createElement(tag);
  if (style) made.className = style;
  if (content !== undefined) made.textContent = content;
  return made;
}
// Classes of entropies, in nats; the last has no upper end.
const bounds = [0.1, 0.3, 0.6, 1];
const colour = field("colour");
const word = id => id === data.mask ? "?" : data.tokens[id] ?? `#${id}`;
const title = method => method.name === method.setting ? method.name : `${method.name} (${method.setting})`;

// A recorded run with the sequence after each of its forwards.
function unfold(run, blockLength) {
  const length = run.length;
  let sequence = Array.from(run.start);
  const after = [sequence];
  const decodedAt = [];
  run.steps.forEach((step, index) => {
    sequence = sequence.slice();
    for (let i = 0; i < step[4].length; i += 2) {
      sequence[step[4][i]] = step[4][i + 1];
      if (step[4][i + 1] !== data.mask) decodedAt[step[4][i]] = index;
    }
    after.push(sequence);
  });
  const predictions = run.steps.map(step => {
    const map = new Map();
    for (let i = 0; i < step[5].length; i += 4) map.set(step[5][i], step[5].slice(i + 1, i + 4));
    return map;
  });
  return { run, length, blockLength, after, decodedAt, predictions, count: run.steps.length };
}

// The state of a position when a forward was asked for; behind the last forward everything is done.
function state(trace, step, position) {
  if (step >= trace.count) return 4;
  const digits = trace.run.steps[step][3];
  if (!digits) {
    const token = trace.after[step][position];
    return token === undefined || token === data.mask ? (position === trace.after[step].length ? 2 : 0) : 4;
  }
  return Number(digits[Math.floor(position / trace.blockLength)] ?? 0);
}

function describe(trace, step, position) {
  // What forward number `step` (from 0) said of a position.
  const before = trace.after[step][position];
  const token = trace.after[Math.min(step + 1, trace.count)][position];
  const parts = [`Forward ${step + 1}, position ${position + 1}: block ${states[state(trace, step, position)]}`];
  const prediction = trace.predictions[step]?.get(position);
  if (prediction) {
    const isTaken = token === prediction[0] && (before === undefined || before === data.mask);
    parts.push(`predicted “${word(prediction[0])}”, entropy ${(prediction[1] / 1000).toFixed(3)} nats, `
      + `confidence ${(prediction[2] / 10).toFixed(1)} %, ${isTaken ? "accepted" : "not accepted"}`);
  } else if (before !== undefined && before !== data.mask) {
    parts.push(`already “${word(before)}”, decoded by forward ${(trace.decodedAt[position] ?? 0) + 1}`);
  } else {
    parts.push("not predicted");
  }
  if (!prediction && (before === undefined || before === data.mask) && token !== undefined && token !== data.mask)
    parts.push(`filled with “${word(token)}” behind the end token`);
  return parts.join("; ") + ".";
}

class Pane {
  constructor(root) {
    this.root = root;
    this.facts = element("output", "", "facts");
    this.facts.setAttribute("aria-live", "polite");
  }

  show(trace, label, differs) {
    this.trace = trace;
    this.differs = differs;
    this.root.replaceChildren();
    const heading = element("h3", label);
    if (!trace) {
      this.root.append(heading, element("p", "There is no recording of this prompt with this decoder; the section says why."));
      return;
    }
    const summary = element("p", `${{ true: "Right", false: "Wrong" }[trace.run.right] ?? "Not graded"}: ${trace.run.nfe} forward evaluations counted, `
      + `${trace.count} forwards, ${trace.run.counted} tokens up to the end, `
      + `${(trace.run.counted / Math.max(1, trace.run.nfe)).toFixed(2)} per forward.`);
    this.cache = element("p", "", "count");
    this.tokens = element("div", undefined, "tokens");
    this.tokens.setAttribute("role", "group");
    this.tokens.setAttribute("aria-label", `Tokens of ${label}`);
    this.tokens.addEventListener("pointerover", event => this.point(event));
    this.matrix();
    this.root.append(heading, summary, this.cache, this.tokens, this.facts, this.holder);
  }

  // One row per forward, one column per position; the arrow keys move from cell to cell.
  matrix() {
    const { trace } = this;
    const table = element("table", undefined, "matrix");
    table.setAttribute("role", "grid");
    table.setAttribute("aria-label", "Forwards by positions; the arrow keys move, what a cell means is read above the grid");
    this.lines = trace.run.steps.map((step, index) => {
      const row = table.insertRow();
      const [letter, meaning] = caches[data.kinds[step[0]]];
      const head = element("th", `${index + 1} `);
      head.scope = "row";
      const strip = element("span", letter, `strip ${data.kinds[step[0]]}`);
      strip.title = `${meaning}; ${step[2] - step[1]} tokens in`;
      head.append(strip);
      row.append(head);
      for (let p = 0; p < trace.length; p++) {
        const before = trace.after[index][p], token = trace.after[index + 1][p];
        const isFresh = before !== token && token !== data.mask;
        const isDone = before !== undefined && before !== data.mask;
        const style = [this.shade(trace, index, p)];
        if (isFresh) style.push("new");
        if (p && trace.blockLength && p % trace.blockLength === 0) style.push("start");
        if (this.differs === p) style.push("mark");
        const cell = row.insertCell();
        cell.className = style.join(" ");
        cell.tabIndex = -1;
        cell.textContent = isFresh ? "●" : isDone ? "·" : "";
      }
      return row;
    });
    if (this.lines.length) this.lines[0].cells[1].tabIndex = 0;
    table.addEventListener("pointerover", event => this.cell(event.target));
    table.addEventListener("focusin", event => this.cell(event.target));
    table.addEventListener("keydown", event => this.move(event));
    table.style.setProperty("--columns", trace.length);
    this.holder = element("div", undefined, "scroll");
    this.holder.tabIndex = 0;
    this.holder.setAttribute("role", "region");
    this.holder.setAttribute("aria-label", "Grid of forwards");
    this.holder.append(table);
  }

  // What colours a cell: the state of its block, or what the forward was unsure of.
  shade(trace, step, position) {
    if (colour.value === "state") return classes[state(trace, step, position)];
    const prediction = trace.predictions[step]?.get(position);
    if (!prediction) return "blank";
    const nats = prediction[1] / 1000;
    const place = bounds.findIndex(bound => nats < bound);
    return `e${place < 0 ? bounds.length : place}`;
  }

  cell(target) {
    const cell = target.closest("td");
    if (!cell) return;
    this.facts.textContent = describe(this.trace, cell.parentNode.rowIndex, cell.cellIndex - 1);
  }

  point(event) {
    const token = event.target.closest(".token");
    if (token) this.facts.textContent = describe(this.trace, Math.max(0, this.step - 1), Number(token.dataset.position));
  }

  move(event) {
    const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    const cell = event.target.closest("td");
    if (!cell || !(event.key in moves || event.key === "Home" || event.key === "End")) return;
    event.preventDefault();
    let row = cell.parentNode.rowIndex, column = cell.cellIndex;
    if (event.key === "Home") column = 1;
    else if (event.key === "End") column = this.trace.length;
    else { row += moves[event.key][0]; column += moves[event.key][1]; }
    const next = this.lines[row]?.cells[column];
    if (!next || column < 1) return;
    cell.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }

  // The sequence after `step` forwards.
  draw(step) {
    const { trace } = this;
    if (!trace) return;
    this.step = Math.min(step, trace.count);
    const now = trace.after[this.step], before = this.step ? trace.after[this.step - 1] : now;
    const groups = [];
    for (let p = 0; p < trace.length; p++) {
      if (p % (trace.blockLength || trace.length) === 0) groups.push(element("span", undefined, "block"));
      const id = now[p];
      const isMasked = id === undefined || id === data.mask;
      const style = ["token", colour.value === "entropy" && this.step > 0
        ? this.shade(trace, this.step - 1, p) : classes[state(trace, this.step, p)]];
      if (isMasked) style.push("masked");
      else if (id === data.end) style.push("end");
      if (this.step && before[p] !== id && !isMasked) style.push("fresh");
      if (this.differs === p) style.push("differs");
      const token = element("span", isMasked ? "?" : id === data.end ? "end" : word(id), style.join(" "));
      token.dataset.position = p;
      groups[groups.length - 1].append(token);
    }
    this.tokens.replaceChildren(...groups);
    const last = trace.run.steps[this.step - 1];
    this.cache.textContent = last
      ? `Forward ${this.step} of ${trace.count}, ${caches[data.kinds[last[0]]][1]}; ${last[2] - last[1]} tokens in.`
      : `Before the first of ${trace.count} forwards.`;
    this.lines.forEach((row, index) => row.classList.toggle("current", index === this.step - 1));
  }
}

const panes = [new Pane(field("pane-left")), new Pane(field("pane-right"))];
const divergence = field("divergence");
let timer = null;

function load() {
  stop();
  const p = Number(problem.value);
  const entry = data.problems[p];
  field("prompt").textContent = `${entry.prompt} Right answer: ${entry.answer}. Chosen because: ${entry.why}.`;
  const chosen = [left, right].map(select => select.value === "none" ? null : Number(select.value));
  const traces = chosen.map(m => {
    const run = m === null ? null : data.runs[p][m];
    return run && unfold(run, data.methods[m].blockLength);
  });
  let differs = null;
  divergence.hidden = !(traces[0] && traces[1]);
  if (traces[0] && traces[1]) {
    const ends = traces.map(trace => trace.after[trace.count]);
    // Padding behind the end says nothing.
    const lengths = ends.map(end => { const i = end.indexOf(data.end); return i < 0 ? end.length : i + 1; });
    for (let i = 0; i < Math.max(...lengths) && differs === null; i++) if (ends[0][i] !== ends[1][i]) differs = i;
    divergence.textContent = differs === null
      ? `Both gave the same text, in ${traces[0].count} and ${traces[1].count} forwards.`
      : `They differ from position ${differs + 1} on: “${word(ends[0][differs])}”, decoded by forward `
        + `${(traces[0].decodedAt[differs] ?? 0) + 1}, and “${word(ends[1][differs])}”, by forward `
        + `${(traces[1].decodedAt[differs] ?? 0) + 1}. The position is marked in both.`;
  }
  panes.forEach((pane, i) => {
    pane.root.hidden = chosen[i] === null;
    if (chosen[i] === null) { pane.trace = null; return; }
    const method = data.methods[chosen[i]];
    pane.show(traces[i], title(method), differs);
  });
  slider.max = Math.max(1, ...traces.map(trace => trace?.count ?? 0));
  slider.value = 0;
  draw();
}

function draw() {
  for (const pane of panes) pane.draw(Number(slider.value));
  at.textContent = `after ${slider.value} of ${slider.max} forwards`;
  slider.setAttribute("aria-valuetext", at.textContent);
  remember();
}

// The address names what is shown, so that it can be sent: #viewer/PROMPT/DECODER/OTHER/FORWARD. It is written only once
// somebody has used the viewer: links to other parts stay as they are until then.
let isUsed = false;
const place = () => `#viewer/${[problem.value, left.value, right.value, slider.value].map(encodeURIComponent).join("/")}`;
function remember() {
  if (isUsed) try { history.replaceState(null, "", place()); } catch { /* a page in a frame may not */ }
}

function follow() {
  const wanted = /^#viewer\/(\d+)\/(\d+)\/(\d+|none)\/(\d+)$/.exec(location.hash);
  if (!wanted || !data.problems[wanted[1]] || !data.methods[wanted[2]] || (wanted[3] !== "none" && !data.methods[wanted[3]])) return;
  [problem.value, left.value, right.value] = wanted.slice(1, 4);
  load();
  slider.value = wanted[4];
  draw();
  document.getElementById("viewer").scrollIntoView();
}

// One trajectory as a picture that plays by itself wherever SVG is shown.
function animation(trace, title) {
  const [w, h, columns] = [74, 26, trace.blockLength && trace.blockLength < 8 ? trace.blockLength : 8];
  const pause = 0.7, duration = pause * (trace.count + 4);
  const paint = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const escaped = text => text.replace(/[&<>"]/g, sign => `&#${sign.charCodeAt(0)};`);
  const end = trace.after[trace.count].indexOf(data.end);
  const length = end < 0 ? trace.length : end + 1;
  const height = 34 + h * Math.ceil(length / columns) + 24;
  const appear = step => `<animate attributeName="opacity" values="0;1" keyTimes="0;${(pause * (step + 1) / duration).toFixed(4)}" `
    + `calcMode="discrete" dur="${duration.toFixed(1)}s" repeatCount="indefinite"/>`;
  const parts = [`<svg xmlns="${document.querySelector("svg")?.namespaceURI ?? ["http", "//www.w3.org/2000/svg"].join(":")}" width="${columns * w + 16}" height="${height}" `
    + `viewBox="0 0 ${columns * w + 16} ${height}" font-family="ui-monospace, monospace" font-size="12">`,
    `<title>${escaped(title)}</title>`, `<rect width="100%" height="100%" fill="${paint("--paper")}"/>`,
    `<text x="8" y="20" fill="${paint("--ink")}">${escaped(title)}</text>`];
  for (let p = 0; p < length; p++) {
    const x = 8 + w * (p % columns), y = 32 + h * Math.floor(p / columns);
    const id = trace.after[trace.count][p];
    const text = id === data.end ? "end" : word(id);
    const box = `x="${x}" y="${y}" width="${w - 3}" height="${h - 3}" rx="3"`;
    parts.push(`<rect ${box} fill="${paint("--inactive")}"/>`,
      `<g opacity="1">${appear(trace.decodedAt[p] ?? trace.count - 1)}<rect ${box} fill="${paint("--completed")}"/>`
      + `<text x="${x + w / 2 - 1.5}" y="${y + 16}" text-anchor="middle" fill="${paint("--ink")}">${escaped(text)}</text></g>`);
  }
  parts.push(`<text x="8" y="${height - 8}" fill="${paint("--soft")}">${trace.count} forwards, ${trace.run.counted} tokens</text></svg>`);
  return parts.join("\n");
}

field("save").addEventListener("click", () => {
  const pane = panes[0];
  if (!pane.trace) { field("said").textContent = "There is no recording of this prompt with this decoder."; return; }
  const address = URL.createObjectURL(new Blob([animation(pane.trace, title(data.methods[Number(left.value)]))], { type: "image/svg+xml" }));
  const link = element("a");
  link.setAttribute("href", address);
  link.download = `trajectory-${data.problems[Number(problem.value)].id.replace(/[^\w-]+/g, "-")}.svg`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
  field("said").textContent = "Saved; it plays by itself in a browser and on most pages.";
});
field("link").addEventListener("click", async () => {
  isUsed = true;
  remember();
  try {
    await navigator.clipboard.writeText(location.href);
    field("said").textContent = "The link is copied.";
  } catch {
    field("said").textContent = "The link stands in the address bar.";
  }
});

// A first look: four stops that use the viewer itself.
const tour = [
  ["First look, 1 of 4: nothing is decoded yet. Each row of the grid will be one forward evaluation, each column one position of the answer.",
    () => { slider.value = 0; }],
  ["2 of 4: this forward decided the most tokens at once. That is the speed: tokens per forward. They are framed above, dots in the grid.",
    () => {
      const counts = panes[0].trace.run.steps.map(step => step[4].filter((id, i) => i % 2 && id !== data.mask && id !== data.end).length);
      slider.value = counts.indexOf(Math.max(...counts)) + 1;
    }],
  ["3 of 4: the same by entropy. Tokens are taken where the model is certain, here the pale cells; dark ones have to wait.",
    () => { colour.value = "entropy"; shades(); }],
  ["4 of 4: another decoder beside it, on the same prompt. The wave marks the first position at which the answers differ.",
    () => { colour.value = "state"; shades(); if (right.value === "none" && data.methods.length > 1) { right.value = left.value === "0" ? "1" : "0"; load(); } slider.value = slider.max; }],
];
let visited = -1;
field("tour").textContent = "New here? Four stops show what to look at.";
field("next").addEventListener("click", () => {
  stop();
  visited = visited + 1 < tour.length ? visited + 1 : -1;
  field("next").textContent = visited < 0 ? "Show me" : visited + 1 < tour.length ? "Next" : "Done";
  field("tour").textContent = visited < 0 ? "New here? Four stops show what to look at." : tour[visited][0];
  if (visited >= 0 && panes[0].trace) { tour[visited][1](); draw(); }
});

function shades() {
  field("entropies").hidden = colour.value !== "entropy";
  const now = slider.value;
  load();
  slider.value = now;
  draw();
}

function stop() {
  clearInterval(timer);
  timer = null;
  play.textContent = "Play";
  play.setAttribute("aria-pressed", "false");
}

function start() {
  if (Number(slider.value) >= Number(slider.max)) slider.value = 0;
  play.textContent = "Pause";
  play.setAttribute("aria-pressed", "true");
  timer = setInterval(() => {
    slider.value = Number(slider.value) + 1;
    draw();
    if (Number(slider.value) >= Number(slider.max)) stop();
  }, Number(speed.value));
  draw();
}

data.problems.forEach((entry, index) => problem.add(new Option(`${entry.id}: ${entry.why}`, String(index))));
right.add(new Option("no other", "none"));
data.methods.forEach((method, index) => {
  for (const select of [left, right]) select.add(new Option(title(method), String(index)));
});
left.value = String(data.first);
right.value = data.second === null ? "none" : String(data.second);
colour.addEventListener("change", shades);
for (const select of [problem, left, right]) select.addEventListener("change", load);
slider.addEventListener("input", () => { stop(); draw(); });
play.addEventListener("click", () => timer === null ? start() : stop());
speed.addEventListener("change", () => { if (timer !== null) { stop(); start(); } });
for (const [name, change] of [["back", -1], ["forward", 1]]) {
  field(name).addEventListener("click", () => {
    stop();
    slider.value = Number(slider.value) + change;
    draw();
  });
}
// In the viewer the space bar plays and pauses, except where it means something else.
panel.addEventListener("keydown", event => {
  if (event.key === " " && !event.target.closest("select, button, input, summary")) {
    event.preventDefault();
    timer === null ? start() : stop();
  }
});
for (const kind of ["input", "change", "click"]) panel.addEventListener(kind, () => { isUsed = true; }, true);
panel.hidden = false;
load();
follow();
addEventListener("hashchange", follow);
