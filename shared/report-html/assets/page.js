/* The page: filters with their state in the URL's fragment, headline, colours and print. */
(() => {
  const form = document.getElementById("filters");
  const DIMENSIONS = ["cluster", "namespace", "team"];
  const filter = { currency: 0, cluster: null, namespace: null, team: null };
  const headlines = new Map([...document.querySelectorAll(".card")].map((card) => [card, card.innerHTML]));
  const select = (name) => form.elements.namedItem(name);

  function option(value, text) {
    const one = document.createElement("option");
    one.value = value;
    one.textContent = text;
    return one;
  }

  for (const dimension of DIMENSIONS) {
    const names = costs.present(dimension).map((index) => ({ index, text: costs.shown(dimension, index) }));
    const isOther = ({ index }) => index === costs.other(dimension);
    names.sort((one, two) => isOther(one) - isOther(two) || one.text.localeCompare(two.text));
    select(dimension)?.append(...names.map(({ index, text }) => option(costs.NAMES[dimension][index], text)));
    // Nothing to choose from.
    if (names.length < 2 && select(dimension)) select(dimension).closest("label").hidden = true;
  }
  select("currency")?.append(...costs.data.currencies.map((currency) => option(currency, currency)));

  /** The filter of the fragment, such as #cluster=…&namespace=…; names that the report lacks are ignored. */
  function read() {
    const words = new URLSearchParams(location.hash.slice(1));
    for (const dimension of DIMENSIONS) {
      const index = words.has(dimension) ? costs.NAMES[dimension].indexOf(words.get(dimension)) : -1;
      filter[dimension] = index < 0 || !select(dimension) ? null : index;
    }
    filter.currency = Math.max(0, costs.data.currencies.indexOf(words.get("currency")));
  }

  function write() {
    const words = new URLSearchParams();
    if (filter.currency > 0) words.set("currency", costs.data.currencies[filter.currency]);
    for (const dimension of DIMENSIONS) if (filter[dimension] !== null) words.set(dimension, costs.NAMES[dimension][filter[dimension]]);
    const text = words.toString();
    history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
  }

  function set(cards, id, number, text, note) {
    const card = cards.querySelector(`[data-card="${id}"]`);
    const value = card.querySelector("data");
    value.value = number === null ? "" : String(Number(number.toFixed(6)));
    value.textContent = number === null ? "–" : text;
    if (note !== undefined) card.querySelector(".note").textContent = note;
  }

  function fillHeadline(isFiltered) {
    for (const [card, html] of headlines) card.innerHTML = html;
    const currency = costs.data.currencies[filter.currency];
    for (const cards of document.querySelectorAll(".cards")) {
      cards.hidden = cards.dataset.currency !== currency;
      if (cards.hidden || !isFiltered) continue;
      const found = costs.headline(filter);
      const money = (amount) => costs.money(amount ?? 0, currency);
      const { trend } = found;
      set(cards, "total", found.total, money(found.total), trend === null ? "" : costs.change(trend));
      set(cards, "month", found.month, money(found.month), `${found.monthDays} of ${found.daysInMonth} days`);
      set(cards, "forecast", found.forecast, money(found.forecast), found.rate === null ? "" : `at ${money(found.rate)} a day`);
      set(cards, "last", found.last, money(found.last), found.last === null ? "no earlier month" : `${found.lastDays} day${found.lastDays === 1 ? "" : "s"}`);
      const idle = costs.ratio(costs.data.idle, filter, false);
      set(cards, "idle", idle && idle[1] / idle[0], idle && costs.percent(idle[1] / idle[0]), idle ? `${money(idle[1])} of node costs` : "known by cluster alone");
      const used = costs.ratio(costs.data.efficiency, filter, true);
      const share = used && 1 - used[1] / used[0];
      set(cards, "efficiency", share, used && costs.percent(share), used ? `${money(used[1])} not used` : "not known of this choice");
    }
  }

  function apply() {
    const chosen = DIMENSIONS.filter((dimension) => filter[dimension] !== null);
    const isFiltered = chosen.length > 0;
    fillHeadline(isFiltered);
    charts.draw(filter);
    tables.apply(filter, isFiltered || costs.data.currencies.length > 1);
    for (const dimension of DIMENSIONS) {
      const box = select(dimension);
      if (box) box.selectedIndex = filter[dimension] === null ? 0 : [...box.options].findIndex((one, at) => at > 0 && one.value === costs.NAMES[dimension][filter[dimension]]);
    }
    if (select("currency")) select("currency").selectedIndex = filter.currency;
    form.querySelector("[type=reset]").hidden = !isFiltered;
    document.getElementById("filtered").textContent = isFiltered ? `Only ${chosen.map((dimension) => costs.shown(dimension, filter[dimension])).join(", ")}` : "";
  }

  form.addEventListener("change", () => {
    for (const dimension of DIMENSIONS) {
      const box = select(dimension);
      filter[dimension] = !box || box.selectedIndex === 0 ? null : costs.NAMES[dimension].indexOf(box.value);
    }
    filter.currency = Math.max(0, select("currency")?.selectedIndex ?? 0);
    write();
    apply();
  });
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    for (const dimension of DIMENSIONS) filter[dimension] = null;
    write();
    apply();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", () => { read(); apply(); });

  // Links to sections leave the filter in the fragment.
  for (const link of document.querySelectorAll('a[href^="#"]')) {
    link.addEventListener("click", (event) => {
      const target = document.querySelector(link.getAttribute("href"));
      if (!target) return;
      event.preventDefault();
      target.scrollIntoView();
      target.focus({ preventScroll: true });
    });
  }

  const redraw = () => charts.draw(filter);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  addEventListener("resize", charts.resize);
  matchMedia("print").addEventListener("change", () => { redraw(); charts.resize(); });

  form.hidden = [...form.querySelectorAll("label")].every((label) => label.hidden);
  read();
  apply();
})();
