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
        const style = [classes[state(trace, index, p)]];
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
    this.holder = element("div", undefined, "scroll");
    this.holder.append(table);
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
      const style = ["token", classes[state(trace, this.step, p)]];
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
panel.hidden = false;
load();
