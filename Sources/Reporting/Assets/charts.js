// Charts: what a point is where it is touched, and the picture and its numbers as files.
function element(tag, content, style) {
  const made = document.createElement(tag);
  if (style) made.className = style;
  if (content !== undefined) made.textContent = content;
  return made;
}

function save(parts, type, name) {
  const address = URL.createObjectURL(new Blob(parts, { type }));
  const link = element("a");
  link.setAttribute("href", address);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

// The picture with its colours in it: a file has no style sheet of this page.
function standalone(svg) {
  const copy = svg.cloneNode(true);
  const [from, to] = [svg, copy].map(root => [...root.querySelectorAll("*")]);
  from.forEach((old, i) => {
    const style = getComputedStyle(old);
    for (const name of ["fill", "stroke"]) {
      if (old.hasAttribute(name) || old.hasAttribute("class")) to[i].setAttribute(name, style[name]);
    }
    to[i].removeAttribute("class");
  });
  const paper = document.createElementNS(svg.namespaceURI, "rect");
  for (const name of ["width", "height"]) paper.setAttribute(name, svg.getAttribute(name));
  paper.setAttribute("fill", getComputedStyle(document.body).backgroundColor);
  copy.insertBefore(paper, copy.querySelector("desc")?.nextSibling ?? copy.firstChild);
  return new XMLSerializer().serializeToString(copy);
}

function savePNG(svg, name, said) {
  const address = URL.createObjectURL(new Blob([standalone(svg)], { type: "image/svg+xml" }));
  const image = new Image();
  image.onload = () => {
    const canvas = element("canvas");
    [canvas.width, canvas.height] = ["width", "height"].map(side => Math.round(2 * Number(svg.getAttribute(side))));
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    URL.revokeObjectURL(address);
    canvas.toBlob(blob => save([blob], "image/png", `${name}.png`));
  };
  image.onerror = () => said("The browser couldn't draw the picture; the SVG file has the same.");
  image.src = address;
}

for (const figure of document.querySelectorAll("figure.plot")) {
  const tip = figure.querySelector(".tip");
  const said = text => { tip.hidden = false; tip.textContent = text; };
  const shown = () => [...figure.querySelectorAll("svg")].find(svg => svg.getBoundingClientRect().width > 0);
  for (const kind of ["pointerover", "click"]) {
    figure.addEventListener(kind, event => {
      const text = event.target.closest(".f-point")?.querySelector("title")?.textContent;
      if (text) said(text);
    });
  }
  const name = figure.dataset.name;
  const buttons = element("div", undefined, "controls files");
  buttons.setAttribute("role", "group");
  buttons.setAttribute("aria-label", "Save the chart");
  const actions = {
    SVG: () => save([standalone(shown())], "image/svg+xml", `${name}.svg`),
    PNG: () => savePNG(shown(), name, said),
    CSV: () => save([figure.querySelector(".csv").textContent], "text/csv", `${name}.csv`),
  };
  for (const [label, action] of Object.entries(actions)) {
    const button = element("button", label);
    button.type = "button";
    button.setAttribute("aria-label", `Save as ${label}`);
    button.addEventListener("click", action);
    buttons.append(button);
  }
  figure.append(buttons);
}
