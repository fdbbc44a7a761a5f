// The colours that a reader chose are kept where the browser allows it; a file opened from a disk may not.
const root = document.documentElement;
const choice = document.getElementById("theme-choice");
function apply(theme) {
  if (theme === "auto") delete root.dataset.theme;
  else root.dataset.theme = theme;
}
let kept = "auto";
try { kept = localStorage.getItem("d3llm-theme") || "auto"; } catch { /* not kept */ }
if (!["auto", "light", "dark"].includes(kept)) kept = "auto";
choice.value = kept;
apply(kept);
document.getElementById("theme").hidden = false;
choice.addEventListener("change", () => {
  apply(choice.value);
  try { localStorage.setItem("d3llm-theme", choice.value); } catch { /* not kept */ }
});

// What is folded away is printed too.
let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open]):not([data-unprinted])")];
  for (const details of folded) details.open = true;
});
addEventListener("afterprint", () => { for (const details of folded) details.open = false; });
