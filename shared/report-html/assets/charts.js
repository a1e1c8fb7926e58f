/* The charts: bars of each day, stacked by a dimension. */
const charts = (() => {
  const STACKED = 8;
  const figures = [...document.querySelectorAll("figure[data-dimension]")].map((figure) => ({
    figure,
    dimension: figure.dataset.dimension,
    place: figure.querySelector(".chart"),
    chart: null,
  }));

  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  /** The names that are stacked, the most expensive of the whole report first; then what has no name, all others, and idle costs. */
  function stacked(filter, dimension) {
    const sums = costs.byDay(filter, dimension);
    const total = (days) => days.reduce((sum, cost) => sum + Math.abs(cost), 0);
    const last = costs.other(dimension);
    const unnamed = costs.NAMES[dimension].indexOf("");
    const names = [...sums.keys()].filter((name) => name !== last && name !== unnamed && name !== "idle");
    names.sort((one, two) => total(sums.get(two)) - total(sums.get(one)));
    const rest = [...names.slice(STACKED), ...(sums.has(last) ? [last] : [])];
    const lines = names.slice(0, STACKED).sort((one, two) => one - two)
      .map((name) => ({ name: costs.shown(dimension, name), rank: costs.rank(dimension, name), days: sums.get(name) }));
    if (sums.has(unnamed)) lines.push({ name: costs.shown(dimension, unnamed), colour: "--none", days: sums.get(unnamed) });
    if (rest.length) {
      const days = new Array(costs.data.days.length).fill(0);
      for (const name of rest) sums.get(name).forEach((cost, day) => { days[day] += cost; });
      lines.push({ name: "other", colour: "--other", days });
    }
    if (sums.has("idle")) lines.push({ name: "idle", colour: "--idle", days: sums.get("idle") });
    return lines;
  }

  /** All days from the first to the last, also those that the lake lacks. */
  function axis() {
    const { moments, DAY, data } = costs;
    const days = [];
    for (let moment = moments[0]; moment <= moments[moments.length - 1]; moment += DAY) days.push(new Date(moment).toISOString().slice(0, 10));
    const known = new Map(data.days.map((day, index) => [day, index]));
    return days.map((day) => ({ day, index: known.get(day) }));
  }

  const short = (day) => new Date(`${day}T00:00:00Z`).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });

  function tooltip(currency) {
    return (points) => {
      const day = points[0].axisValue;
      const bars = points.filter((point) => point.value !== "-" && point.value !== 0);
      if (!bars.length) return `${short(day)}\nno costs`;
      const total = bars.reduce((sum, point) => sum + point.value, 0);
      const lines = bars.sort((one, two) => two.value - one.value).map((point) => {
        const name = point.seriesName.length > 32 ? `${point.seriesName.slice(0, 31)}…` : point.seriesName;
        return `${point.marker} ${name}  {amount|${costs.money(point.value, currency)}}`;
      });
      return [`{head|${short(day)}}  {amount|${costs.money(total, currency)}}`, ...lines].join("\n");
    };
  }

  function option(lines, currency) {
    const colours = style("--series").split(",").map((colour) => colour.trim());
    const [text, quiet, line, ground, raised] = ["--text", "--quiet", "--line", "--ground", "--raised"].map(style);
    const days = axis();
    const font = getComputedStyle(document.body).fontFamily;
    const used = new Set();
    // A name keeps its colour under any filter, as long as no other one has it.
    const colour = (one) => {
      if (one.colour) return style(one.colour);
      let at = one.rank % colours.length;
      while (used.has(at)) at = (at + 1) % colours.length;
      used.add(at);
      return colours[at];
    };
    return {
      animation: false,
      textStyle: { fontFamily: font, color: text },
      grid: { left: 8, right: 8, top: 16, bottom: 34, containLabel: true },
      legend: {
        bottom: 0, left: 0, type: "scroll", icon: "roundRect", itemWidth: 10, itemHeight: 10, itemGap: 16, pageIconSize: 10,
        pageTextStyle: { color: quiet }, pageIconColor: quiet, pageIconInactiveColor: line,
        textStyle: { color: quiet, fontSize: 12, width: 180, overflow: "truncate" },
      },
      tooltip: {
        trigger: "axis", renderMode: "richText", confine: true, axisPointer: { type: "shadow", shadowStyle: { color: quiet, opacity: 0.12 } },
        backgroundColor: raised, borderColor: line, padding: 10,
        textStyle: {
          color: text, fontFamily: font, fontSize: 12, lineHeight: 19,
          rich: { amount: { color: text, fontWeight: 600, fontFamily: font, fontSize: 12 }, head: { color: quiet, fontFamily: font, fontSize: 12 } },
        },
        formatter: tooltip(currency),
      },
      xAxis: {
        type: "category", data: days.map((one) => one.day),
        axisLabel: { color: quiet, formatter: short, hideOverlap: true }, axisLine: { lineStyle: { color: line } }, axisTick: { show: false },
      },
      yAxis: {
        type: "value", splitNumber: 4, axisLabel: { color: quiet, formatter: (amount) => costs.round(amount, currency) },
        splitLine: { lineStyle: { color: line } },
      },
      series: lines.map((one) => ({
        name: one.name, type: "bar", stack: "costs", barCategoryGap: "22%", color: colour(one), emphasis: { disabled: true },
        itemStyle: { borderColor: ground, borderWidth: days.length > 90 ? 0 : 0.5 },
        data: days.map(({ index }) => (index === undefined ? "-" : one.days[index])),
      })),
    };
  }

  /** Draws all charts, in the colours that the page has now. */
  function draw(filter) {
    const currency = costs.data.currencies[filter.currency];
    for (const one of figures) {
      const lines = stacked(filter, one.dimension);
      one.lines = lines;
      one.place.hidden = false;
      one.place.setAttribute("role", "img");
      one.place.setAttribute("aria-label", `${one.figure.querySelector("h3").textContent}: bars of ${costs.data.days.length} days. The table below has the same.`);
      one.chart ??= echarts.init(one.place, null, { renderer: "canvas" });
      one.chart.setOption(option(lines, currency), { notMerge: true });
    }
  }

  function resize() {
    for (const one of figures) one.chart?.resize();
  }

  return { figures, draw, resize };
})();
