/* The tables: all rows, files of them, and filters. */
const tables = (() => {
  const all = [...document.querySelectorAll("main table")];
  const ofDays = (table) => table.id.startsWith("days-by-");
  const columns = (table) => [...table.tHead.rows[0].cells].map((cell) => ({ name: cell.dataset.name, sum: "sum" in cell.dataset, compared: "compared" in cell.dataset }));
  const value = (cell) => cell.dataset.v ?? cell.textContent;
  const originals = new Map(all.filter(ofDays).map((table) => [table, table.innerHTML]));

  function quoted(text) {
    // A spreadsheet would run a text that starts like a formula.
    const safe = /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  }

  /** The listed rows as CSV, with every digit and column. */
  function csv(table) {
    const names = columns(table).map((column) => column.name);
    const rows = [...table.tBodies].flatMap((body) => [...body.rows]).filter((row) => !row.hidden);
    return [names, ...rows.map((row) => [...row.cells].map(value))].map((cells) => `${cells.map(quoted).join(",")}\r\n`).join("");
  }

  function download(id) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([csv(document.getElementById(id))], { type: "text/csv" }));
    link.download = `${id}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  /** Shows or hides the rows after the first ones. */
  function expand(button, open) {
    const table = document.getElementById(button.dataset.table);
    for (const body of table.querySelectorAll("tbody.more")) body.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
    button.dataset.closed ??= button.textContent;
    button.textContent = open ? "Show fewer rows" : button.dataset.closed;
  }

  /** The sums of rows. Those that cannot be compared count in none, so that the sums agree. */
  function sumRow(table, rows, label) {
    const compared = columns(table).findIndex((column) => column.compared);
    const counted = rows.filter((row) => compared < 0 || value(row.cells[compared]) !== "");
    const line = document.createElement("tr");
    line.className = "sum";
    let labelled = false;
    columns(table).forEach((column, index) => {
      const cell = document.createElement("td");
      cell.className = table.tHead.rows[0].cells[index].className;
      if (column.sum) {
        cell.textContent = costs.plain(counted.reduce((sum, row) => sum + Number(value(row.cells[index])), 0));
      } else if (!labelled && !cell.classList.contains("h")) {
        cell.textContent = label;
        labelled = true;
      }
      line.append(cell);
    });
    return line;
  }

  /** What the filter wants of a column; undefined where any will do. */
  function wanted(filter) {
    const names = { currency: costs.data.currencies[filter.currency] };
    const place = { cluster: "cluster_id", namespace: "namespace", team: "team" };
    for (const [dimension, column] of Object.entries(place)) {
      const index = filter[dimension];
      if (index === null) continue;
      const listed = costs.NAMES[dimension];
      names[column] = index === costs.other(dimension) ? { notIn: new Set(listed.slice(0, -1)) } : listed[index];
    }
    return names;
  }

  function filterRows(table, filter) {
    const names = wanted(filter);
    const found = columns(table).map((column) => names[column.name]);
    const matches = (row) => found.every((want, index) => {
      if (want === undefined) return true;
      const own = value(row.cells[index]);
      return typeof want === "string" ? own === want : !want.notIn.has(own);
    });
    const rows = [...table.tBodies].flatMap((body) => [...body.rows]);
    for (const row of rows) row.hidden = !matches(row);
    const isFiltered = filter.cluster !== null || filter.namespace !== null || filter.team !== null;
    const foot = table.tFoot;
    foot?.querySelector(".sum")?.remove();
    const currency = columns(table).findIndex((column) => column.name === "currency");
    for (const row of foot?.rows ?? []) row.hidden = isFiltered || (currency >= 0 && value(row.cells[currency]) !== names.currency);
    const visible = rows.filter((row) => !row.hidden);
    if (isFiltered && foot) foot.append(sumRow(table, visible, `${visible.length} listed`));
    const article = table.closest("article");
    const note = article.querySelector(".unfiltered");
    const unused = Object.keys(names).filter((name) => name !== "currency" && !columns(table).some((column) => column.name === name));
    const words = { cluster_id: "cluster", namespace: "namespace", team: "team" };
    const notes = unused.length ? [`Not filtered by ${unused.map((name) => words[name]).join(" and ")}: the rows are of all.`] : [];
    if (isFiltered && !unused.length && !visible.length) notes.push("None of the listed rows.");
    note.textContent = notes.join(" ");
    note.hidden = !notes.length;
    const button = article.querySelector("button.all");
    if (button) {
      button.hidden = isFiltered;
      for (const body of table.querySelectorAll("tbody.more")) body.hidden = !isFiltered && button.getAttribute("aria-expanded") !== "true";
    }
  }

  function cells(texts, head) {
    const row = document.createElement("tr");
    texts.forEach(({ text, raw, number }) => {
      const cell = document.createElement(head ? "th" : "td");
      if (head) {
        cell.scope = "col";
        cell.dataset.name = raw;
      } else if (raw !== text) cell.dataset.v = raw;
      if (number) cell.className = "n";
      cell.textContent = text;
      row.append(cell);
    });
    return row;
  }

  /** The table of a chart, as the chart is filtered. */
  function fillDays(table, lines, filter, isFiltered) {
    if (!isFiltered) {
      table.innerHTML = originals.get(table);
      return;
    }
    const amount = (number) => ({ text: costs.plain(number), raw: String(Number(number.toFixed(6))), number: true });
    const body = document.createElement("tbody");
    for (let day = costs.data.days.length - 1; day >= 0; day -= 1) {
      const total = lines.reduce((sum, line) => sum + line.days[day], 0);
      const text = costs.data.days[day];
      body.append(cells([{ text, raw: text }, ...lines.map((line) => amount(line.days[day])), amount(total)]));
    }
    const names = [{ text: "day", raw: "day" }, ...lines.map((line) => ({ text: line.name, raw: line.name, number: true })), { text: "total", raw: "(total)", number: true }];
    const foot = document.createElement("tfoot");
    const sums = lines.map((line) => line.days.reduce((sum, cost) => sum + cost, 0));
    foot.append(cells([{ text: "Total", raw: "Total" }, ...sums.map(amount), amount(sums.reduce((sum, cost) => sum + cost, 0))]));
    table.tHead.replaceChildren(cells(names, true));
    for (const old of [...table.tBodies, table.tFoot]) old?.remove();
    table.append(body, foot);
  }

  function apply(filter, isFiltered) {
    for (const { figure, lines } of charts.figures) fillDays(figure.querySelector("table"), lines, filter, isFiltered);
    for (const table of all.filter((one) => !ofDays(one))) filterRows(table, filter);
  }

  for (const button of document.querySelectorAll("button.csv")) {
    button.hidden = false;
    button.addEventListener("click", () => download(button.dataset.table));
  }
  for (const button of document.querySelectorAll("button.all")) {
    button.hidden = false;
    expand(button, false);
    button.addEventListener("click", () => expand(button, button.getAttribute("aria-expanded") !== "true"));
  }

  return { apply, csv };
})();
