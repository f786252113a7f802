// SPDX-License-Identifier: Apache-2.0
// Draws the figures of a report from the JSON beside it. Every plot has its numbers in a table below.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const page = document.getElementById("page");
  const charts = [];  // [element, function that gives the options for the colours of now]

  const element = (tag, attributes = {}, ...children) => {
    const e = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
    e.append(...children);
    return e;
  };
  const worth = (of) => (of.recalled ? `${of.tag}, recalled` : of.tag);
  const tag = (text) => element("span", {class: "tag"}, text);
  /// Tooltips are HTML: what a name says is text in them.
  const text = echarts.format.encodeHTML;
  const number = (value, digits = 3) => {
    if (typeof value !== "number") return value ?? "";
    if (value !== 0 && Math.abs(value) < 1000 && !Number.isInteger(value))
      return String(Number(value.toPrecision(digits)));
    return Math.round(value).toLocaleString("en");
  };
  const table = (head, rows) => {
    const numeric = head.map((_, i) => rows.some((r) => typeof r[i] === "number"));
    const cell = (kind, value, i) =>
      element(kind, numeric[i] ? {class: "number"} : {}, number(value, 4));
    return element("div", {class: "scroll"}, element("table", {},
      element("thead", {}, element("tr", {}, ...head.map((h, i) => cell("th", h, i)))),
      element("tbody", {}, ...rows.map((r) => element("tr", {}, ...r.map((v, i) => cell("td", v, i)))))));
  };

  const colours = () => {
    const style = getComputedStyle(document.documentElement);
    const get = (name) => style.getPropertyValue(name).trim();
    return {ink: get("--ink"), soft: get("--soft"), line: get("--line"), panel: get("--panel"),
            series: [0, 1, 2, 3, 4, 5, 6].map((i) => get(`--c${i}`))};
  };
  const base = (c) => ({
    animation: false, color: c.series, textStyle: {color: c.ink, fontFamily: "system-ui, sans-serif"},
    grid: {left: 10, right: 24, top: 36, bottom: 28, containLabel: true},
    legend: {top: 0, type: "scroll", textStyle: {color: c.ink}, inactiveColor: c.line, pageTextStyle: {color: c.ink}},
    tooltip: {backgroundColor: c.panel, borderColor: c.line, textStyle: {color: c.ink}, confine: true},
  });
  const axis = (c, more) => ({
    axisLine: {lineStyle: {color: c.line}}, axisLabel: {color: c.soft, hideOverlap: true},
    splitLine: {lineStyle: {color: c.line}}, nameTextStyle: {color: c.soft}, nameLocation: "middle", nameGap: 26, ...more,
  });

  const figure = (plots, title, note, options, head, rows, wide) => {
    const chart = element("div", {class: "chart", role: "img", "aria-label": title});
    const f = element("figure", wide ? {class: "wide"} : {}, element("h2", {}, title), element("p", {}, note), chart);
    if (rows) f.append(element("details", {}, element("summary", {}, "The numbers"), table(head, rows)));
    plots.append(f);
    charts.push([chart, options]);
  };
  /// Horizontal bars, one for each row, made of parts.
  const bars = (c, names, parts, unit) => ({
    ...base(c), tooltip: {...base(c).tooltip, trigger: "axis", axisPointer: {type: "shadow"}, valueFormatter: (v) => `${number(v)} ${unit}`},
    xAxis: axis(c, {type: "value", name: unit}),
    yAxis: axis(c, {type: "category", data: names, inverse: true, axisLabel: {color: c.ink}}),
    series: parts.map(([name, values]) => ({name, type: "bar", stack: "all", data: values, barMaxWidth: 26})),
  });

  const draw = {
    operations: (plots, d) => figure(plots, "Cycles by operation", d.note,
      (c) => bars(c, d.rows.map((r) => r.name), [["matrix beats", d.rows.map((r) => r.beats)], ["other cycles", d.rows.map((r) => r.cycles - r.beats)]], "cycles"),
      ["operation", "cycles", "matrix beats"], d.rows.map((r) => [r.name, r.cycles, r.beats])),
    cycles: (plots, d) => figure(plots, "Where the cycles of a token go", d.note,
      (c) => bars(c, ["a token"], d.rows.map((r) => [r.name, [r.cycles]]), "cycles"),
      ["cause", "cycles", "share in %"], d.rows.map((r) => [r.name, r.cycles, r.share])),
    units: (plots, d) => figure(plots, "Busy units", d.note,
      (c) => ({...bars(c, d.rows.map((r) => r.name), [["busy", d.rows.map((r) => r.share)]], "% of the cycles"), legend: undefined}),
      ["unit", "% of the cycles"], d.rows.map((r) => [r.name, r.share])),
    energy: (plots, d) => figure(plots, "Energy of a token by unit", d.note,
      (c) => bars(c, d.rows.map((r) => r.name), d.parts.map((part) => [part, d.rows.map((r) => r.part === part ? r.millijoules : 0)]), "mJ"),
      ["unit", "part", "mJ", "tag", "how"], d.rows.map((r) => [r.name, r.part, r.millijoules, worth(r), r.how])),
    energy_operations: (plots, d) => figure(plots, "Energy of a token by operation", d.note,
      (c) => ({...bars(c, d.rows.map((r) => r.name), [["energy", d.rows.map((r) => r.millijoules)]], "mJ"), legend: undefined}),
      ["operation", "mJ"], d.rows.map((r) => [r.name, r.millijoules])),
    traffic: (plots, d) => figure(plots, "Traffic of a token", d.note,
      (c) => ({...bars(c, d.rows.map((r) => r.name), [["bytes", d.rows.map((r) => r.megabytes)]], "MB"), legend: undefined}),
      ["what", "MB"], d.rows.map((r) => [r.name, r.megabytes])),
    roofline: (plots, d) => figure(plots, "Roofline", d.note, (c) => ({
      ...base(c), tooltip: {...base(c).tooltip, formatter: (p) => `${text(p.seriesName)}<br>${number(p.value[0])} trit-MAC a byte<br>${number(p.value[1])} G trit-MAC/s`},
      xAxis: axis(c, {type: "log", name: "trit-MACs for a byte of traffic", min: d.from, max: d.to}),
      legend: {...base(c).legend, type: "plain"},
      grid: {...base(c).grid, left: 30, top: 64, bottom: 32},
      yAxis: axis(c, {type: "log", name: "G trit-MAC/s", nameGap: 52}),
      series: [
        ...d.roofs.map((r) => ({name: r.name, type: "line", data: r.line, symbol: "none", lineStyle: {width: 2}})),
        ...d.points.map((p) => ({name: p.name, type: "scatter", data: [[p.intensity, p.gmacs]], symbolSize: 12})),
      ]}), ["point", "trit-MACs a byte", "G trit-MAC/s"], d.points.map((p) => [p.name, p.intensity, p.gmacs])),
    context: (plots, d) => figure(plots, "Speed and energy over the context", d.note, (c) => ({
      ...base(c), tooltip: {...base(c).tooltip, trigger: "axis", valueFormatter: (v) => number(v)},
      grid: {...base(c).grid, left: 24, right: 40},
      xAxis: axis(c, {type: "value", name: "tokens before", max: "dataMax"}),
      yAxis: [axis(c, {type: "value", name: "tokens/s", nameGap: 40, min: 0}),
              axis(c, {type: "value", name: "mJ a token", nameGap: 46, min: 0, splitLine: {show: false}})],
      series: [
        {name: "tokens/s", type: "line", data: d.rows.map((r) => [r.context, r.tokens_per_second])},
        {name: "mJ a token", type: "line", yAxisIndex: 1, data: d.rows.map((r) => [r.context, r.millijoules])},
      ]}), ["tokens before", "tokens/s", "mJ a token", "cycles"],
      d.rows.map((r) => [r.context, r.tokens_per_second, r.millijoules, r.cycles])),
    peers: (plots, d) => figure(plots, "Peers at equal memory", d.note,
      (c) => {
        const rows = d.rows.filter((r) => r.share !== null);
        return {...bars(c, rows.map((r) => r.name), [], "% of the memory limit"),
          series: [["the peer", "share"], ["this machine on the same memory", "ours"]].map(([name, key]) => ({name, type: "bar", data: rows.map((r) => r[key]), barMaxWidth: 18}))};
      },
      ["peer", "what", "memory in GB/s", "peer, tokens/s", "share in %", "tag", "J a token", "this machine, tokens/s", "share in %", "source"],
      d.rows.map((r) => [r.name, r.what, r.gb_per_second, r.tokens_per_second, r.share ?? "not published", r.tag, r.joules_per_token, r.ours_tokens_per_second, r.ours, r.source]), true),
    timeline: (plots, d) => figure(plots, "Timeline", d.note, (c) => ({
      ...base(c), legend: undefined,
      tooltip: {...base(c).tooltip, formatter: (p) => `${text(p.value[3])}<br>cycles ${number(p.value[1])} to ${number(p.value[2])}`},
      dataZoom: [{type: "inside", filterMode: "weakFilter"}, {type: "slider", filterMode: "weakFilter", height: 18, bottom: 4, textStyle: {color: c.soft}}],
      grid: {...base(c).grid, top: 8, bottom: 60},
      xAxis: axis(c, {type: "value", name: "cycles", min: 0, max: d.cycles}),
      yAxis: axis(c, {type: "category", data: d.units, inverse: true, axisLabel: {color: c.ink}}),
      series: [{type: "custom", encode: {x: [1, 2], y: 0}, data: d.spans,
        renderItem: (params, api) => {
          const from = api.coord([api.value(1), api.value(0)]), to = api.coord([api.value(2), api.value(0)]);
          const height = api.size([0, 1])[1] * 0.6;
          const box = echarts.graphic.clipRectByRect(
            {x: from[0], y: from[1] - height / 2, width: Math.max(to[0] - from[0], 1), height},
            {x: params.coordSys.x, y: params.coordSys.y, width: params.coordSys.width, height: params.coordSys.height});
          return box && {type: "rect", shape: box, style: {fill: c.series[api.value(0) % c.series.length]}};
        }}]}), null, null, true),
    pareto: (plots, d) => figure(plots, "Speed against energy", d.note, (c) => ({
      ...base(c), tooltip: {...base(c).tooltip, formatter: (p) => `${text(p.value[2])}<br>${number(p.value[0])} tokens/s<br>${number(p.value[1])} mJ a token`},
      xAxis: axis(c, {type: "value", name: "tokens/s", scale: true}),
      grid: {...base(c).grid, left: 30, bottom: 32},
      yAxis: axis(c, {type: "value", name: "mJ a token", nameGap: 52, scale: true}),
      series: [
        {name: "points", type: "scatter", data: d.points.filter((p) => !p.best).map((p) => [p.tokens_per_second, p.millijoules, p.name]), symbolSize: 7},
        {name: "Pareto front", type: "line", data: d.points.filter((p) => p.best).map((p) => [p.tokens_per_second, p.millijoules, p.name]), symbolSize: 9},
      ]}), ["point", "tokens/s", "mJ a token", "on the front"],
      d.points.map((p) => [p.name, p.tokens_per_second, p.millijoules, p.best ? "yes" : ""]), true),
  };

  document.title = data.title;
  page.append(element("h1", {}, data.title), element("p", {}, data.subtitle));
  for (const warning of data.warnings ?? []) page.append(element("p", {class: "warning", role: "alert"}, warning));
  page.append(element("div", {class: "cards"}, ...data.headline.map((h) =>
    element("div", {class: "card"}, element("b", {}, h.value), element("span", {}, `${h.label} `), tag(worth(h))))));
  const plots = element("div", {class: "plots"});
  page.append(plots);
  for (const d of data.figures) draw[d.kind](plots, d);
  if (data.failures?.length)
    page.append(element("section", {}, element("h2", {}, "What cannot run"),
      table(["points", "reason", "the first of them"], data.failures.map((f) => [f.points, f.reason, f.first]))));
  page.append(element("section", {}, element("h2", {}, "What is assumed"),
    element("p", {}, "measured: by a command of this project on the RTL, the netlist or its models. published: by the cited source. derived: computed from measured or published figures by a stated rule. " +
      "projected: taken over from another node, product or design, or an estimate. recalled: the source is cited from memory and was not looked at again, or the figure hangs on such a one."),
    table(["what", "value", "tag", "source"], data.assumptions.map((a) => [a.what, a.value, worth(a), a.source]))));
  page.append(element("section", {}, element("h2", {}, "To reproduce"), element("p", {}, element("code", {}, data.reproduce)),
    ...(data.plan ? [element("p", {}, "with this as plan.yaml:"), element("pre", {}, data.plan)] : []),
    element("p", {}, `tern ${data.made.version}, commit ${data.made.commit}, ${data.made.date}`)));

  const instances = charts.map(([e]) => echarts.init(e, null, {renderer: "svg"}));
  const paint = () => {
    const c = colours();
    instances.forEach((chart, i) => chart.setOption(charts[i][1](c), true));
  };
  paint();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  const observer = new ResizeObserver(() => instances.forEach((chart) => chart.resize()));
  observer.observe(page);
  document.documentElement.dataset.plots = String(instances.length);
})();
