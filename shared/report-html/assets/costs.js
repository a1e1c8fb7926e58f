/* The costs of the page's data, and sums of them under a filter. */
const costs = (() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const clusterNames = JSON.parse(document.getElementById("names").textContent);
  const DAY = 86400000;
  const WEEK = 7;
  const moments = data.days.map((day) => Date.parse(`${day}T00:00:00Z`));
  const newest = moments[moments.length - 1];
  // The place of each dimension in a row of the data.
  const PLACES = { cluster: 1, namespace: 3, team: 4 };
  const NAMES = { cluster: data.clusters, namespace: data.namespaces, team: data.teams };

  const other = (dimension) => NAMES[dimension].length - 1;

  /** A name as people read it. */
  function shown(dimension, index) {
    const name = NAMES[dimension][index];
    if (index === other(dimension)) return "other";
    if (dimension === "cluster") return clusterNames[name] ?? name;
    return name === "" ? `(no ${dimension})` : name;
  }

  /** The place of a name by its costs in the whole report; what has no name does not count. */
  const rank = (dimension, index) => NAMES[dimension].slice(0, index).filter((name) => name !== "").length;

  /** The names of a dimension that have costs, by their index. */
  function present(dimension) {
    const found = new Set(data.series.map((row) => row[PLACES[dimension]]));
    return [...found].sort((one, two) => one - two);
  }

  function matches(row, filter) {
    return row[0] === filter.currency
      && Object.entries(PLACES).every(([dimension, place]) => filter[dimension] === null || row[place] === filter[dimension]);
  }

  const idleKind = data.kinds.indexOf("idle");

  /** The costs of each day by the names of a dimension. Idle costs are apart: they have no namespace and no team. */
  function byDay(filter, dimension) {
    const sums = new Map();
    for (const row of data.series) {
      if (!matches(row, filter)) continue;
      const name = row[2] === idleKind && dimension !== "cluster" ? "idle" : row[PLACES[dimension]];
      if (!sums.has(name)) sums.set(name, new Array(data.days.length).fill(0));
      const days = sums.get(name);
      row[6].forEach((cost, index) => { days[row[5] + index] += cost; });
    }
    return sums;
  }

  /** Which days the filter's clusters have costs of. */
  function daysPresent(filter) {
    const has = new Array(data.days.length).fill(false);
    for (const [currency, cluster, absent] of data.absent) {
      if (currency !== filter.currency || (filter.cluster !== null && cluster !== filter.cluster)) continue;
      const missing = new Set(absent);
      has.forEach((known, day) => { has[day] = known || !missing.has(day); });
    }
    return has;
  }

  /** Costs per day of the newest week and of the week before it, of the clusters that have days in both. */
  function weeks(filter) {
    const weekOf = moments.map((moment) => Math.floor((newest - moment) / DAY / WEEK));
    const rates = [0, 0];
    for (const [cluster, days] of byDay(filter, "cluster")) {
      const has = daysPresent({ ...filter, cluster });
      const counts = [0, 1].map((week) => has.filter((known, day) => known && weekOf[day] === week).length);
      if (!counts[0] || !counts[1]) continue;
      days.forEach((cost, day) => { if (weekOf[day] < 2) rates[weekOf[day]] += cost / counts[weekOf[day]]; });
    }
    return rates;
  }

  const month = (moment) => new Date(moment).toISOString().slice(0, 7);

  /** The headline's costs: as the questions cost_by_month, forecast and top_movers compute them. */
  function headline(filter) {
    const days = new Array(data.days.length).fill(0);
    for (const costs of byDay(filter, "namespace").values()) costs.forEach((cost, day) => { days[day] += cost; });
    const has = daysPresent(filter);
    const sum = (wanted) => days.reduce((total, cost, day) => (wanted(moments[day]) ? total + cost : total), 0);
    const count = (wanted) => has.filter((known, day) => known && wanted(moments[day])).length;
    const all = () => true;
    const week = (moment) => moment > newest - WEEK * DAY;
    const thisMonth = (moment) => month(moment) === month(newest);
    const months = [...new Set(moments.filter((moment, day) => has[day] && !thisMonth(moment)).map(month))].sort();
    const lastMonth = months[months.length - 1];
    const inLast = (moment) => month(moment) === lastMonth;
    const rate = count(week) ? sum(week) / count(week) : null;
    const [thisWeek, weekBefore] = weeks(filter);
    const date = new Date(newest);
    const daysInMonth = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
    return {
      total: sum(all),
      trend: weekBefore > 0 ? thisWeek / weekBefore - 1 : null,
      month: sum(thisMonth),
      monthDays: count(thisMonth),
      daysInMonth,
      rate,
      forecast: rate === null ? null : sum(thisMonth) + rate * (daysInMonth - count(thisMonth)),
      last: lastMonth ? sum(inLast) : null,
      lastDays: count(inLast),
    };
  }

  /** The sums of [whole, part] of the filter's clusters and namespaces; null where they are not known by the filter's names. */
  function ratio(rows, filter, byNamespace) {
    if (filter.team !== null || (filter.namespace !== null && !byNamespace)) return null;
    const sums = [0, 0];
    for (const [currency, cluster, namespace, whole, part] of rows) {
      if (currency !== filter.currency || (filter.cluster !== null && cluster !== filter.cluster)) continue;
      if (byNamespace && filter.namespace !== null && namespace !== filter.namespace) continue;
      sums[0] += whole;
      sums[1] += part;
    }
    return sums[0] > 0 ? sums : null;
  }

  const digits = { minimumFractionDigits: 2, maximumFractionDigits: 2 };
  function money(amount, currency) {
    let text;
    try {
      text = new Intl.NumberFormat("en-US", { style: "currency", currency, currencyDisplay: "narrowSymbol", ...digits }).format(amount);
    } catch {
      text = `${currency} ${amount.toLocaleString("en-US", digits)}`;
    }
    return text.replace(/^-/, /[1-9]/.test(text) ? "−" : "");
  }
  const plain = (amount) => amount.toLocaleString("en-US", digits).replace(/^-(0\.00)$/, "$1").replace("-", "−");
  /** An amount on an axis: whole, unless it is small. */
  const round = (amount, currency) => (Math.abs(amount) >= 10 || amount === 0 ? money(amount, currency).replace(/\.\d\d$/, "") : money(amount, currency));
  const percent = (share) => `${(share * 100).toLocaleString("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 })}\u00a0%`;
  /** How the newest week compares with the one before it. */
  function change(share) {
    const text = percent(Math.abs(share));
    const arrow = share < 0 ? "▼ " : "▲ ";
    return `${/[1-9]/.test(text) ? arrow : ""}${text} week on week`;
  }

  return { data, NAMES, moments, DAY, other, rank, shown, present, byDay, headline, ratio, money, round, plain, percent, change };
})();
