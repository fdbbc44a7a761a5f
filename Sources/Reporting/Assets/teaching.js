// How the student is taught: the teacher's order of decoding, and what is masked at each step of the training.
const holder = document.getElementById("data");
const data = holder && JSON.parse(holder.textContent).teaching;
const panel = document.getElementById("teaching-panel");
if (!data || !panel) return;
const field = name => document.getElementById(`teaching-${name}`);
const [answer, forward, step] = ["answer", "forward", "step"].map(field);

function token(text, style, note) {
  const made = document.createElement("span");
  made.className = `token ${style}`;
  made.textContent = text;
  made.title = note;
  return made;
}

function draw() {
  const entry = data.answers[Number(answer.value)];
  const now = Number(forward.value);
  field("teacher").replaceChildren(...entry.tokens.map((word, i) => {
    const order = entry.order[i];
    const isDone = order >= 0 && order < now;
    return token(isDone ? word : "?", isDone ? (order === now - 1 ? "completed fresh" : "completed") : "masked inactive",
      `position ${i + 1}, decoded by forward ${order + 1}`);
  }));
  const done = entry.order.slice(0, entry.tokens.length).filter(order => order >= 0 && order < now).length;
  field("forward-at").textContent = `${forward.value} of ${forward.max}: ${done} of ${entry.tokens.length} tokens decoded`;
  const [index, length, ratio, start, flags] = entry.lessons[Number(step.value)];
  let masked = 0, size = 0;
  field("student").replaceChildren(...entry.tokens.map((word, i) => {
    const isIn = i >= start && i < start + flags.length;
    const isMasked = i >= start + flags.length || (isIn && flags[i - start] === "1");
    if (isIn) size += 1;
    if (isIn && isMasked) masked += 1;
    const style = !isMasked ? "completed" : isIn ? "masked fully" : "masked inactive";
    return token(isMasked ? "?" : word, style, isMasked && isIn ? `to be learnt: ${word}` : isMasked ? "behind the window" : word);
  }));
  field("step-at").textContent = `${index + 1} of ${data.steps}: windows of ${length} tokens, ratio ${(ratio / 1000).toFixed(2)}; `
    + `${masked} of ${size} masked here`;
  for (const name of ["forward", "step"]) field(name).setAttribute("aria-valuetext", field(`${name}-at`).textContent);
}

function load() {
  const entry = data.answers[Number(answer.value)];
  forward.max = Math.max(...entry.order.slice(0, entry.tokens.length)) + 1;
  forward.value = Math.round(Number(forward.max) / 2);
  step.max = entry.lessons.length - 1;
  step.value = Math.round(Number(step.max) / 2);
  draw();
}

data.answers.forEach((entry, i) => answer.add(new Option(entry.id, String(i))));
answer.addEventListener("change", load);
for (const slider of [forward, step]) slider.addEventListener("input", draw);
panel.hidden = false;
load();
