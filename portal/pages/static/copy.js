// Copies a snippet at the press of its button and says so in the live region beside it.
// Without this script no button is shown and the text is selected by hand; where the browser
// keeps the clipboard from pages (no TLS, say), the text is selected for the reader.
(() => {
  "use strict";
  const select = (text) => {
    const range = document.createRange();
    range.selectNodeContents(text);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
  };
  document.documentElement.classList.add("copies");
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const text = document.getElementById(button.dataset.copy), said = button.nextElementSibling;
    said.textContent = "";
    try {
      await navigator.clipboard.writeText(text.textContent);
      said.textContent = button.dataset.copied;
    } catch {
      select(text);
      said.textContent = button.dataset.selected;
    }
  });
})();
