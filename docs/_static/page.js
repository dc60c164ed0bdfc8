// Buttons that copy the code of a page, without prompts and without what was printed; boxes that scroll are reached by
// keyboard.
"use strict";
{
  const hebrew = document.documentElement.lang === "he";
  const words = hebrew ? { copy: "העתקת הקוד", copied: "הועתק" } : { copy: "Copy the code", copied: "Copied" };
  const PROMPT = /^(>>> ?|\.\.\. ?|\$ )/;

  // The lines that were typed: those after a prompt where there is one, else all.
  const typed = text => {
    const lines = text.replace(/\n$/, "").split("\n");
    const prompted = lines.filter(line => PROMPT.test(line));
    return (/^(>>> |\$ )/m.test(text) ? prompted.map(line => line.replace(PROMPT, "")) : lines).join("\n");
  };

  async function copy(text) {
    try { await navigator.clipboard.writeText(text); }
    catch { // a page that is opened as a file may not be allowed to
      const field = Object.assign(document.createElement("textarea"), { value: text });
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
  }

  function add(block) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "copy", title: words.copy });
    button.setAttribute("aria-label", words.copy);
    const said = Object.assign(document.createElement("span"), { className: "copied" });
    said.setAttribute("role", "status");
    button.addEventListener("click", async () => {
      await copy(typed(block.querySelector("pre").textContent));
      said.textContent = words.copied;
      setTimeout(() => { said.textContent = ""; }, 2000);
    });
    block.append(button, said);
  }

  function reach() {
    const boxes = ".highlight pre, .table-wrapper, .cell_output table, .op-formulas, .op-formulas > div, div.math, " +
      'mjx-container[display="true"]';
    for (const box of document.querySelectorAll(boxes)) {
      if (box.scrollWidth > box.clientWidth && box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  }

  addEventListener("DOMContentLoaded", () => {
    for (const block of document.querySelectorAll("article div.highlight")) {
      if (!block.closest(".output, .highlight-text, .highlight-none")) add(block);
    }
    reach();
  });
  addEventListener("load", () => { reach(); globalThis.MathJax?.startup?.promise?.then(reach); });
  addEventListener("resize", reach);
  document.addEventListener("toggle", reach, true);
}
