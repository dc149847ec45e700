// The last ten seconds as plots, by the plotly.js of the installed package.

const SECONDS = 10, EVERY_MS = 60;
const SWITCHES = ["left toe", "left heel", "right toe", "right heel"];

export class Plots {
  constructor() {
    this.ticks = []; // of the last ten seconds
    this.late = [];
    this.joint = 0;
    this.drawn = 0;
    this.plots = { "plot-joint": this.angles, "plot-tilt": this.tilt, "plot-feet": this.feet, "plot-late": this.lateness };
    this.stale = new Set(); // to be drawn
    this.seen = new Set(); // in the window
    const watch = new IntersectionObserver((all) => all.forEach((one) => this.seen[one.isIntersecting ? "add" : "delete"](one.target.id)));
    for (const id of Object.keys(this.plots)) watch.observe(document.getElementById(id));
    setInterval(() => this.draw(), EVERY_MS);
  }

  add(tick) {
    const [w, x, y, z] = tick.quat_wxyz.map((part) => part ?? NaN);
    const last = this.ticks.at(-1);
    if (last && (tick.tick < last.tick || tick.stamp_s < last.at)) this.ticks = []; // another robotd
    this.ticks.push({
      tick: tick.tick, at: tick.stamp_s, target: tick.target_rad, measured: tick.joint_pos_rad, age: tick.joint_age_s,
      roll: degrees(Math.atan2(2 * (w * x + y * z), 1 - 2 * (x * x + y * y))),
      pitch: degrees(Math.asin(Math.min(1, Math.max(-1, 2 * (w * y - z * x))))),
      feet: tick.foot_switches,
    });
    while (tick.stamp_s - this.ticks[0].at > SECONDS) this.ticks.shift();
    this.refresh();
  }

  histogram(bins) { this.late = bins; }

  choose(joint) { this.joint = joint; this.refresh(); }

  refresh() { for (const id of Object.keys(this.plots)) this.stale.add(id); }

  // One plot at a time, each in its turn: a press on a button never waits for all of them.
  draw() {
    if (!window.Plotly || document.hidden) return;
    const id = [...this.stale].find((name) => this.seen.has(name));
    if (!id) return;
    this.stale.delete(id); // and it comes back at the end of the line
    this.plots[id].call(this, id, this.look());
    this.drawn += 1;
    document.body.dataset.plots = this.drawn;
  }

  angles(id, look) {
    const target = this.ticks.map((tick) => tick.target[this.joint] ?? null), measured = this.ticks.map((tick) => tick.measured[this.joint]);
    this.put(id, [
      this.line("target", target, look.series[1], { line: { dash: "dash" } }),
      this.line("measured", measured, look.series[0]),
      this.line("age", this.ticks.map((tick) => thousand(tick.age[this.joint])), look.series[2], { trace: { yaxis: "y2" } }),
    ], {
      xaxis: { ...this.time(look), anchor: "y2" },
      yaxis: { ...look.axis, domain: [0.4, 1], range: wide([...target, ...measured], 0.1), title: { text: "rad" } },
      yaxis2: { ...look.axis, domain: [0, 0.28], rangemode: "tozero", title: { text: "age ms" } },
    }, look);
  }

  tilt(id, look) {
    const pitch = this.ticks.map((tick) => tick.pitch), roll = this.ticks.map((tick) => tick.roll);
    this.put(id, [
      this.line("pitch, forward +", pitch, look.series[0]),
      this.line("roll, to the right +", roll, look.series[1], { line: { dash: "dash" } }),
    ], { xaxis: this.time(look), yaxis: { ...look.axis, range: wide([...pitch, ...roll], 4), title: { text: "deg" } } }, look);
  }

  feet(id, look) {
    const rows = SWITCHES.map((name, i) => this.line(
      name, this.ticks.map((tick) => (tick.feet[i] ? SWITCHES.length - 1 - i : null)), look.series[i < 2 ? 0 : 1],
      { line: { width: 14 }, trace: { connectgaps: false } },
    ));
    const yaxis = { ...look.axis, range: [-0.6, 3.6], tickvals: [3, 2, 1, 0], ticktext: SWITCHES, zeroline: false };
    this.put(id, rows, { xaxis: this.time(look), yaxis, showlegend: false }, look);
  }

  lateness(id, look) {
    const step = 2 ** (1 / 5), edges = this.late.map(([edge]) => edge);
    this.put(id, [{
      type: "bar", x: edges.map((edge) => (edge * (1 + step)) / 2), width: edges.map((edge) => edge * (step - 1)), y: this.late.map(([, count]) => count),
      marker: { color: look.series[0] }, hovertemplate: "%{y} ticks about %{x:.3s} us late<extra></extra>",
    }], {
      xaxis: { ...look.axis, type: "log", title: { text: "us late", standoff: 4 }, dtick: 1 },
      yaxis: { ...look.axis, type: "log", title: { text: "ticks" }, dtick: 1, range: [-0.3, 3] }, bargap: 0,
    }, look);
  }

  line(name, y, colour, more = {}) {
    const now = this.ticks.at(-1)?.at ?? 0, x = this.ticks.map((tick) => tick.at - now);
    return { type: "scatter", mode: "lines", name, x, y, line: { color: colour, width: 2, ...more.line }, ...more.trace };
  }

  time(look) { return { ...look.axis, range: [-SECONDS, 0], title: { text: "s", standoff: 4 } }; }

  put(id, traces, layout, look) {
    window.Plotly.react(id, traces, {
      ...layout, uirevision: "same", paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: look.font, autosize: true,
      margin: { l: 62, r: 8, t: 4, b: 36 }, legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom" }, hovermode: "closest",
    }, { displayModeBar: false, responsive: true });
  }

  look() {
    const style = getComputedStyle(document.documentElement), colour = (name) => style.getPropertyValue(name).trim();
    return {
      series: [0, 1, 2].map((number) => colour(`--series${number}`)),
      font: { family: "system-ui, sans-serif", size: 12, color: colour("--ink") },
      axis: { gridcolor: colour("--line"), linecolor: colour("--line"), zerolinecolor: colour("--muted"), color: colour("--muted") },
    };
  }
}

// What holds all values and is at least so wide: noise does not fill the plot.
function wide(values, least) {
  const known = values.filter((value) => Number.isFinite(value));
  if (!known.length) return [-least / 2, least / 2];
  const low = Math.min(...known), high = Math.max(...known), more = Math.max(0.06 * (high - low), (least - high + low) / 2);
  return [low - more, high + more];
}

const degrees = (radians) => (radians * 180) / Math.PI;
const thousand = (seconds) => (seconds == null ? null : 1000 * seconds);
