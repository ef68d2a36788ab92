"use strict";
// Sorts, filters, searches and opens the table of calls. Every text goes in as text, never as markup.
(() => {
  const table = document.getElementById("table");
  if (!table) return;
  const data = JSON.parse(document.getElementById("data").textContent);
  const calls = data.rows.map((row) => Object.fromEntries(data.columns.map((name, n) => [name, row[n]])));
  const heads = [...table.tHead.rows[0].cells];
  const keys = heads.map((head) => head.dataset.key);
  const body = table.tBodies[0];
  const more = document.getElementById("more");
  const form = document.getElementById("filter");
  const field = Object.fromEntries(["search", "model", "label", "failed"].map((id) => [id, document.getElementById(id)]));
  const STEP = 200;
  let sorted = { key: "began", down: false };
  let found = calls;
  let shown = 0;

  const number = (value, digits) => value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const money = (value) => (value >= 1 || value === 0 ? "$" + number(value, 2) : value >= 0.001 ? "$" + number(value, 3) : "$" + number(value, 5));
  const DRAWN = {
    began: (call) => "+" + number(call.began, 1) + " s",
    queued: (call) => number(call.queued, 2),
    first: (call) => (call.first === null ? "" : number(call.first, 2)),
    seconds: (call) => number(call.seconds, 2),
    input: (call) => number(call.input, 0),
    cached: (call) => number(call.cached, 0),
    output: (call) => number(call.output, 0),
    cost: (call) => (call.cost === null ? "" : money(call.cost)),
    end: (call) => call.end + (call.again ? ", asked again" : ""),
  };
  const hasFailed = (call) => call.note !== "" && !call.again;
  const drawn = (call, key) => (DRAWN[key] ? DRAWN[key](call) : call[key]);

  function element(name, text, kind) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (kind) made.className = kind;
    return made;
  }

  function rowsOf(call) {
    const row = element("tr", undefined, hasFailed(call) ? "call failed" : "call");
    row.id = "call-" + call.id;
    row.tabIndex = 0;
    keys.forEach((key, n) => row.append(element("td", drawn(call, key), heads[n].className)));
    const toggle = () => (row.classList.contains("open") ? close(row) : open(row, call));
    row.addEventListener("click", toggle);
    row.addEventListener("keydown", (event) => { if (event.key === "Enter") toggle(); });
    return call.note ? [row, noteOf(call)] : [row];
  }

  function noteOf(call) {
    const note = element("tr", undefined, hasFailed(call) ? "note failed" : "note");
    const cell = element("td", undefined, "text");
    cell.colSpan = keys.length;
    cell.append(element("div", call.note, "held"));
    note.append(cell);
    return note;
  }

  // What belongs to a row stands below it: its note, then what it opens to.
  const lastOf = (row) => (row.nextSibling && row.nextSibling.classList.contains("note") ? row.nextSibling : row);

  function close(row) {
    row.classList.remove("open");
    lastOf(row).nextSibling.remove();
  }

  function open(row, call) {
    row.classList.add("open");
    history.replaceState(null, "", "#call-" + encodeURIComponent(call.id));
    const detail = element("tr", undefined, "detail");
    const cell = element("td");
    cell.colSpan = keys.length;
    const list = element("dl");
    for (const name of data.columns) {
      if (call[name] === "" || call[name] === null || name === "retry" || name === "again" || (name === "run" && data.runs.length < 2)
        || (name === "cost" && !keys.includes("cost"))) continue;
      list.append(element("dt", name), element("dd", name === "run" ? data.runs[call.run] : String(call[name])));
    }
    const held = element("div", undefined, "held");  // where a small window can be, and not beyond
    held.append(list);
    cell.append(held);
    detail.append(cell);
    lastOf(row).after(detail);
    converse(held, call);
  }

  let unpacked = null;
  function conversations() {
    const block = document.getElementById("conversations");
    if (!block) return null;
    if (!unpacked) {
      const bytes = Uint8Array.from(atob(block.textContent.trim()), (c) => c.charCodeAt(0));
      unpacked = new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
    }
    return unpacked;
  }

  async function converse(cell, call) {
    const all = await conversations();
    const told = all && all[call.id];
    if (!told) return;
    const fresh = told.messages.slice(told.same);
    if (told.same) cell.append(element("p", told.same + " messages as in the call before, then:", "legend"));
    for (const message of [...fresh, ...told.answer]) cell.append(messageOf(message));
    if (told.same) {
      const before = element("details");
      before.append(element("summary", "the messages before"));
      for (const message of told.messages.slice(0, told.same)) before.append(messageOf(message));
      cell.append(before);
    }
  }

  function messageOf([who, text]) {
    const made = element("div", undefined, "message");
    made.append(element("b", who), element("pre", text));
    return made;
  }

  function wanted(call) {
    const words = field.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const text = words.length ? Object.values(call).join(" ").toLowerCase() : "";
    return (!field.failed.checked || hasFailed(call))
      && (field.model.selectedIndex < 1 || call.model === field.model.value)
      && (field.label.selectedIndex < 1 || call.label === field.label.value)
      && words.every((word) => text.includes(word));
  }

  function compare(a, b) {
    const [one, other] = [a[sorted.key], b[sorted.key]];
    if (one === other) return a.began - b.began;
    if (one === null || other === null) return one === null ? 1 : -1;
    return (one < other ? -1 : 1) * (sorted.down ? -1 : 1);
  }

  function addMore() {
    body.append(...found.slice(shown, shown + STEP).flatMap(rowsOf));
    shown = Math.min(found.length, shown + STEP);
    more.hidden = shown >= found.length;
    more.firstChild.textContent = "Show more (" + number(found.length - shown, 0) + " left)";
  }

  function sumUp() {
    const row = element("tr");
    const again = found.filter((call) => call.retry).length;
    const asked = found.length - again;
    keys.forEach((key, n) => {
      let text = "";
      if (n === 0) text = number(asked, 0) + (asked === 1 ? " call" : " calls") + (again ? ", " + number(again, 0) + " asked again" : "");
      else if (["input", "cached", "output", "cost"].includes(key)) text = drawn({ [key]: found.reduce((sum, call) => sum + (call[key] || 0), 0) }, key);
      row.append(element("td", text, heads[n].className));
    });
    table.tFoot.replaceChildren(row);
  }

  function refresh() {
    found = calls.filter(wanted).sort(compare);
    shown = 0;
    body.replaceChildren();
    addMore();
    sumUp();
  }

  function choices(id, title) {
    const values = [...new Set(calls.map((call) => call[id]))].sort();
    field[id].append(new Option("every " + title, ""), ...values.map((value) => new Option(value || "(none)", value)));
    field[id].hidden = values.length < 2;
  }

  function follow() {
    const id = decodeURIComponent(location.hash.slice(1));
    const call = id.startsWith("call-") && calls.find((one) => "call-" + one.id === id);
    if (!call) return;
    if (!found.includes(call)) { form.reset(); refresh(); }
    while (!document.getElementById(id) && shown < found.length) addMore();
    const row = document.getElementById(id);
    if (!row.classList.contains("open")) open(row, call);
    row.scrollIntoView({ block: "center" });
  }

  heads.forEach((head, n) => {
    const button = element("button", head.textContent);
    button.type = "button";
    button.addEventListener("click", () => {
      sorted = { key: keys[n], down: sorted.key === keys[n] ? !sorted.down : !head.classList.contains("text") };
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", sorted.down ? "descending" : "ascending");
      refresh();
    });
    head.replaceChildren(button);
  });
  choices("model", "model");
  choices("label", "label");
  form.hidden = false;
  form.addEventListener("input", refresh);
  form.addEventListener("submit", (event) => event.preventDefault());
  more.firstChild.addEventListener("click", addMore);
  window.addEventListener("hashchange", follow);
  refresh();
  follow();
})();
