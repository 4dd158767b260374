"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);

  // ---- rows and columns --------------------------------------------------------------------------------------------

  const MISSING = undefined;
  const FLOATS = { NaN: NaN, Infinity: Infinity, "-Infinity": -Infinity };
  const metricValue = (value) => (value === null ? MISSING : Object.hasOwn(FLOATS, value) ? FLOATS[value] : value);
  const paramValue = (value) => (Array.isArray(value) ? MISSING : metricValue(value === null ? "null" : value));

  const KINDS = { w: "workspace", c: "commit", e: "experiment" };
  const rows = data.rows.map((r, index) => ({
    index, kind: KINDS[r[0]], name: r[1], rev: r[2], refs: r[3], time: r[4], author: r[5], subject: r[6], base: r[7],
    state: r[8], error: r[9], code: r[10], data: r[11], metrics: r[12].map(metricValue), params: r[13].map(paramValue), stale: r[14],
  }));
  const label = (row) => (row.kind === "commit" ? row.refs[0] || row.rev.slice(0, 7) : row.name);
  const isNumber = (value) => typeof value === "number" && !Number.isNaN(value);
  const isNothing = (value) => value === MISSING || (typeof value === "number" && Number.isNaN(value));

  function show(value) {
    if (value === MISSING) return "–";
    if (typeof value !== "number") return String(value);
    if (Number.isInteger(value) && Math.abs(value) < 1e9) return String(value);
    if (!Number.isFinite(value)) return String(value);
    const size = Math.abs(value);
    return size !== 0 && (size < 1e-4 || size >= 1e9) ? value.toExponential(3) : String(Number(value.toPrecision(5)));
  }
  const when = (time) => (time === null ? "" : new Date(time * 1000).toISOString().slice(0, 16).replace("T", " "));

  // What can be best: the workspace is a draft, and metrics that are older than their parameters belong to others.
  const counts = (row) => row.kind !== "workspace" && !row.stale.length;

  // A column of values: a metric or a parameter.
  function column(kind, index, about) {
    const get = (row) => row[kind === "metric" ? "metrics" : "params"][index];
    const done = rows.filter(counts).map(get);
    const present = rows.map(get).filter((value) => value !== MISSING);
    const numbers = done.filter((value) => isNumber(value) && Number.isFinite(value));
    const numeric = present.length > 0 && present.every((value) => typeof value === "number");
    const low = numbers.reduce((a, b) => Math.min(a, b), Infinity), high = numbers.reduce((a, b) => Math.max(a, b), -Infinity);
    const varies = new Set(rows.map((row) => String(get(row)))).size > 1;
    const counted = present.some((value) => typeof value === "number");
    return { kind, get, numbers: counted, key: about.key, short: about.short, lower: Boolean(about.lower), numeric, low, high, varies, best: MISSING,
      log: numeric && low > 0 && high / low >= 100, id: `${kind}:${about.key}` };
  }
  const metrics = data.metrics.map((about, index) => column("metric", index, about));
  const params = data.params.map((about, index) => column("param", index, about));
  for (const each of metrics) if (each.numeric && each.low < each.high) each.best = each.lower ? each.low : each.high;
  const values = [...metrics, ...params];
  const byId = new Map(values.map((each) => [each.id, each]));
  const main = data.main === null ? null : rows[data.main];

  const same = (a, b) => a === b || (Number.isNaN(a) && Number.isNaN(b));
  function filesChanged(before, after) {
    return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((path) => before[path] !== after[path]);
  }
  for (const row of rows) {
    const base = row.base === null ? null : rows[row.base];
    if (!base) { row.changed = row.error; continue; }
    const parts = params.filter((p) => !same(p.get(row), p.get(base))).map((p) => `${p.short} ${show(p.get(base))} → ${show(p.get(row))}`);
    for (const kind of ["code", "data"])
      parts.push(...filesChanged(data[kind][base[kind]][1], data[kind][row[kind]][1]).map((path) => path.split("/").pop()));
    row.changed = row.error || parts.join(", ");
  }

  // ---- state -------------------------------------------------------------------------------------------------------

  const state = { sort: null, up: true, kind: "all", selected: [], brush: null, shown: rows };
  const hidden = new Set([...params.filter((p) => !p.varies).map((p) => p.id), "author"]);
  if (!rows.some((row) => row.subject)) hidden.add("subject");
  if (new Set(rows.map((row) => row.data)).size < 2) hidden.add("data");

  const fixed = {
    time: { id: "time", title: "time", get: (row) => row.time, text: (row) => when(row.time), hint: "UTC" },
    code: { id: "code", title: "code", get: (row) => data.code[row.code][0], style: "code", tip: (row) => files(data.code[row.code][1]),
      hint: "one short hash of all scripts that the stages run" },
    data: { id: "data", title: "data", get: (row) => data.data[row.data][0], style: "code", tip: (row) => files(data.data[row.data][1]),
      hint: "one short hash of all data files that the stages read" },
    changed: { id: "changed", title: "changed", get: (row) => row.changed, style: "changed", tip: (row) => row.changed,
      hint: "against the baseline: of an experiment the commit that it started from, of a commit the one before, unless another was asked for" },
    author: { id: "author", title: "author", get: (row) => row.author },
    subject: { id: "subject", title: "message", get: (row) => row.subject, style: "message", tip: (row) => row.subject },
  };
  const files = (hashes) => Object.entries(hashes).map(([path, hash]) => `${path}  ${hash}`).join("\n");
  const allColumns = [fixed.subject, fixed.author, fixed.time, ...values, fixed.changed, fixed.code, fixed.data];
  const columns = () => allColumns.filter((each) => !hidden.has(each.id));

  // ---- filter ------------------------------------------------------------------------------------------------------

  const TESTS = {
    "=": (a, b) => a === b, "!=": (a, b) => a !== b, ">": (a, b) => a > b, "<": (a, b) => a < b, ">=": (a, b) => a >= b, "<=": (a, b) => a <= b,
  };
  // The conditions of a filter text, or null where it compares something that does not exist.
  function conditions(text) {
    const found = [];
    for (const word of text.match(/"[^"]*"|\S+/g) || []) {
      const parts = /^([^<>=!]+)(>=|<=|!=|=|>|<)(.+)$/.exec(word);
      if (!parts) { const plain = word.replaceAll('"', "").toLowerCase(); found.push((row) => searched(row).includes(plain)); continue; }
      const [, key, operator, wanted] = parts;
      const target = values.find((each) => each.key === key) || values.find((each) => each.short === key);
      if (!target) return null;
      const number = Number(wanted);
      found.push((row) => {
        const value = target.get(row);
        if (value === MISSING) return operator === "!=";
        if (typeof value === "number" && !Number.isNaN(number)) return TESTS[operator](value, number);
        return "=!=".includes(operator) ? TESTS[operator](String(value), wanted) : false;
      });
    }
    return found;
  }
  const searched = (row) =>
    (row.searched ??= [row.name, row.rev, ...row.refs, row.author, row.subject, row.changed, row.state].join(" ").toLowerCase());

  function filtered() {
    const wanted = conditions($("filter").value);
    $("filter").classList.toggle("wrong", wanted === null);
    const chosen = new Set(state.selected);
    return rows.filter((row) =>
      (state.kind === "all" || (state.kind === "selected" ? chosen.has(row.index) : row.kind === state.kind)) &&
      (wanted || []).every((holds) => holds(row)));
  }

  // ---- table -------------------------------------------------------------------------------------------------------

  function element(tag, properties = {}, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  }

  function sorted(list) {
    if (!state.sort) return list;
    const { get } = state.sort, sign = state.up ? 1 : -1;
    const rank = (value) => (value === null || value === "" || isNothing(value) ? 2 : typeof value === "number" ? 0 : 1);
    return [...list].sort((a, b) => {
      const x = get(a), y = get(b), order = rank(x) - rank(y);
      if (order) return order; // what has no value comes last, either way
      return rank(x) === 2 ? 0 : sign * (typeof x === "number" ? x - y : String(x).localeCompare(String(y), "en", { numeric: true }));
    });
  }

  const nameColumn = { id: "name", title: "name", get: label };
  function head() {
    const line = element("tr");
    for (const each of [nameColumn, ...columns()]) {
      const cell = element("th", { scope: "col", className: each.numeric || each.numbers ? "number" : "" });
      const arrow = state.sort && state.sort.id === each.id ? (state.up ? " ▲" : " ▼") : "";
      const button = element("button", { type: "button", className: each.kind || "", title: each.key || each.hint || "" }, each.short || each.title);
      if (each.best !== MISSING && each.kind) button.append(element("i", { title: each.lower ? "less is better" : "more is better" }, each.lower ? " ↓" : " ↑"));
      button.append(arrow);
      button.addEventListener("click", () => sortBy(each));
      cell.ariaSort = arrow ? (state.up ? "ascending" : "descending") : "none";
      cell.append(button);
      line.append(cell);
    }
    document.querySelector("#table thead").replaceChildren(line);
  }

  function sortBy(each) {
    if (state.sort && state.sort.id === each.id) {
      if (state.up === startsUp(each)) state.up = !state.up; else state.sort = null;
    } else { state.sort = each; state.up = startsUp(each); }
    table();
  }
  const startsUp = (each) => (each.kind === "metric" ? each.lower : each.id !== "time");

  function nameCell(row) {
    const cell = element("th", { scope: "row", title: [row.subject, row.author, row.rev].filter(Boolean).join("\n") });
    if (row.kind === "commit") {
      cell.append(row.rev.slice(0, 7), ...row.refs.map((ref) => element("span", { className: "ref" }, ref)));
    } else cell.append(row.name);
    if (row.kind === "experiment" && row.name !== row.rev.slice(0, 7)) cell.append(element("span", { className: "sha" }, row.rev.slice(0, 7)));
    if (row.state) cell.append(element("span", { className: "ref state" }, row.state));
    if (row.stale.length) cell.append(element("span", { className: "ref state", title: `edited after the stages ran: ${row.stale.join(", ")}` }, "not reproduced"));
    return cell;
  }

  function valueCell(row, each) {
    const value = each.get(row);
    const cell = element("td");
    if (!each.kind) {
      cell.className = each.style || "";
      cell.textContent = each.text ? each.text(row) : value ?? "";
      if (each.tip) cell.title = each.tip(row);
      return cell;
    }
    cell.textContent = show(value);
    if (each.numbers) cell.classList.add("number");
    if (isNothing(value)) cell.classList.add("missing");
    if (each.best !== MISSING && isNumber(value) && counts(row)) {
      const share = Number.isFinite(value) ? (each.lower ? each.high - value : value - each.low) / (each.high - each.low) : 0;
      cell.classList.add("value");
      cell.style.setProperty("--part", `${Math.round(100 * share)}%`);
      if (value === each.best) { cell.classList.add("best"); cell.textContent = `★ ${cell.textContent}`; }
    }
    return cell;
  }

  let lines = new Map();
  function table() {
    head();
    const found = filtered();
    state.shown = sorted(state.brush ? found.filter((row) => state.brush.has(row.index)) : found);
    const body = document.querySelector("#table tbody"), wanted = columns(), chosen = new Set(state.selected);
    const all = document.createDocumentFragment();
    lines = new Map();
    for (const row of state.shown) {
      const line = element("tr", { className: row.kind });
      if (!state.sort && row.kind === "experiment") line.classList.add("nested");
      line.classList.toggle("selected", chosen.has(row.index));
      line.ariaSelected = chosen.has(row.index);
      line.dataset.row = row.index;
      line.append(nameCell(row), ...wanted.map((each) => valueCell(row, each)));
      lines.set(row.index, line);
      all.append(line);
    }
    if (!state.shown.length) all.append(element("tr", {}, element("td", { className: "none", colSpan: 99 }, "No row fits the filter.")));
    body.replaceChildren(all);
    $("count").textContent = state.shown.length === rows.length ? `${rows.length} rows` : `${state.shown.length} of ${rows.length} rows`;
    $("brushed").hidden = !state.brush;
    $("brushed").textContent = "ranges of the axes ✕";
  }

  function select(index, on) {
    const is = state.selected.includes(index), wanted = on ?? !is;
    if (wanted === is) return;
    state.selected = wanted ? [...state.selected, index] : state.selected.filter((each) => each !== index);
    const line = lines.get(index);
    if (line) { line.classList.toggle("selected", wanted); line.ariaSelected = wanted; }
    const onlySelected = state.kind === "selected";
    kinds(); // where none is selected any more, this shows all rows again
    if (onlySelected) table();
    lines_();
    if (state.selected.length) {
      const [a, b] = state.selected.slice(-2);
      choose(b === undefined ? rows[a].base ?? data.main ?? a : a, b === undefined ? a : b);
    }
    drawPoints();
  }

  function kinds() {
    const has = (kind) => rows.some((row) => row.kind === kind);
    const choices = [["all", "all"], ...(has("commit") ? [["commit", "commits"]] : []), ...(has("experiment") ? [["experiment", "experiments"]] : [])];
    if (state.selected.length) choices.push(["selected", `selected (${state.selected.length})`]);
    else if (state.kind === "selected") state.kind = "all";
    $("kinds").replaceChildren(...choices.map(([kind, text]) => {
      const button = element("button", { type: "button", ariaPressed: state.kind === kind }, text);
      button.dataset.kind = kind;
      button.addEventListener("click", () => { state.kind = kind; kinds(); refresh(); });
      return button;
    }));
  }

  function refresh() { drawPlots(); }

  function columnChooser() {
    const box = $("columns").querySelector("div");
    for (const [title, list] of [["metrics", metrics], ["parameters", params], ["behind it", [fixed.subject, fixed.author, fixed.time, fixed.changed, fixed.code, fixed.data]]]) {
      if (!list.length) continue;
      box.append(element("b", {}, title));
      for (const each of list) {
        const input = element("input", { type: "checkbox", checked: !hidden.has(each.id) });
        input.addEventListener("change", () => { if (input.checked) hidden.delete(each.id); else hidden.add(each.id); table(); });
        box.append(element("label", {}, input, ` ${each.key || each.title}`));
      }
    }
    document.addEventListener("click", (event) => { if (!$("columns").contains(event.target)) $("columns").open = false; });
  }

  function exportCsv() {
    const quote = (text) => { const safe = /^[=+@\t]|^-(?!\d)/.test(text) ? `'${text}` : text; return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe; };
    const wanted = columns();
    const out = [["kind", "name", "revision", ...wanted.map((each) => each.key || each.title)]];
    for (const row of state.shown)
      out.push([row.kind, label(row), row.rev, ...wanted.map((each) => (each.text ? each.text(row) : each.get(row)) ?? "")]);
    const blob = new Blob([out.map((line) => line.map((cell) => quote(String(cell))).join(",")).join("\n") + "\n"], { type: "text/csv" });
    const link = element("a", { href: URL.createObjectURL(blob), download: "overview.csv" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  // ---- best values -------------------------------------------------------------------------------------------------

  function cards() {
    for (const each of metrics.filter((metric) => metric.best !== MISSING).slice(0, 8)) {
      const row = rows.find((one) => counts(one) && each.get(one) === each.best);
      const card = element("button", { type: "button", className: "card" }), above = element("strong", {}, show(each.best));
      card.append(element("span", { title: each.key }, `best ${each.key} ${each.lower ? "↓" : "↑"}`), above);
      const below = element("span", { title: label(row) }, label(row));
      const reference = main && each.get(main);
      if (main && row !== main && isNumber(reference) && reference !== each.best) {
        const step = each.best - reference;
        above.append(element("b", { className: "good", title: `against ${label(main)}` }, `${step > 0 ? "+" : ""}${show(step)}`));
      }
      card.append(below);
      card.addEventListener("click", () => { select(row.index, true); reveal(row.index); });
      $("best").append(card);
    }
  }
  // Scrolls the table alone: the page stays where it is.
  function reveal(index) {
    const line = lines.get(index), box = document.querySelector(".scroll");
    if (line) box.scrollTop = line.offsetTop - box.clientHeight / 2;
  }

  // ---- plots -------------------------------------------------------------------------------------------------------

  let plotly = null;
  // The plotting library is unpacked when its plots come near: the table must not wait for it.
  function library() {
    return (plotly ??= (async () => {
      const packed = Uint8Array.from(atob($("plotly").textContent), (char) => char.charCodeAt(0));
      const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
      document.head.append(element("script", { textContent: await new Response(stream).text() }));
      return window.Plotly;
    })());
  }

  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const colour_ = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const font = () => ({ family: "system-ui, -apple-system, Segoe UI, Roboto, Noto Sans, DejaVu Sans, sans-serif", size: 12, color: colour_("text") });
  // The best stand out: dark on white, bright on black.  What is selected and pointed at has colours of its own.
  const ON_WHITE = [[0, "#cfe11c"], [0.25, "#4ac16d"], [0.5, "#1f968b"], [0.75, "#365c8d"], [1, "#440154"]];
  const ON_BLACK = [[0, "#5b3a8c"], [0.25, "#365c8d"], [0.5, "#1f968b"], [0.75, "#4ac16d"], [1, "#e4f13c"]];
  const scale_ = () => (dark.matches ? ON_BLACK : ON_WHITE);
  const CHOSEN = "#f97316";
  const CONFIG = { responsive: true, displaylogo: false, modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]] };
  const layout = (more) => ({ font: font(), margin: { l: 64, r: 16, t: 14, b: 52 }, paper_bgcolor: colour_("panel"), plot_bgcolor: colour_("panel"), hovermode: "closest", showlegend: false,
    hoverlabel: { bgcolor: colour_("tip"), font: { color: "#fff" } }, ...more });
  const axis = (title, more) => ({ title: { text: title }, gridcolor: colour_("faint"), zerolinecolor: colour_("edge"), linecolor: colour_("edge"), automargin: true, ...more });

  const usable = () => state.shownByFilter.filter(counts);

  function options(select, list, chosen, none) {
    select.replaceChildren(...(none ? [element("option", { value: "" }, none)] : []),
      ...list.map((each) => element("option", { value: each.id, selected: each === chosen }, each.short)));
  }
  // How much two columns of numbers go together, 0 to 1: the parameter that tells most about the metric is shown first.
  function together(a, b) {
    const bend = a.log ? Math.log10 : (value) => value;
    const pairs = rows.map((row) => [a.get(row), b.get(row)]).filter((pair) => pair.every((value) => isNumber(value) && Number.isFinite(value)));
    const mean = (n) => pairs.reduce((sum, pair) => sum + pair[n], 0) / pairs.length;
    for (const pair of pairs) pair[0] = bend(pair[0]);
    const x = mean(0), y = mean(1);
    const sum = (term) => pairs.reduce((total, [p, q]) => total + term(p - x, q - y), 0);
    return Math.abs(sum((p, q) => p * q)) / (Math.sqrt(sum((p) => p * p) * sum((_, q) => q * q)) || 1) || 0;
  }
  function menus() {
    const scored = metrics.filter((each) => each.numeric), first = scored.find((each) => each.best !== MISSING) || scored[0];
    const varying = params.filter((each) => each.varies);
    const telling = first ? [...varying].filter((each) => each.numeric).sort((a, b) => together(b, first) - together(a, first)) : [];
    const x = telling[0] || varying[0] || params[0] || scored[1] || scored[0];
    options($("parallel-colour"), [...scored, ...varying.filter((each) => each.numeric)], first);
    options($("scatter-x"), [...(varying.length ? varying : params), ...scored], x);
    options($("scatter-y"), scored, first);
    options($("scatter-colour"), [...scored, ...varying], telling[1] || varying.find((each) => each !== x), "none");
    options($("time-y"), scored, first);
    for (const [id, draw] of [["parallel-colour", lines_], ["scatter-x", drawScatter], ["scatter-y", drawScatter], ["scatter-colour", drawScatter], ["time-y", drawTime]])
      $(id).addEventListener("change", draw);
  }

  const categories = (list, each) => [...new Set(list.map((row) => each.get(row)).filter((value) => value !== MISSING))]
    .sort((a, b) => (typeof a === typeof b && typeof a === "number" ? a - b : typeof a === "number" ? -1 : typeof b === "number" ? 1 : String(a).localeCompare(String(b))));
  const powers = (low, high) => { const ticks = []; for (let p = Math.ceil(Math.log10(low)); p <= Math.floor(Math.log10(high)); p++) ticks.push(p); return ticks; };

  // An axis of the parallel coordinates: where on it (0 to 1) a row is, and its ticks.  Numbers lie as they are or by
  // their logarithms, texts side by side.
  function scale(each, list) {
    if (!each.numeric) {
      const kinds = categories(list, each), share = (n) => (kinds.length < 2 ? 0.5 : n / (kinds.length - 1));
      const place = new Map(kinds.map((value, n) => [value, share(n)]));
      return { each, at: (row) => place.get(each.get(row)), ticks: kinds.slice(0, 24).map((value, n) => [share(n), show(value).slice(0, 16)]) };
    }
    const found = list.map(each.get).filter((value) => isNumber(value) && Number.isFinite(value));
    const low = found.reduce((a, b) => Math.min(a, b), Infinity), high = found.reduce((a, b) => Math.max(a, b), -Infinity);
    const bend = each.log ? Math.log10 : (value) => value;
    const share = (value) => (low === high ? 0.5 : (bend(value) - bend(low)) / (bend(high) - bend(low)));
    const distinct = [...new Set(found)].sort((a, b) => a - b);
    const inner = distinct.length <= 8 ? distinct : each.log ? powers(low, high).map((p) => 10 ** p) : steps(low, high);
    const at = (row) => { const value = each.get(row); return isNumber(value) && Number.isFinite(value) ? share(value) : MISSING; };
    return { each, at, ticks: inner.map((value) => [share(value), show(value)]) };
  }
  function steps(low, high) {
    const rough = (high - low) / 5, unit = 10 ** Math.floor(Math.log10(rough)), step = unit * [1, 2, 5, 10].find((n) => n * unit >= rough);
    const found = [];
    for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-9; value += step) found.push(Number(value.toPrecision(12)));
    return found;
  }

  function viridis(share) {
    const steps_ = scale_(), place = Math.max(0, Math.min(0.999, share)) * (steps_.length - 1), n = Math.floor(place), part = place - n;
    const [from, to] = [steps_[n][1], steps_[n + 1][1]].map((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));
    return `rgb(${from.map((value, k) => Math.round(value + part * (to[k] - value))).join()})`;
  }

  // Drawn here and not by the library: that needs WebGL for it, which many a remote desktop does not have.
  const parallel = { axes: [], order: [], ranges: new Map(), list: [], under: null };
  const EDGE = { left: 64, right: 64, top: 40, bottom: 16 };

  function drawParallel() {
    const box = $("parallel");
    const all = [...params.filter((each) => each.varies), ...metrics.filter((each) => each.varies && (each.numeric || categories(usable(), each).length < 25))];
    // A line needs a place on each axis: axes that few rows have are left out, then rows that lack one of the others.
    const common = all.filter((each) => 2 * usable().filter((row) => !isNothing(each.get(row))).length >= usable().length).slice(0, 14);
    parallel.list = usable().filter((row) => common.every((each) => !isNothing(each.get(row))));
    if (common.length < 2 || parallel.list.length < 2) { box.replaceChildren(nothing("Two rows that differ in parameters and metrics are needed.")); return; }
    parallel.axes = common.map((each) => scale(each, parallel.list));
    const known = new Map(parallel.order.map((each, n) => [each, n]));
    parallel.axes.sort((a, b) => (known.get(a.each) ?? 99) - (known.get(b.each) ?? 99));
    // Names of axes must not lie on each other: where the window is narrow, the plot is wider and is scrolled.
    const names = parallel.axes.map((axis_) => axisName(axis_).length * LETTER), between = Math.max(...names.slice(1).map((name, n) => (name + names[n]) / 2)) + 14;
    box.style.minWidth = `${Math.round(EDGE.left + EDGE.right + (parallel.axes.length - 1) * Math.max(56, between))}px`;
    box.replaceChildren(element("canvas"), axes(box), element("p", { className: "tip", hidden: true }));
    lines_();
  }

  const LETTER = 7.4;
  const axisName = (axis_) => (axis_.each.short.length > 20 ? `${axis_.each.short.slice(0, 19)}…` : axis_.each.short);
  const across = (n, width) => EDGE.left + (n * (width - EDGE.left - EDGE.right)) / Math.max(1, parallel.axes.length - 1);
  const up = (share, height) => height - EDGE.bottom - share * (height - EDGE.top - EDGE.bottom);
  const inRanges = (row) => parallel.axes.every((axis_) => { const range = parallel.ranges.get(axis_.each); const at = axis_.at(row); return !range || (at >= range[0] && at <= range[1]); });

  function lines_() {
    const canvas = $("parallel").querySelector("canvas");
    if (!canvas) return;
    const { clientWidth: width, clientHeight: height } = $("parallel"), dots = window.devicePixelRatio || 1;
    Object.assign(canvas, { width: width * dots, height: height * dots });
    const pen = canvas.getContext("2d"), colour = byId.get($("parallel-colour").value);
    const tint = colour ? scale(colour, parallel.list) : null;
    pen.scale(dots, dots);
    pen.lineJoin = "round";
    const line = (row, stroke, wide, alpha) => {
      Object.assign(pen, { strokeStyle: stroke, lineWidth: wide, globalAlpha: alpha });
      pen.beginPath();
      parallel.axes.forEach((axis_, n) => pen.lineTo(across(n, width), up(axis_.at(row), height)));
      pen.stroke();
    };
    const inside = parallel.list.filter(inRanges), outside = parallel.ranges.size ? parallel.list.filter((row) => !inRanges(row)) : [];
    const share = (row) => { const at = tint && tint.at(row); return at === undefined || at === null ? 0 : colour.lower ? 1 - at : at; };
    const under = colour_("panel"), plain = colour_("dot");
    for (const row of outside) line(row, colour_("edge"), 1, 0.25);
    const alpha = Math.max(0.25, Math.min(0.9, 60 / inside.length));
    // The best of the colour lie on top.
    for (const row of [...inside].sort((a, b) => share(a) - share(b))) line(row, tint ? viridis(share(row)) : plain, inside.length > 300 ? 1 : 1.6, Math.min(1, alpha + (tint ? 0.4 * share(row) : 0)));
    for (const row of parallel.list) if (state.selected.includes(row.index)) { line(row, under, 5, 1); line(row, CHOSEN, 2.8, 1); }
    if (parallel.under) { line(parallel.under, under, 5, 1); line(parallel.under, colour_("ink"), 2.6, 1); }
    const legend = $("parallel-legend");
    legend.hidden = !colour;
    if (colour) legend.replaceChildren(show(colour.lower ? colour.high : colour.low), element("i"), show(colour.lower ? colour.low : colour.high));
  }

  const SVG = "http://www.w3.org/2000/svg";
  function drawing(tag, attributes, text) {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }
  function axes(box) {
    const { clientWidth: width, clientHeight: height } = box, made = drawing("svg", { width, height });
    parallel.axes.forEach((axis_, n) => {
      const x = across(n, width), group = drawing("g", { class: "axis", "data-key": axis_.each.key });
      group.append(drawing("line", { x1: x, x2: x, y1: up(1, height), y2: up(0, height) }));
      let free = Infinity; // the place of the last tick: names of ticks must not lie on each other
      for (const [at, text] of [...axis_.ticks].sort((a, b) => a[0] - b[0]).filter(([at]) => { const fits = free - up(at, height) >= 13; if (fits) free = up(at, height); return fits; })) group.append(drawing("line", { x1: x - 4, x2: x, y1: up(at, height), y2: up(at, height) }), drawing("text", { x: x - 7, y: up(at, height) + 4, "text-anchor": "end" }, text));
      const range = parallel.ranges.get(axis_.each);
      if (range) group.append(drawing("rect", { class: "range", x: x - 6, width: 12, y: up(range[1], height), height: Math.max(2, up(range[0], height) - up(range[1], height)) }));
      const grip = drawing("rect", { class: "grip", x: x - 16, y: up(1, height) - 8, width: 32, height: height - EDGE.top - EDGE.bottom + 16 });
      const name = drawing("text", { class: "name", x, y: 18, "text-anchor": "middle" }, axisName(axis_));
      name.append(drawing("title", {}, axis_.each.key));
      grip.addEventListener("pointerdown", (event) => drag(event, axis_, grip));
      name.addEventListener("pointerdown", (event) => move(event, n, name));
      group.append(grip, name);
      made.append(group);
    });
    made.addEventListener("pointermove", pointed);
    made.addEventListener("pointerleave", () => point(null));
    made.addEventListener("click", (event) => { if (parallel.under && !event.target.closest(".grip, .name")) select(parallel.under.index); });
    return made;
  }

  // Drag along an axis: the rows in the range stay; a click lets all of them in again.
  function drag(event, axis_, grip) {
    const box = $("parallel").getBoundingClientRect();
    const at = (one) => Math.max(-0.02, Math.min(1.02, (box.height - EDGE.bottom - (one.clientY - box.top)) / (box.height - EDGE.top - EDGE.bottom)));
    const start = at(event);
    grip.setPointerCapture(event.pointerId);
    const follow = (one) => { parallel.ranges.set(axis_.each, [Math.min(start, at(one)), Math.max(start, at(one))]); lines_(); };
    grip.addEventListener("pointermove", follow);
    grip.addEventListener("pointerup", (one) => {
      grip.removeEventListener("pointermove", follow);
      if (Math.abs(at(one) - start) < 0.015) parallel.ranges.delete(axis_.each);
      ranged();
    }, { once: true });
  }
  function ranged() {
    state.brush = parallel.ranges.size ? new Set(parallel.list.filter(inRanges).map((row) => row.index)) : null;
    drawParallel(); table(); drawPoints();
  }
  // Drag the name of an axis to another place.
  function move(event, from, name) {
    const box = $("parallel").getBoundingClientRect();
    name.setPointerCapture(event.pointerId);
    name.addEventListener("pointerup", (one) => {
      const steps_ = (one.clientX - box.left - EDGE.left) / ((box.width - EDGE.left - EDGE.right) / Math.max(1, parallel.axes.length - 1));
      const to = Math.max(0, Math.min(parallel.axes.length - 1, Math.round(steps_)));
      parallel.axes.splice(to, 0, ...parallel.axes.splice(from, 1));
      parallel.order = parallel.axes.map((axis_) => axis_.each);
      drawParallel();
    }, { once: true });
  }
  // The line under the pointer.
  function pointed(event) {
    const box = $("parallel").getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
    const wide = (box.width - EDGE.left - EDGE.right) / Math.max(1, parallel.axes.length - 1);
    const n = Math.max(0, Math.min(parallel.axes.length - 2, Math.floor((x - EDGE.left) / wide))), part = Math.max(0, Math.min(1, (x - EDGE.left) / wide - n));
    let nearest = null, distance = 6;
    for (const row of parallel.list) {
      if (!inRanges(row)) continue;
      const off = Math.abs(y - (1 - part) * up(parallel.axes[n].at(row), box.height) - part * up(parallel.axes[n + 1].at(row), box.height));
      if (off < distance) { nearest = row; distance = off; }
    }
    point(event.buttons ? null : nearest, x, y);
  }
  function point(row, x, y) {
    const tip = $("parallel").querySelector(".tip");
    if (!tip) return;
    if (parallel.under !== row) { parallel.under = row; lines_(); }
    tip.hidden = !row;
    if (!row) return;
    tip.replaceChildren(element("b", {}, label(row)), ...parallel.axes.map(({ each }) => element("span", {}, `${each.short} = ${show(each.get(row))}`)));
    const { clientWidth: width, clientHeight: height } = $("parallel");
    tip.style.left = `${x + (x > width - 230 ? -16 - tip.offsetWidth : 16)}px`;
    tip.style.top = `${Math.max(0, Math.min(y, height - tip.offsetHeight))}px`;
  }

  const nothing = (text) => element("p", { className: "none" }, text);
  const inBrush = (list) => (state.brush ? list.filter((row) => state.brush.has(row.index)) : list);
  const hover = (row, ...shown) => [`<b>${escaped(label(row))}</b>`, ...shown.filter(Boolean).map((each) => `${escaped(each.short)} = ${escaped(show(each.get(row)))}`)].join("<br>");
  const escaped = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

  function scaled(each, list) {
    return each.numeric ? axis(each.short, { type: each.log ? "log" : "linear" })
      : axis(each.short, { type: "category", categoryorder: "array", categoryarray: categories(list, each).map(show) });
  }
  const drawn = (each, row) => (each.numeric ? each.get(row) : show(each.get(row)));

  function rings(list, x, y) {
    const chosen = list.filter((row) => state.selected.includes(row.index));
    const marks = { size: 15, color: "rgba(0,0,0,0)", line: { width: 2.5, color: CHOSEN } };
    return { type: "scatter", mode: "markers+text", x: chosen.map(x), y: chosen.map(y), text: chosen.map(label), textposition: "top center", textfont: { size: 11, color: CHOSEN }, marker: marks, hoverinfo: "skip", cliponaxis: false };
  }
  function mainMark(list, x, y) {
    const found = main && list.includes(main) ? [main] : [];
    return { type: "scatter", mode: "markers", x: found.map(x), y: found.map(y), text: found.map((row) => `<b>${escaped(label(row))}</b><br>main`), hoverinfo: "text", customdata: found.map((row) => row.index),
      marker: { symbol: "diamond", size: 13, color: colour_("bad"), line: { color: colour_("panel"), width: 1 } } };
  }

  async function drawScatter() {
    const Plotly = await library(), box = $("scatter");
    box.classList.remove("waiting");
    const x = byId.get($("scatter-x").value), y = byId.get($("scatter-y").value), colour = byId.get($("scatter-colour").value);
    if (!x || !y) { box.replaceChildren(nothing("There is no parameter and metric to draw.")); return; }
    const list = inBrush(usable()).filter((row) => !isNothing(x.get(row)) && !isNothing(y.get(row)));
    const xs = (row) => drawn(x, row), ys = (row) => y.get(row);
    const marker = { size: 8, opacity: 0.75, color: colour_("dot"), line: { width: 0.5, color: colour_("panel") } };
    if (colour) {
      const kinds = colour.numeric ? null : categories(list, colour);
      const of = (row) => { const v = colour.get(row); return kinds ? kinds.indexOf(v) : isNumber(v) ? (colour.log ? Math.log10(v) : v) : null; };
      const bar = { thickness: 12, outlinewidth: 0, title: { text: colour.short, side: "right" } };
      if (kinds) Object.assign(bar, { tickvals: kinds.map((_, n) => n), ticktext: kinds.map((value) => show(value).slice(0, 14)) });
      else if (colour.log) { const ticks = powers(colour.low, colour.high); if (ticks.length) Object.assign(bar, { tickvals: ticks, ticktext: ticks.map((p) => show(10 ** p)) }); }
      Object.assign(marker, { color: list.map(of), colorscale: scale_(), showscale: true, colorbar: bar });
    }
    const points = { type: "scatter", mode: "markers", x: list.map(xs), y: list.map(ys), marker, text: list.map((row) => hover(row, x, y, colour)), hoverinfo: "text", customdata: list.map((row) => row.index) };
    await Plotly.react(box, [points, mainMark(list, xs, ys), rings(list, xs, ys)], layout({ xaxis: scaled(x, list), yaxis: scaled(y, list) }), CONFIG);
    clicks(box);
  }

  async function drawTime() {
    const Plotly = await library(), box = $("time");
    box.classList.remove("waiting");
    const y = byId.get($("time-y").value);
    if (!y) { box.replaceChildren(nothing("There is no metric to draw.")); return; }
    const list = inBrush(usable()).filter((row) => row.time !== null && isNumber(y.get(row))).sort((a, b) => a.time - b.time);
    const xs = (row) => new Date(row.time * 1000).toISOString(), ys = (row) => y.get(row);
    const commits = list.filter((row) => row.kind === "commit"), experiments = list.filter((row) => row.kind === "experiment");
    const record = [];
    for (const row of list) if (!record.length || (y.lower ? ys(row) < ys(record.at(-1)) : ys(row) > ys(record.at(-1)))) record.push(row);
    if (list.length) record.push(list.at(-1));
    const step = record.map((row, n) => (n === record.length - 1 && n > 0 ? ys(record[n - 1]) : ys(row)));
    const trace = (rows_, more) => ({ type: "scatter", x: rows_.map(xs), y: rows_.map(ys), text: rows_.map((row) => hover(row, y) + `<br>${when(row.time)}<br>${escaped(row.subject.slice(0, 60))}`), hoverinfo: "text", customdata: rows_.map((row) => row.index), ...more });
    const traces = [
      { type: "scatter", mode: "lines", name: "best so far", x: record.map(xs), y: step, line: { shape: "hv", color: "#10b981", width: 2, dash: "dot" }, hoverinfo: "skip" },
      trace(experiments, { mode: "markers", name: "experiments", marker: { size: 6, color: colour_("dot"), opacity: 0.5 } }),
      trace(commits, { mode: commits.length > 60 ? "lines" : "lines+markers", name: "commits", line: { color: colour_("ink"), width: 1.5 }, marker: { size: 9, color: colour_("ink") } }),
      { ...mainMark(list, xs, ys), showlegend: false }, { ...rings(list, xs, ys), showlegend: false },
    ];
    await Plotly.react(box, traces, layout({ xaxis: axis("", { type: "date" }), yaxis: scaled(y, list), showlegend: true, legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 }, margin: { l: 64, r: 16, t: 34, b: 40 } }), CONFIG);
    clicks(box);
  }

  function clicks(box) {
    box.removeAllListeners("plotly_click");
    box.on("plotly_click", (event) => {
      const index = event.points[0].customdata;
      if (typeof index === "number") { select(index); reveal(index); }
    });
  }

  let near = false;
  function drawPlots() {
    state.shownByFilter = filtered();
    state.brush = null;
    parallel.ranges.clear();
    table();
    drawParallel();
    drawPoints();
  }
  function drawPoints() { if (near) { drawScatter(); drawTime(); } }
  function plots() {
    menus();
    state.shownByFilter = filtered();
    drawParallel();
    new ResizeObserver(() => drawParallel()).observe($("parallel"));
    dark.addEventListener("change", () => { drawParallel(); drawPoints(); });
    for (const id of ["scatter", "time"]) $(id).classList.add("waiting");
    const start = async () => { if (!near) { near = true; await Promise.all([drawScatter(), drawTime()]); document.documentElement.dataset.drawn = String(Math.round(performance.now())); } };
    new IntersectionObserver((entries) => { if (entries.some((entry) => entry.isIntersecting)) start(); }, { rootMargin: "400px" }).observe($("scatter"));
    (window.requestIdleCallback || setTimeout)(start);
  }

  // ---- side by side ------------------------------------------------------------------------------------------------

  function choose(a, b) { $("compare-a").value = a; $("compare-b").value = b; compare(); }

  function compareMenus() {
    for (const id of ["compare-a", "compare-b"]) {
      $(id).replaceChildren(...rows.map((row) => element("option", { value: row.index }, `${row.kind === "experiment" ? "  " : ""}${label(row)}${row.kind === "commit" && row.refs.length ? ` ${row.rev.slice(0, 7)}` : ""}`)));
      $(id).addEventListener("change", compare);
    }
    $("only-changed").addEventListener("change", compare);
    $("swap").addEventListener("click", () => choose($("compare-b").value, $("compare-a").value));
    const first = metrics.find((each) => each.best !== MISSING);
    const best = first && rows.find((row) => counts(row) && first.get(row) === first.best);
    const a = main || rows[0];
    const b = best && best !== a ? best : rows.find((row) => row !== a && row.kind === "experiment") || rows.find((row) => row !== a) || a;
    choose(a.index, b.index);
  }

  function compare() {
    const a = rows[$("compare-a").value], b = rows[$("compare-b").value], only = $("only-changed").checked;
    const body = element("tbody");
    const group = (title, list) => { if (list.length) body.append(element("tr", {}, element("th", { colSpan: 4, scope: "colgroup" }, title)), ...list); };
    const compared = (list) => list.filter((each) => (each.get(a) !== MISSING || each.get(b) !== MISSING) && !(only && same(each.get(a), each.get(b)))).map((each) => {
      const x = each.get(a), y = each.get(b), step = isNumber(x) && isNumber(y) ? y - x : NaN;
      const cell = element("td", { className: "number" });
      if (step) {
        cell.textContent = `${step > 0 ? "+" : ""}${show(step)}`;
        if (each.kind === "metric") cell.classList.add(step > 0 === !each.lower ? "good" : "bad");
      }
      return element("tr", {}, element("th", { scope: "row" }, each.key), element("td", { className: "number" }, show(x)), element("td", { className: "number" }, show(y)), cell);
    });
    const versions = (kind) => {
      const before = data[kind][a[kind]][1], after = data[kind][b[kind]][1];
      const paths = only ? filesChanged(before, after) : [...new Set([...Object.keys(before), ...Object.keys(after)])];
      const cell = (hash) => element("td", { className: "code", title: hash || "" }, hash ? hash.slice(0, 7) : "–");
      return paths.map((path) => element("tr", {}, element("th", { scope: "row" }, path), cell(before[path]), cell(after[path]), element("td", {}, before[path] === after[path] ? "" : "changed")));
    };
    group("metrics", compared(metrics)); group("parameters", compared(params)); group("code", versions("code")); group("data", versions("data"));
    if (!body.children.length) body.append(element("tr", {}, element("td", { className: "none", colSpan: 4 }, a === b ? "A and B are the same row." : "A and B do not differ.")));
    const titles = element("tr", {}, ...["", `A  ${label(a)}`, `B  ${label(b)}`, "B − A"].map((text, n) => element("th", { scope: "col", className: n ? "number" : "" }, text)));
    $("differences").replaceChildren(element("table", {}, element("thead", {}, titles), body));
    pictures(a, b);
  }

  const asked = new Set(data.figuresRead);
  const key_ = (row) => row.rev || "workspace";
  const why = (row) => (asked.has(key_(row)) ? "no such figure here" : "not in this page: it holds the figures of main, the best and the newest");

  function zoomable(image, said) {
    const open = () => { $("zoom").querySelector("img").src = image.src; $("zoom").querySelector("p").textContent = said; $("zoom").showModal(); };
    image.tabIndex = 0;
    image.addEventListener("click", open);
    image.addEventListener("keydown", (event) => { if (event.key === "Enter") open(); });
    return image;
  }

  // The pictures of both, each once: those that a report shows stand there, also where the notebook saves them under a name
  // of its own, and one file under two names is one picture.
  function pictures(a, b) {
    const inReport = reports(a, b), of = (row) => data.figures[key_(row)] || {};
    const groups = new Map();
    for (const path of [...new Set([...Object.keys(of(a)), ...Object.keys(of(b))])].sort()) {
      const key = `${of(a)[path]} ${of(b)[path]}`;
      groups.set(key, [...(groups.get(key) || []), path]);
    }
    const figure = (row, title, path, className = "") => {
      const number = of(row)[path], box = element("figure", { className }, element("figcaption", {}, title));
      if (number === undefined) box.append(element("div", { className: "empty" }, why(row)));
      else box.append(zoomable(element("img", { src: data.images[number], alt: `${path} of ${label(row)}` }), `${path} · ${label(row)}`));
      return box;
    };
    const names = (row) => Object.entries(of(row)).filter(([, number]) => inReport.has(number)).map(([path]) => path.split("/").pop());
    const there = new Map([a, b].map((row) => [row, new Set(names(row))]));
    const isThere = (row, path) => inReport.has(of(row)[path]) || there.get(row).has(data.twins[path.split("/").pop()]);
    const shown = [...groups.values()].filter(([path]) => [a, b].some((row) => of(row)[path] !== undefined && !isThere(row, path)));
    $("figures").replaceChildren(...shown.map((paths) => {
      const [path] = paths, same_ = a === b || (of(a)[path] !== undefined && of(a)[path] === of(b)[path]);
      const title = element("h3", {}, paths.join(" = ") + (same_ && a !== b ? "  (identical)" : ""));
      if (same_) return element("div", { className: "pair" }, title, figure(a, a === b ? label(a) : `A  ${label(a)} and B  ${label(b)}`, path, "both"));
      return element("div", { className: "pair" }, title, figure(a, `A  ${label(a)}`, path), figure(b, `B  ${label(b)}`, path));
    }));
  }

  // The reports of both; gives the numbers of the pictures in them.
  function reports(a, b) {
    const of = (row) => data.reports[key_(row)] || [], inReport = new Set();
    const article = (row, title, className = "") => {
      const box = element("article", { className: `report ${className}` }, element("p", {}, title));
      if (!of(row).length) box.append(element("p", {}, asked.has(key_(row)) ? "no report here" : "not in this page: it holds the reports of main, the best and the newest"));
      for (const [path, number] of of(row)) {
        // made by nb2stage of markdown, in which HTML counts as text
        const text = element("div", { innerHTML: data.texts[number] });
        for (const image of text.querySelectorAll("img")) {
          const found = image.dataset.number;
          if (found === undefined) { image.replaceWith(element("em", {}, `[${image.alt || "picture"}: not in this page]`)); continue; }
          image.src = data.images[found];
          inReport.add(Number(found));
          zoomable(image, `${image.alt} · ${path} · ${label(row)}`);
        }
        box.append(text);
      }
      return box;
    };
    const some = Object.keys(data.reports).length > 0, equal = String(of(a)) === String(of(b));
    $("report").hidden = !some;
    document.querySelector('nav a[href="#report"]').hidden = !some;
    if (some) document.querySelector("#report .reports").replaceChildren(...(a === b || (equal && of(a).length)
      ? [article(a, a === b ? label(a) : `A  ${label(a)} and B  ${label(b)}: identical`, "both")] : [article(a, `A  ${label(a)}`), article(b, `B  ${label(b)}`)]));
    return inReport;
  }

  // ---- pipeline ----------------------------------------------------------------------------------------------------

  function pipeline() {
    if (!data.stages.length) { $("pipeline").hidden = true; document.querySelector('nav a[href="#pipeline"]').hidden = true; return; }
    for (const box of document.querySelectorAll("#picture .stage")) {
      box.tabIndex = 0;
      box.setAttribute("role", "button");
      box.addEventListener("click", () => stage(box));
      box.addEventListener("keydown", (event) => { if (event.key === "Enter") stage(box); });
    }
    stage(document.querySelector("#picture .stage"));
  }
  function stage(box) {
    for (const each of document.querySelectorAll("#picture .stage")) each.classList.toggle("chosen", each === box);
    const found = data.stages.find((each) => each.name === box.dataset.stage);
    const list = (word, things) => element("p", {}, `${word}  `, ...things.flatMap((thing, n) => [n ? ", " : "", element("code", {}, thing)]));
    $("stage").replaceChildren(
      element("h2", {}, found.name),
      element("p", {}, found.notebook ? `${found.place} of ${found.notebook}` : found.place),
      ...(found.script ? [list("script", [found.script])] : []),
      ...found.gets.map(([other, things]) => list(`from ${other}`, things)), ...found.gives.map(([other, things]) => list(`to ${other}`, things)),
      ...found.facts.map(([word, things]) => list(word, things)),
      ...found.cells.flatMap(([number, source]) => [element("h3", {}, `cell ${number}`), element("pre", {}, source)]));
  }

  // ---- start -------------------------------------------------------------------------------------------------------

  function summary() {
    const count = (kind, word) => { const n = rows.filter((row) => row.kind === kind && !row.state).length; return n ? `${n} ${word}${n === 1 ? "" : "s"}` : ""; };
    const latest = rows.reduce((last, row) => (row.time !== null && row.time > last ? row.time : last), 0);
    const waiting = rows.filter((row) => row.state).length;
    const parts = [count("commit", "commit"), count("experiment", "experiment"), waiting ? `${waiting} not done` : "", latest ? `latest ${when(latest)} UTC` : "",
      main ? `main: ${label(main)} ${main.rev.slice(0, 7)}` : ""];
    $("title").textContent = data.title;
    $("summary").textContent = parts.filter(Boolean).join(" · ");
  }

  summary(); cards(); kinds(); columnChooser(); table(); compareMenus(); pipeline(); plots();

  let typing;
  $("filter").addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(refresh, 120); });
  $("brushed").addEventListener("click", () => { parallel.ranges.clear(); ranged(); });
  $("export").addEventListener("click", exportCsv);
  document.querySelector("#table tbody").addEventListener("click", (event) => {
    const line = event.target.closest("tr[data-row]");
    if (line && !String(window.getSelection())) select(Number(line.dataset.row));
  });
  $("zoom").addEventListener("click", () => $("zoom").close());
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
})();
