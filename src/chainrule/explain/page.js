// A page of an explanation, step by step: one node after the other, forward, then backward, then its update.
// Without this script the same page simply shows everything.
"use strict";
{
  const page = document.documentElement, bar = document.querySelector(".stepper"), main = document.querySelector("main");
  const said = bar?.querySelector("output"), [back] = bar?.querySelectorAll("button") ?? [];
  const links = [...document.querySelectorAll("nav .steps a")];
  const steps = links.map(link => link.hash.slice(1));
  const nodeOf = key => key.slice(key.lastIndexOf("-") + 1);
  let now = null; // the number of a step, or null while everything is shown

  // The step that each part of the page belongs to. The title of a chapter belongs to the first step in it; what stands
  // between two steps, to the one before; what stands before the first, to none, and is always shown.
  const parts = [];
  let step = -1, pending = [];
  for (const part of main.children) {
    const found = steps.indexOf(part.id);
    if (part === bar) continue;
    if (part.matches("h2")) { parts.push(...pending.map(p => [p, step])); pending = []; }
    if (found >= 0) { step = found; parts.push(...pending.map(p => [p, step])); pending = []; }
    if (part.matches("h2") || pending.length) pending.push(part);
    else parts.push([part, step]);
  }
  parts.push(...pending.map(p => [p, step]));

  // The drawing that stays in sight: that of the network, or of the graph where there is none of neurons.
  const drawings = [...document.querySelectorAll("main > .drawing, main > figure")];
  const drawing = drawings.find(box => box.querySelector("[data-layer]")) ??
    drawings.find(box => box.querySelector("[data-node]"));

  function go(to) {
    now = to;
    page.classList.toggle("stepping", now !== null);
    drawing?.classList.toggle("pinned", now !== null);
    for (const [part, its] of parts) part.classList.toggle("later", now !== null && its > now);
    links.forEach((link, i) => i === now ? link.setAttribute("aria-current", "step") : link.removeAttribute("aria-current"));
    const before = steps.slice(0, now ?? 0), here = now === null ? null : nodeOf(steps[now]);
    const seen = before.map(nodeOf), turned = before.filter(key => key.startsWith("backward-")).map(nodeOf);
    for (const shape of document.querySelectorAll("svg [data-node]")) {
      shape.classList.toggle("now", shape.dataset.node === here);
      shape.classList.toggle("seen", seen.includes(shape.dataset.node));
      shape.classList.toggle("turned", turned.includes(shape.dataset.node));
    }
    for (const neuron of document.querySelectorAll("svg [data-layer]"))
      neuron.classList.toggle("now", now !== null && neuron.dataset.layer === links[now].dataset.layer);
    for (const edge of document.querySelectorAll("svg [data-to]")) edge.classList.toggle("now", edge.dataset.to === here);
    back.setAttribute("aria-disabled", now === 0);
    reach();
    if (now === null) { said.textContent = bar.dataset.all; return; }
    const way = bar.dataset[steps[now].split("-")[0]], name = document.createElement("bdi");
    name.textContent = links[now].title;
    said.replaceChildren(bar.dataset.said.replace("{step}", now + 1).replace("{steps}", steps.length) + ` · ${way} `, name);
    show(drawing?.querySelector(".now"));
    document.getElementById(steps[now]).scrollIntoView({ block: "start" });
  }

  // Scroll the drawing, and not the page, to where a node is in its middle.
  function show(shape) {
    if (!shape) return;
    const inner = shape.getBoundingClientRect(), outer = drawing.getBoundingClientRect();
    drawing.scrollLeft += inner.left + inner.width / 2 - outer.left - outer.width / 2;
    drawing.scrollTop += inner.top + inner.height / 2 - outer.top - outer.height / 2;
  }

  const turn = {
    back: () => go(now === null ? steps.length - 1 : Math.max(now - 1, 0)),
    step: () => go(now === null ? 0 : now + 1 < steps.length ? now + 1 : null),
    all: () => go(null),
  };

  // Boxes that scroll are reached by keyboard; one that holds all it has need not be.
  function reach() {
    for (const box of document.querySelectorAll(".wide")) {
      const scrolls = box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight;
      scrolls ? box.setAttribute("tabindex", 0) : box.removeAttribute("tabindex");
    }
  }

  if (bar) {
    bar.hidden = false;
    bar.addEventListener("click", event => turn[event.target.dataset.turn]?.());
    addEventListener("keydown", event => {
      const inside = bar.contains(document.activeElement);
      if ((now === null && !inside) || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
      const box = event.target.closest?.(".wide");
      const [forward, backward] = page.dir === "rtl" ? ["ArrowLeft", "ArrowRight"] : ["ArrowRight", "ArrowLeft"];
      const key = { [forward]: "step", [backward]: "back", Escape: "all" }[event.key];
      if (!key || (key !== "all" && box && box.scrollWidth > box.clientWidth)) return; // such a box scrolls by them
      event.preventDefault();
      turn[key]();
    });
    addEventListener("hashchange", () => {
      const its = parts.find(([part]) => part.id === decodeURIComponent(location.hash.slice(1)))?.[1] ?? -1;
      if (now !== null && its > now) go(its);
    });
  }
  const folded = [];
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details:not([open])")) { details.open = true; folded.push(details); }
  });
  addEventListener("afterprint", () => { while (folded.length) folded.pop().open = false; });
  addEventListener("resize", reach);
  document.addEventListener("toggle", reach, true);
  reach();
}
