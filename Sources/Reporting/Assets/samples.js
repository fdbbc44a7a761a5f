// The samples: filtered, sorted, searched, and shown some at a time.
const holder = document.getElementById("data");
const data = holder && JSON.parse(holder.textContent).samples;
const table = document.getElementById("sample-rows");
if (!data || !table) return;
const body = table.tBodies[0];
const page = 25;
const field = name => document.getElementById(`samples-${name}`);
const controls = ["method", "verdict", "sort", "search"].map(field);
const [method, verdict, sort, search] = controls;
const more = field("more");
const count = field("count");

data.methods.forEach((entry, index) => method.add(new Option(entry.name === entry.setting ? entry.name : `${entry.name} (${entry.setting})`, String(index))));
const rows = data.methods.flatMap((_, m) => data.ids.map((_, p) => ({ m, p })));
const verdicts = { "1": ["right", "good"], "0": ["wrong", "bad"], "-": ["not graded", ""] };
const verdictOf = row => verdicts[data.right[row.m][row.p]];
const nfe = row => data.nfe[row.m][row.p];
const tokens = row => data.tokens[row.m][row.p];
const text = row => data.texts[row.p][data.text[row.m][row.p]];
const orders = {
  problem: (a, b) => a.p - b.p || a.m - b.m,
  fewest: (a, b) => nfe(a) - nfe(b) || a.p - b.p || a.m - b.m,
  most: (a, b) => nfe(b) - nfe(a) || a.p - b.p || a.m - b.m,
};
let found = [];
let shown = 0;

function element(tag, content, style) {
  const made = document.createElement(tag);
  if (style) made.className = style;
  if (content !== undefined) made.textContent = content;
  return made;
}

function draw(row) {
  const entry = data.methods[row.m];
  const line = element("tr");
  const id = element("th", data.ids[row.p]);
  id.scope = "row";
  line.append(id, element("td", entry.name));
  line.append(element("td", ...verdictOf(row)));
  line.append(element("td", nfe(row), "number"), element("td", tokens(row), "number"));
  const cell = element("td", text(row));
  const heads = [...table.tHead.rows[0].cells].map(head => head.textContent);
  const details = element("details");
  details.append(element("summary", "prompt, answer, origin"));
  details.dataset.unprinted = "";
  const list = element("dl");
  const facts = [
    ["Prompt", data.prompts[row.p]], ["Right answer", data.answers[row.p]],
    ["Tokens per forward", (tokens(row) / Math.max(1, nfe(row))).toFixed(2)],
    ["Inputs", `${data.inputs[row.m][row.p]} tokens fed to the model`],
    ["Setting", entry.setting], ["Stage", entry.stage], ["Record", `${entry.file}, key ${data.ids[row.p]}`],
    ["Command", entry.command],
  ];
  for (const [name, value] of facts) list.append(element("dt", name), element("dd", value));
  details.append(list);
  cell.append(details);
  line.append(cell);
  [...line.cells].forEach((part, i) => { part.dataset.label = heads[i]; });
  return line;
}

function showMore() {
  const next = found.slice(shown, shown + page);
  body.append(...next.map(draw));
  shown += next.length;
  more.hidden = shown >= found.length;
  count.textContent = `${found.length} of ${rows.length} samples match; ${shown} shown.`;
}

function update() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  found = rows.filter(row => {
    if (method.value !== "all" && row.m !== Number(method.value)) return false;
    if (verdict.value !== "all" && verdictOf(row)[0] !== verdict.value) return false;
    if (!words.length) return true;
    const place = `${data.ids[row.p]} ${data.prompts[row.p]} ${text(row)}`.toLowerCase();
    return words.every(word => place.includes(word));
  }).sort(orders[sort.value]);
  body.replaceChildren();
  shown = 0;
  showMore();
}

for (const control of controls) control.addEventListener("input", update);
more.addEventListener("click", () => {
  const first = shown;
  showMore();
  // The button may be gone now; whoever uses a keyboard goes on at the first new row.
  body.rows[first]?.querySelector("summary")?.focus();
});

// A link such as #samples/3 shows the samples of one method.
function follow() {
  const wanted = /^#samples\/(\d+)$/.exec(location.hash);
  if (!wanted || !data.methods[Number(wanted[1])]) return;
  [method.value, verdict.value, search.value] = [wanted[1], "all", ""];
  update();
  document.getElementById("samples").scrollIntoView();
  method.focus({ preventScroll: true });
}
addEventListener("hashchange", follow);
update();
field("panel").hidden = false;
follow();
