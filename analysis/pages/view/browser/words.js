// The texts of the page in the language that is chosen: words/LANGUAGE.json has them all.

let table = {};

export function speak(words, language) {
  table = words[language];
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-word]"))
    element.textContent = say(element.dataset.word);
  for (const element of document.querySelectorAll("[data-title]")) {
    element.title = say(element.dataset.title);
    element.setAttribute("aria-label", element.title);
  }
}

/** A text, with values in the place of {their names}. */
export function say(name, values = {}) {
  return (table[name] ?? name).replace(/\{(\w+)\}/g, (_, key) => values[key]);
}
