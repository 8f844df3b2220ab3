// Turns the plain field of terms into chips and a list to choose from (WAI-ARIA combobox pattern).
// The field itself stays what is sent; without this script it is simply typed into.
(() => {
  "use strict";
  const make = (name, attributes = {}, text = "") => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.textContent = text;
    return made;
  };
  const split = (text) => text.split(/[,;]/).map((part) => part.trim()).filter(Boolean);

  const enhance = (box) => {
    const words = box.dataset;
    const say = (text, value) => text.replace("#", () => value);
    const sent = box.querySelector("input");
    const field = make("input", {
      id: "terms-field", type: "text", role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false",
      "aria-controls": "terms-list", autocomplete: "off", autocapitalize: "off", spellcheck: "false",
      placeholder: words.placeholder, maxlength: "200", "aria-describedby": "q-help",
    });
    const chips = make("ul", { class: "chips", "aria-label": words.chosen });
    const list = make("ul", { id: "terms-list", role: "listbox", class: "choices", "aria-label": words.list, hidden: "" });
    const said = make("p", { class: "sr", role: "status" });
    const names = new Map();
    let chosen = split(sent.value), at = -1, asked = 0;
    sent.type = "hidden";
    box.querySelector("label").htmlFor = field.id;
    box.append(field, list, chips, said);

    const show = () => {
      chips.replaceChildren(...chosen.map((term) => {
        const chip = make("li", {}, names.get(term) ? `${names.get(term)} ` : "");
        const off = make("button", { type: "button", "aria-label": say(words.remove, term) }, "×");
        chip.append(make("code", {}, term), off);
        off.addEventListener("click", () => { set(chosen.filter((one) => one !== term)); field.focus(); });
        return chip;
      }));
    };
    const set = (terms) => {
      chosen = [...new Set(terms)];
      sent.value = chosen.join(", ");
      show();
      sent.dispatchEvent(new Event("change", { bubbles: true }));
    };
    const close = () => {
      at = -1; list.hidden = true;
      field.setAttribute("aria-expanded", "false");
      field.removeAttribute("aria-activedescendant");
    };
    const take = (term, label) => {
      if (label) names.set(term, label);
      field.value = ""; close(); set([...chosen, term]);
      said.textContent = say(words.added, label || term);
    };
    const mark = (to) => {
      const options = [...list.children];
      if (!options.length) return;
      at = (to + options.length) % options.length;
      options.forEach((one, index) => one.setAttribute("aria-selected", String(index === at)));
      field.setAttribute("aria-activedescendant", options[at].id);
      options[at].scrollIntoView({ block: "nearest" });
    };
    const offer = async () => {
      const typed = field.value.trim(), mine = ++asked;
      if (typed.length < 2) return close();
      const body = new URLSearchParams({ typed });
      let found = [];
      try {
        const answer = await fetch("/search/terms", { method: "POST", body });
        if (answer.ok) found = await answer.json();
      } catch { /* typing goes on without a list */ }
      if (mine !== asked || field.value.trim() !== typed) return;
      // A list that comes late leaves the mark on the term that was marked meanwhile.
      const marked = at >= 0 ? list.children[at].dataset.term : null;
      list.replaceChildren(...found.map((one, index) => {
        const option = make("li", { id: `terms-${index}`, role: "option", "aria-selected": "false", "data-term": one.typed }, one.label ? `${one.label} ` : "");
        option.append(make("code", {}, one.typed), make("small", {}, ` ${one.note}`));
        option.addEventListener("mousedown", (event) => { event.preventDefault(); take(one.typed, one.label); });
        option.choose = () => take(one.typed, one.label);
        return option;
      }));
      at = -1; list.hidden = !found.length;
      field.removeAttribute("aria-activedescendant");
      field.setAttribute("aria-expanded", String(Boolean(found.length)));
      if (marked !== null && found.some((one) => one.typed === marked)) mark(found.findIndex((one) => one.typed === marked));
      said.textContent = found.length ? say(words.found, found.length) : words.none;
    };

    let wait = 0;
    field.addEventListener("input", () => { clearTimeout(wait); wait = setTimeout(offer, 150); });
    field.addEventListener("blur", () => { close(); if (field.value.trim()) take(field.value.trim()); });
    field.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown") { event.preventDefault(); mark(at + 1); }
      else if (event.key === "ArrowUp") { event.preventDefault(); mark(at - 1); }
      else if (event.key === "Escape") close();
      else if (event.key === "Backspace" && !field.value && chosen.length) set(chosen.slice(0, -1));
      else if ((event.key === "Enter" || event.key === ",") && at >= 0) { event.preventDefault(); list.children[at].choose(); }
      else if (event.key === ",") { event.preventDefault(); split(field.value).forEach((term) => take(term)); }
      else if (event.key === "Enter" && field.value.trim()) split(field.value).forEach((term) => take(term));
    });
    show();
  };
  // Who can answer is shown a moment after the last change, whatever an earlier look still waits for;
  // and not once either was asked by hand.
  const previewing = (ask, preview) => {
    let soon = 0;
    const later = () => { clearTimeout(soon); soon = setTimeout(() => preview.dispatchEvent(new Event("preview")), 700); };
    ask.addEventListener("input", later);
    ask.addEventListener("change", later);
    ask.addEventListener("htmx:beforeRequest", () => { clearTimeout(soon); htmx.trigger(preview, "htmx:abort"); });
  };

  document.querySelectorAll("[data-terms]").forEach(enhance);
  const ask = document.getElementById("ask"), preview = document.getElementById("preview");
  if (ask && preview) previewing(ask, preview);
})();
