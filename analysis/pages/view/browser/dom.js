// Elements of the page. Texts become text, whatever they hold.

export const $ = (id) => document.getElementById(id);

/** make("td.n", "3") : a tag, a class, what it holds; attributes and listeners in an object. */
export function make(what, ...parts) {
  const [tag, ...classes] = what.split(".");
  const element = document.createElement(tag);
  element.classList.add(...classes);
  for (const part of parts) {
    if (part === null || part === undefined) continue;
    if (typeof part === "object" && !(part instanceof Node)) {
      for (const [name, value] of Object.entries(part)) {
        if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
        else element.setAttribute(name, value);
      }
    } else element.append(part);
  }
  return element;
}

/** A table with a heading; columns: [text, is a number]. Rows are set with `rows`. */
export function table(columns) {
  const body = make("tbody");
  const cell = (tag, [text, isNumber], value) => make(isNumber ? `${tag}.n` : tag, value ?? text);
  const head = make("thead", make("tr", ...columns.map((column) => cell("th", column))));
  let keys = "";
  /** rows: {key, cells, current}; those that stand already keep their elements. */
  const rows = (list) => {
    const now = list.map((row) => row.key).join();
    if (now !== keys) {
      body.replaceChildren(
        ...list.map((row) => make("tr", ...row.cells.map((value, n) => cell("td", columns[n], value)))),
      );
      keys = now;
    } else {
      list.forEach((row, k) =>
        row.cells.forEach((value, n) => {
          if (!(value instanceof Node)) body.rows[k].cells[n].textContent = value;
        }),
      );
    }
    list.forEach((row, k) => body.rows[k].classList.toggle("current", Boolean(row.current)));
  };
  return { element: make("div.wide", make("table", head, body)), rows };
}
