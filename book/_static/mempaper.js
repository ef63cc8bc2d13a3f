// Names that the theme leaves out or gets wrong, for readers who hear the page instead of seeing it.

// The arrows that unfold a paper in the contents have no name of their own.
for (const arrow of document.querySelectorAll(".bd-links summary")) {
  const paper = arrow.closest("li").querySelector("a").textContent.trim();
  arrow.setAttribute("aria-label", `Chapters of ${paper}`);
}

// A button's name must hold the words that stand on it: "Search Ctrl+K", and the mode shown at the moment.
for (const button of document.querySelectorAll(".search-button-field")) {
  button.removeAttribute("aria-label");
}
for (const button of document.querySelectorAll(".theme-switch-button")) {
  button.setAttribute("aria-label", "Colour mode: light, dark or system settings");
}
