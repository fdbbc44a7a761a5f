"use strict";
// Two lanes decode one prompt; each gets its events as they happen and draws them at the reader's pace.

const $ = (id) => document.getElementById(id);
const SHOWN = ["threshold", "skipThreshold", "blockAddThreshold", "generationLength", "blockLength", "cacheDelay",
  "refreshInterval", "temperature"];
const LIMITS = [0.01, 0.1, 0.3, 0.7];
let model = null;
let lanes = [];

class Lane {
  constructor(method) {
    this.root = $("lane").content.firstElementChild.cloneNode(true);
    this.part = (name) => this.root.querySelector("." + name);
    for (const each of model.methods) this.part("method").add(new Option(each.name, each.name));
    this.part("method").value = method;
    this.part("method").addEventListener("change", () => this.showOptions());
    this.part("step").addEventListener("input", () => this.show(Number(this.part("step").value)));
    this.showOptions();
  }

  get method() { return model.methods.find((each) => each.name === this.part("method").value); }

  showOptions() {
    this.part("summary").textContent = this.method.summary;
    this.part("options").replaceChildren();
    this.part("more").replaceChildren();
    for (const option of this.method.options) {
      this.part(SHOWN.includes(option.name) ? "options" : "more").append(control(option));
    }
  }

  // Only what was changed is sent: the rest is the server's business.
  get options() {
    const values = {};
    for (const input of this.root.querySelectorAll("[data-option]")) {
      const option = this.method.options.find((each) => each.name === input.dataset.option);
      const text = input.type === "checkbox" ? input.checked : input.value.trim();
      let value = text;
      if (option.kind === "integer" || option.kind === "number") value = text === "" ? null : Number(text);
      if (value !== option.default) values[option.name] = value;
    }
    return values;
  }

  reset() {
    Object.assign(this, {start: null, steps: [], end: null, shown: 0, isOver: false, abort: new AbortController()});
    this.part("error").hidden = true;
    this.part("step").disabled = true;
    for (const name of ["response", "blocks", "cache"]) this.part(name).replaceChildren();
    this.part("stepText").textContent = "";
    this.part("counters").textContent = "waiting for the first forward";
  }

  fail(message) {
    this.part("error").textContent = message;
    this.part("error").hidden = false;
    this.part("counters").textContent = "not finished";
  }

  // What is asked: {prompt} or {sample}.
  async run(asked) {
    try {
      const answer = await fetch("/api/decode", {
        method: "POST", headers: {"Content-Type": "application/json"}, signal: this.abort.signal,
        body: JSON.stringify({...asked, method: this.method.name, options: this.options}),
      });
      if (!answer.ok) throw new Error((await answer.json()).error.message);
      let rest = "";
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const {done, value} = await reader.read();
        if (done) break;
        const parts = (rest + value).split("\n\n");
        rest = parts.pop();
        for (const part of parts) this.take(JSON.parse(part.replace(/^data: /, "")));
      }
      if (!this.end) throw new Error("The server ended before the response did.");
    } catch (error) {
      this.fail(error.name === "AbortError" ? "Stopped." : error.message);
    }
    this.isOver = true;
  }

  take(event) {
    if (event.event === "start") {
      this.start = event;
      // Of a question only the id was typed.
      if ($("sample").value.trim()) $("prompt").value = event.prompt;
    }
    if (event.event === "step") this.steps.push(event);
    if (event.event === "end") this.end = event;
    if (event.event === "error") throw new Error(event.message);
  }

  // Draws one more step, if it is there; true when there will be no more.
  advance() {
    if (this.shown < this.steps.length) this.show(this.shown + 1);
    if (!this.isOver || this.shown < this.steps.length) return false;
    if (this.end) this.show(this.steps.length);
    return true;
  }

  // The response after so many steps, rebuilt from the events: that makes it the same whichever way one comes.
  show(count) {
    this.shown = count;
    const cells = [];
    const isWhole = this.end && count === this.steps.length;
    const events = this.steps.slice(0, count).concat(isWhole ? [this.end] : []);
    for (const event of events) {
      while (cells.length < event.length) cells.push(null);
      for (const token of event.tokens) cells[token.position] = {...token, step: event.index};
    }
    const step = this.steps[count - 1];
    this.part("response").replaceChildren(...this.tokens(cells, isWhole ? -1 : count - 1));
    const slider = this.part("step");
    slider.max = this.steps.length;
    slider.value = count;
    slider.disabled = !this.isOver;
    if (!step) return;
    this.part("blocks").replaceChildren(...step.blocks.map((state) => cell(isWhole && state !== "inactive" ? "completed" : state)));
    this.part("cache").replaceChildren(...this.cache(step));
    this.part("stepText").textContent = `${count} of ${this.steps.length}, ${step.kind}`;
    const c = (isWhole ? this.end : step).counters;
    const reason = isWhole ? {end: ", ended", length: ", ended at its length", cancelled: ", stopped"}[this.end.reason] +
      verdict(this.end.verdict) : "";
    this.part("counters").textContent = `${c.tokens} of ${this.start.maximumLength} tokens, NFE ${c.nfe}, TPF ` +
      `${c.tpf.toFixed(2)}, ${(c.seconds * 1000).toFixed(0)} ms measured${reason}`;
  }

  tokens(cells, newest) {
    const nodes = [];
    const end = cells.findIndex((each) => each && each.end);
    const shown = end < 0 ? cells : cells.slice(0, end + 1);
    const decoder = new TextDecoder();
    shown.forEach((token, position) => {
      const separator = position > 0 ? this.start.tokenSeparator : "";
      if (this.start.blockLength && position > 0 && position % this.start.blockLength === 0) {
        nodes.push(separator, span("border", "│"));
      }
      if (separator) nodes.push(separator);
      if (!token) return nodes.push(span("mask", "··"), "\u200B");
      let text = token.text;
      // A character may be spread over several tokens; it shows with the last.
      if (text === null) text = decoder.decode(new Uint8Array(token.bytes), {stream: true});
      const node = span("token " + shade(token.entropy) + (token.step === newest ? " new" : ""), token.end ? "■" : text);
      node.title = `position ${position}` + (token.entropy === null ? "" :
        `, entropy ${token.entropy.toFixed(3)}, probability ${(token.probability ?? 0).toFixed(3)}`);
      nodes.push(node);
    });
    return nodes;
  }

  cache(step) {
    const prompt = this.start.promptTokens;
    const length = prompt + step.length;
    const usesCache = step.kind === "cached" || step.kind === "cache_update" || step.kind === "dual";
    const nodes = [];
    for (let position = 0; position < prompt + this.start.maximumLength; position++) {
      if (position === prompt) nodes.push(cell("gap"));
      const isComputed = position >= step.inputs[0] && position < step.inputs[1];
      nodes.push(cell(isComputed ? "computed" : usesCache && position < length ? "cached" : "absent"));
    }
    return nodes;
  }
}

function control(option) {
  const label = document.createElement("label");
  label.title = `${option.summary} ${option.legalValues}.`;
  let input;
  if (option.kind === "choice") {
    input = document.createElement("select");
    for (const name of option.choices) input.add(new Option(name, name));
    input.value = option.default;
  } else {
    input = document.createElement("input");
    input.type = option.kind === "flag" ? "checkbox" : "number";
    if (option.kind === "flag") input.checked = option.default;
    else {
      input.step = option.kind === "integer" ? 1 : "any";
      input.value = option.default ?? "";
      if (option.optional) input.placeholder = "none";
      else input.required = true;
    }
  }
  input.dataset.option = option.name;
  label.append(option.name, input);
  return label;
}

function span(classes, text) {
  const node = document.createElement("span");
  node.className = classes;
  node.textContent = text;
  return node;
}

function cell(name) {
  const node = document.createElement("i");
  node.className = name;
  return node;
}

// Whether the answer is right, where a question of the test data was asked.
function verdict(found) {
  if (!found) return "";
  if (found.correct === null) return `; not graded: ${found.note}`;
  return `; ${found.correct ? "right" : "wrong"}: the answer to ${found.sample} is ${found.reference}`;
}

function shade(entropy) {
  if (entropy === null) return "filled";
  const index = LIMITS.findIndex((limit) => entropy < limit);
  return "e" + (index < 0 ? LIMITS.length : index);
}

function setRunning(isRunning) {
  $("run").disabled = isRunning;
  $("stop").disabled = !isRunning;
}

function showLanes() {
  lanes.forEach((lane, index) => { lane.root.hidden = index > 0 && !$("both").checked; });
  $("run").textContent = $("both").checked ? "Race" : "Decode";
}

function race() {
  const runners = lanes.filter((lane) => !lane.root.hidden);
  setRunning(true);
  for (const lane of runners) lane.reset();
  const sample = $("sample").value.trim();
  for (const lane of runners) lane.run(sample ? {sample} : {prompt: $("prompt").value});
  const tick = () => {
    const isOver = runners.map((lane) => lane.advance()).every(Boolean);
    if (isOver) setRunning(false);
    else setTimeout(tick, Math.max(10, Number($("pace").value)));
  };
  tick();
}

async function begin() {
  const answer = await fetch("/api/model");
  model = await answer.json();
  $("model").textContent = model.model;
  $("caveat").textContent = model.caveat ?? "";
  $("caveat").hidden = !model.caveat;
  $("prompt").value = model.example ?? "";
  $("from").textContent = model.settingFrom ? model.settingFrom + "." : "";
  $("from").hidden = !model.settingFrom;
  $("sampleRow").hidden = !model.sample;
  $("sample").placeholder = model.sample ?? "";
  $("sample").addEventListener("input", () => { $("prompt").required = !$("sample").value.trim(); });
  const names = model.methods.map((each) => each.name);
  const other = ["multi-block-cache", "vanilla"].find((name) => names.includes(name) && name !== model.method);
  const rival = names.includes("vanilla") && model.method !== "vanilla" ? "vanilla" : other;
  lanes = [new Lane(model.method), new Lane(rival ?? model.method)];
  $("lanes").replaceChildren(...lanes.map((lane) => lane.root));
  $("both").addEventListener("change", showLanes);
  $("pace").addEventListener("input", () => { $("paceText").textContent = $("pace").value + " ms"; });
  $("stop").addEventListener("click", () => { for (const lane of lanes) lane.abort?.abort(); });
  $("form").addEventListener("submit", (event) => { event.preventDefault(); race(); });
  showLanes();
}

begin().catch((error) => {
  $("caveat").textContent = "The server doesn't answer: " + error.message;
  $("caveat").hidden = false;
});
