// SPDX-License-Identifier: Apache-2.0
// Opens report pages in a headless browser and says what is wrong with them: errors in the console, anything fetched, plots that were not drawn,
// marks that overflow the page on a phone, text that cannot be read on its ground, elements or dialogs that a name brought into a tooltip. Usage: node look.js BROWSER PAGE [SCREENSHOT_PREFIX]
"use strict";
const {chromium} = require("playwright-core");

const [executablePath, page, prefix] = process.argv.slice(2);
const problems = [];

/// Contrast of two colours as WCAG 2.1 defines it.
const contrast = (a, b) => {
  const luminance = (rgb) => {
    const [r, g, l] = rgb.map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * l;
  };
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
};

async function look(browser, name, options) {
  const tab = await browser.newPage(options);
  tab.setDefaultTimeout(30000);
  const complain = (what) => problems.push(`${name}: ${what}`);
  tab.on("console", (m) => { if (m.type() === "error" || m.type() === "warning") complain(`console: ${m.text()}`); });
  tab.on("pageerror", (e) => complain(`error: ${e.message}`));
  tab.on("request", (r) => { if (!/^(file|data):/.test(r.url())) complain(`fetches ${r.url()}`); });
  tab.on("dialog", (d) => { complain(`dialog: ${d.message()}`); d.dismiss(); });
  await tab.goto("file://" + page);
  await tab.waitForFunction(() => document.documentElement.dataset.plots !== undefined).catch(() => complain("the plots are not finished"));
  const found = await tab.evaluate(() => {
    const rgb = (text) => (text.match(/[\d.]+/g) || []).slice(0, 3).map(Number);
    const charts = [...document.querySelectorAll(".chart")];
    const ground = getComputedStyle(document.querySelector("figure")).backgroundColor;
    return {
      figures: document.querySelectorAll("figure").length,
      titles: charts.map((c) => c.getAttribute("aria-label")),
      // What a plot draws besides its frame, axes and words.
      marks: charts.map((c) => c.querySelectorAll("svg path[fill]:not([fill='none']):not([fill='transparent']), svg path[stroke-width='2']").length),
      texts: charts.map((c) => [...c.querySelectorAll("svg text")].map((t) => rgb(getComputedStyle(t).fill))),
      ground: rgb(ground), ink: rgb(getComputedStyle(document.body).color),
      width: document.documentElement.scrollWidth, window: innerWidth,
      headline: document.querySelectorAll(".card b").length,
      rows: document.querySelectorAll("section table tbody tr").length,
    };
  });
  if (found.figures === 0) complain("no figure");
  if (found.headline === 0) complain("no headline figure");
  if (found.rows === 0) complain("no assumption");
  found.titles.forEach((title, i) => {
    if (found.marks[i] === 0) complain(`${title}: nothing is drawn`);
    if (found.texts[i].length === 0) complain(`${title}: no text`);
    const worst = Math.min(...found.texts[i].map((c) => contrast(c, found.ground)));
    if (worst < 3) complain(`${title}: text with a contrast of ${worst.toFixed(1)}`);
  });
  if (contrast(found.ink, found.ground) < 7) complain("the text can hardly be read");
  if (found.width > found.window) complain(`${found.width} pixels wide in a window of ${found.window}`);
  const tips = await tab.evaluate(() => [...document.querySelectorAll(".chart")].map((chart) => {
    const plot = echarts.getInstanceByDom(chart);
    let shown = 0, elements = 0;
    plot.getOption().series.forEach((series, seriesIndex) => (series.data || []).slice(0, 20).forEach((_, dataIndex) => {
      plot.dispatchAction({type: "showTip", seriesIndex, dataIndex});
      shown += [...chart.children].some((c) => c.tagName === "DIV" && c.innerText.trim() !== "" && !c.querySelector("svg"));
      elements += chart.querySelectorAll("img, script, iframe").length;
    }));
    return {title: chart.getAttribute("aria-label"), shown, elements};
  }));
  await tab.waitForTimeout(100);
  if (tips.every((t) => t.shown === 0)) complain("no tooltip is shown");
  for (const t of tips) if (t.elements > 0) complain(`${t.title}: a name became an element of a tooltip`);
  if (prefix) await tab.screenshot({path: `${prefix}${name}.png`, fullPage: true});
  await tab.close();
  return found.figures;
}

(async () => {
  const browser = await chromium.launch({executablePath, args: ["--no-sandbox"]});
  const desk = {width: 1280, height: 900};
  let figures = 0;
  for (const [name, options] of [
    ["light", {viewport: desk, colorScheme: "light"}],
    ["dark", {viewport: desk, colorScheme: "dark"}],
    ["phone", {viewport: {width: 390, height: 844}, colorScheme: "light"}],
  ]) figures = await look(browser, name, options);
  await browser.close();
  for (const p of problems) console.error(p);
  console.log(`${figures} figures, ${problems.length} problems`);
  process.exit(problems.length ? 1 : 0);
})().catch((e) => { console.error(e.message); process.exit(1); });
