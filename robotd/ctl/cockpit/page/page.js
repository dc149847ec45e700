// The dashboard: what the server says is shown, and what a person does is said to the server.

import { Plots } from "/plots.js";
import { Sticks } from "/sticks.js";
import { Twin } from "/twin.js";

const find = (id) => document.getElementById(id);
const STALE_MS = 1000, RETRY_MS = 1000, ROWS_MS = 200, SENT_AWAY = 1013, STORED = "wildrobot-key";
const ALLOWED = { arm: ["idle"], activate: ["standby"], clear: ["fault"], stop: ["homing", "standby", "active", "stopping"] };
let live = null, mayAct = false, heard = 0, why = "connecting", mode = "", joints = [], last = null;

const plots = new Plots();
const sticks = new Sticks(say, find("walk"), find("turn"), find("factor"));
let twin = null;
try { twin = new Twin(find("twin")); } catch (problem) { find("twin-note").textContent = problem.message; }
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { twin?.colours(); plots.refresh(); });

// The key comes behind the link's #, which browsers keep to themselves; then it leaves the address bar.
const shown = new URLSearchParams(location.hash.slice(1)).get("key");
if (shown) { sessionStorage.setItem(STORED, shown); history.replaceState(null, "", location.pathname); }

function say(message) {
  if (live?.readyState === WebSocket.OPEN) live.send(JSON.stringify(message));
}

// Ask for an act. What is said to the person is replaced by what came of it.
function ask(word, more = {}) {
  const open = live?.readyState === WebSocket.OPEN;
  find("said").textContent = open ? `${word}: asked, no answer yet` : `${word}: NOT SENT, no connection`;
  find("said").className = open ? "" : "bad";
  say({ say: word, ...more });
}

function connect() {
  live = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live`);
  live.onopen = () => { why = "waiting for robotd"; const key = sessionStorage.getItem(STORED); key ? say({ say: "key", key }) : access(false); };
  live.onmessage = (event) => take(JSON.parse(event.data));
  live.onclose = ({ code }) => {
    heard = 0;
    access(false);
    if (code === SENT_AWAY && !sessionStorage.getItem(STORED)) why = "too many pages are open, and this one may only look; reload it to look again";
    else { why = "no connection to the dashboard; trying again"; setTimeout(connect, RETRY_MS); }
  };
}

function take(message) {
  if (message.kind === "tick") tick(message);
  else if (message.kind === "state") state(message);
  else if (message.kind === "done") done(message);
  else if (message.kind === "lost") { heard = 0; why = message.text; fresh(); }
  else if (message.kind === "note") find("twin-note").textContent = message.text;
  else if (message.kind === "limits") limits(message);
}

function tick(message) {
  heard = performance.now();
  last = message;
  if (message.mode !== mode) { mode = message.mode; modes(); }
  if (message.pose && twin) twin.show(message.pose);
  plots.add(message);
  document.querySelectorAll("#feet i").forEach((foot) => foot.classList.toggle("on", message.foot_switches[foot.dataset.foot] > 0));
  document.body.dataset.tick = message.tick;
}

function modes() {
  find("mode").textContent = mode;
  find("mode").className = `badge ${mode}`;
  for (const button of document.querySelectorAll("#acts button")) button.disabled = !mayAct || !ALLOWED[button.dataset.act].includes(mode);
  for (const id of ["estop", "policy", "blackbox"]) find(id).disabled = !mayAct;
}

function state(message) {
  if (message.joints.join() !== joints.join()) { joints = message.joints; rows(); }
  const [vx, vy, yaw] = message.command, steered = message.claimed_by ? `steered by ${message.claimed_by}` : "steered by nobody";
  find("facts").textContent = `${message.policy} · ${vx.toFixed(2)}, ${vy.toFixed(2)} m/s, ${yaw.toFixed(2)} rad/s · ${steered}`;
  find("torque").textContent = `torque ${message.torque}`;
  find("torque").classList.toggle("alarm", message.torque_unproven.length > 0);
  options(message);
  list("fault-list", message.fixes.map(({ name, fix }) => [name, `: ${fix}`]), "none");
  const against = message.mode === "idle" ? message.checks.filter((check) => !check.ok) : [];
  if (find("checks").dataset.of !== "act") list("checks", against.map((check) => [check.name, `: ${check.found}; ${check.fix}`]), "");
  health(message);
  joints.forEach((_, i) => { find(`degc-${i}`).textContent = whole(message.temperature_degc[i]); });
  const us = message.pace.ms.lateness.map((value) => whole(value == null ? NaN : 1000 * value));
  find("late-said").textContent = `median ${us[0]} us, 99 % below ${us[1]} us, at most ${us[2]} us; ${message.pace.skipped} periods skipped; ${message.overruns} since the start`;
  plots.histogram(message.lateness);
}

function health(message) {
  const hottest = message.temperature_degc.reduce((best, value, i, all) => (value > (all[best] ?? -1) ? i : best), 0);
  const facts = [
    ["tilt", `${((message.tilt_rad ?? NaN) * 180 / Math.PI).toFixed(1)}°`],
    ["IMU", `${whole(1000 * message.imu_age_s)} ms old`], ["oldest joint", `${whole(1000 * message.joint_age_s)} ms old`],
    ["supply", `${message.voltage_v?.toFixed(1) ?? "-"} V`], ["hottest", `${whole(message.temperature_degc[hottest])} °C, ${joints[hottest]}`],
    ...(message.bus_errors_in_a_row.length ? message.bus_errors_in_a_row.map((count, i) => [`bus ${i + 1}`, count ? `${count} errors in a row` : "answers", count > 0]) : [["buses", "none"]]),
    ["ticks", `${message.pace.rate_hz?.toFixed(1) ?? "-"} per second`], ["clients", `${message.clients} at robotd`],
  ];
  find("health").replaceChildren(...facts.flatMap(([name, text, bad]) => [made("dt", name), made("dd", text, bad ? "bad" : "")]));
}

function options(message) {
  const select = find("policy");
  if ([...select.options].map((option) => option.value).join() !== message.policies.join())
    select.replaceChildren(...message.policies.map((name) => new Option(name, name)));
  if (document.activeElement !== select) select.value = message.policy;
}

function done({ act, ok, text, checks }) {
  if (act === "key") { find("said").textContent = ""; return access(ok, text); }
  find("said").textContent = act === "page" ? text : `${act}: ${text}`;
  find("said").className = ok ? "" : "bad";
  find("checks").dataset.of = checks.length ? "act" : "";
  if (checks.length) list("checks", checks.map((check) => [check.name, ` (${check.mandatory ? "mandatory" : "a warning"}): ${check.found}; ${check.fix}`]), "");
}

function access(ok, text) {
  mayAct = ok;
  find("access").textContent = ok ? "" : text ?? "You may look. To act, open the link with the key, or give the key:";
  find("key-entry").hidden = ok;
  document.body.dataset.access = ok ? "act" : "look";
  sticks.allow(ok);
  modes();
}

function limits({ forward_m_s, back_m_s, sideways_m_s, turn_rad_s }) {
  find("limits").textContent = `at 100 %: forward ${forward_m_s}, back ${back_m_s}, sideways ${sideways_m_s} m/s, turn ${turn_rad_s} rad/s. Let go and it stands.`;
}

function rows() {
  find("joint-rows").replaceChildren(...joints.map((name, i) => {
    const row = document.createElement("tr"), button = made("button", name);
    row.append(made("td", ""), ...["target", "measured", "age", "degc"].map((what) => { const cell = made("td", ""); cell.id = `${what}-${i}`; return cell; }));
    row.firstChild.append(button);
    row.onclick = () => choose(i);
    return row;
  }));
  choose(0);
}

function choose(joint) {
  [...find("joint-rows").children].forEach((row, i) => row.classList.toggle("chosen", i === joint));
  find("joint-title").textContent = joints[joint];
  plots.choose(joint);
}

function numbers() {
  if (!last || document.hidden) return;
  joints.forEach((_, i) => {
    find(`target-${i}`).textContent = last.target_rad[i]?.toFixed(3) ?? "limp";
    find(`measured-${i}`).textContent = last.joint_pos_rad[i]?.toFixed(3) ?? "-";
    find(`age-${i}`).textContent = whole(1000 * last.joint_age_s[i]);
  });
  const tilt = plots.ticks.at(-1);
  find("tilt").textContent = `pitch ${tilt.pitch.toFixed(1)}°, roll ${tilt.roll.toFixed(1)}°`;
}

// What is shown is only as good as the last tick that came in.
function fresh() {
  const silent = performance.now() - heard, stale = !heard || silent > STALE_MS;
  document.body.classList.toggle("stale", stale);
  find("banner").textContent = !stale ? "" : heard ? `NO DATA for ${(silent / 1000).toFixed(0)} s: what is shown is old` : `NO DATA: ${why}`;
}

async function download() {
  const note = (text) => { find("blackbox-said").textContent = text; };
  note("reading ...");
  const answer = await fetch("/blackbox", { headers: { Authorization: `Bearer ${sessionStorage.getItem(STORED)}` } }).catch(() => null);
  if (!answer?.ok) return note(answer ? await answer.text() : "the dashboard does not answer");
  const bytes = await answer.blob(), link = document.createElement("a");
  link.href = URL.createObjectURL(bytes);
  link.download = "blackbox.bin";
  link.click();
  URL.revokeObjectURL(link.href);
  note(`${(bytes.size / 1e6).toFixed(1)} MB; look into it with robotctl log show`);
}

function list(id, items, nothing) {
  const lines = items.map(([name, text]) => { const line = document.createElement("li"); line.append(made("b", name), text); return line; });
  find(id).replaceChildren(...(lines.length || !nothing ? lines : [made("li", nothing)]));
}

function made(kind, text, name = "") {
  const element = document.createElement(kind);
  element.textContent = text;
  element.className = name;
  return element;
}

const whole = (value) => (Number.isFinite(value) ? value.toFixed(0) : "-");

// The stop goes out as the finger comes down; a keyboard has only the click.
let downAt = 0;
find("estop").addEventListener("pointerdown", (e) => { if (e.button === 0) { downAt = performance.now(); sticks.drop(); ask("estop"); } });
find("estop").addEventListener("click", () => { if (performance.now() - downAt > 1000) { sticks.drop(); ask("estop"); } });
for (const button of document.querySelectorAll("#acts button")) button.onclick = () => ask(button.dataset.act);
find("policy").onchange = (e) => { ask("policy", { name: e.target.value }); e.target.blur(); };
find("factor").oninput = (e) => { find("factor-said").textContent = `${e.target.value} %`; };
find("use-key").onclick = () => { sessionStorage.setItem(STORED, find("key").value.trim()); say({ say: "key", key: find("key").value.trim() }); };
find("blackbox").onclick = download;
fetch("/scene.json").then((answer) => answer.json()).then((scene) => { scene.note ? (find("twin-note").textContent = scene.note) : twin?.load(scene); });
setInterval(fresh, 250);
setInterval(numbers, ROWS_MS);
access(false);
connect();
