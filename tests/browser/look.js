// selenium runs this on a loaded page. It unfolds everything, waits until all is drawn, and tells what a reader meets.
const [width, done] = arguments;

/** How a failure names an element. */
const name = (element) => {
  const classes = [...element.classList].map((c) => `.${c}`).join("");
  const text = element.textContent.trim().replace(/\s+/g, " ").slice(0, 60);
  return `<${element.localName}${element.id && `#${element.id}`}${classes}> ${element.getAttribute("src") ?? text}`;
};

const all = (selector) => [...document.querySelectorAll(selector)];

const fileName = (address) => decodeURI(address.split("/").pop());

/** Parts of the text beyond the right edge, where no box of their own scrolls: the page scrolls or cuts them off. */
const beyondTheEdge = () => {
  const isBeyond = (element) => element.getBoundingClientRect().right > width + 1;
  const isInScrollingBox = (element) => {
    for (let box = element.parentElement; box && !box.matches(".bd-article"); box = box.parentElement)
      if (["auto", "scroll"].includes(getComputedStyle(box).overflowX) && !isBeyond(box)) return true;
    return false;
  };
  const beyond = all(".bd-article *").filter(
    (e) => isBeyond(e) && e.checkVisibility() && !e.closest("mjx-assistive-mml") && !isInScrollingBox(e),
  );
  return beyond.filter((e) => !beyond.includes(e.parentElement)).map(name);
};

/** Formulas that are still as they were written, or that MathJax could not read. */
const rawFormulas = () => {
  const found = all(".math").filter((e) => !e.querySelector("mjx-container")).map(name);
  const texts = document.createTreeWalker(document.querySelector(".bd-article") ?? document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const { data, parentElement } = texts.currentNode;
    const isProse = !parentElement.closest("pre, code, script, style, mjx-container, .math");
    if (isProse && /\$\$|\\\(|\\\[|\\begin\{|\\frac|\\math/.test(data)) found.push(data.trim());
  }
  return [...found, ...all("mjx-merror, [data-mjx-error]").map(name)];
};

(async () => {
  all("details").forEach((e) => (e.open = true));
  all(".toggle-hidden > .admonition-title .toggle-button").forEach((e) => e.click());
  all("img[loading=lazy]").forEach((e) => (e.loading = "eager"));
  await window.MathJax?.startup?.promise;
  await Promise.all([...document.images].map((e) => e.decode().catch(() => {})));
  await document.fonts.ready;
  await new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));

  const page = document.documentElement;
  done({
    theme: page.dataset.theme,
    folded: all(".toggle-hidden").map(name),
    broken_images: [...document.images].filter((e) => !e.naturalWidth).map(name),
    images_without_text: all(".bd-article img").filter((e) => ["", fileName(e.src)].includes(e.alt.trim())).map(name),
    too_wide: page.scrollWidth - page.clientWidth,
    beyond_the_edge: beyondTheEdge(),
    formulas: all("mjx-container").length,
    formula_fonts: [...document.fonts].filter((f) => f.family.startsWith("MJX") && f.status === "loaded").length,
    raw_formulas: rawFormulas(),
    links: [...new Set([...document.links].map((e) => e.href))],
  });
})();
