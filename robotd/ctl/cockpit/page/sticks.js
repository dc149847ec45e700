// Two pads that steer while they are held. The server counts a velocity for 0.3 s, so it is said 15 times a second; a
// page that cannot say it any more, whatever the reason, steers no more.

const EVERY_MS = 66;
const KEYS = { ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowLeft: [1, 0], ArrowRight: [-1, 0] };

export class Sticks {
  // say: sends a message; walk, turn: the pads; factor: the slider.
  constructor(say, walk, turn, factor) {
    this.say = say;
    this.factor = factor;
    this.allowed = false;
    this.held = new Map(); // pad -> [to the left, forward], each in [-1, 1]
    this.pads = { walk, turn };
    this.watch(walk, true);
    this.watch(turn, false);
    setInterval(() => this.speak(), EVERY_MS);
    for (const gone of ["blur", "pagehide"]) window.addEventListener(gone, () => this.drop());
    document.addEventListener("visibilitychange", () => document.hidden && this.drop());
  }

  allow(allowed) {
    this.allowed = allowed;
    for (const pad of Object.values(this.pads)) pad.classList.toggle("off", !allowed);
    if (!allowed) this.drop();
  }

  speak() {
    if (!this.held.size) return;
    const [sideways, forward] = this.held.get(this.pads.walk) ?? [0, 0], [turn] = this.held.get(this.pads.turn) ?? [0, 0];
    this.say({ say: "velocity", forward, sideways, turn, factor: this.factor.value / 100, at_ms: performance.now() });
  }

  // Let every pad go.
  drop() { for (const pad of [...this.held.keys()]) this.release(pad); }

  move(pad, left, forward) {
    if (!this.allowed) return;
    this.held.set(pad, [left, forward]);
    pad.classList.add("held");
    const reach = pad.clientWidth / 2 - 26;
    pad.firstElementChild.style.transform = `translate(${-left * reach}px, ${-forward * reach}px)`;
  }

  release(pad) {
    if (!this.held.delete(pad)) return;
    pad.classList.remove("held");
    pad.firstElementChild.style.transform = "";
    if (!this.held.size) this.say({ say: "release" });
  }

  watch(pad, both) {
    const drag = (e) => {
      const box = pad.getBoundingClientRect(), half = pad.clientWidth / 2 - 26;
      const left = -(e.clientX - box.left - box.width / 2) / half, up = both ? -(e.clientY - box.top - box.height / 2) / half : 0;
      const far = Math.max(1, Math.hypot(left, up)), calm = (part) => (Math.abs(part) < 0.12 ? 0 : part);
      this.move(pad, calm(left / far), calm(up / far));
    };
    pad.addEventListener("pointerdown", (e) => { e.preventDefault(); pad.focus(); pad.setPointerCapture(e.pointerId); drag(e); });
    pad.addEventListener("pointermove", (e) => pad.hasPointerCapture(e.pointerId) && this.held.has(pad) && drag(e));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) pad.addEventListener(end, () => this.release(pad));
    const down = new Set();
    const press = () => {
      const sum = [...down].reduce(([a, b], key) => [a + KEYS[key][0], b + (both ? KEYS[key][1] : 0)], [0, 0]);
      if (down.size) this.move(pad, ...sum); else this.release(pad);
    };
    pad.addEventListener("keydown", (e) => { if (KEYS[e.key]) { e.preventDefault(); down.add(e.key); press(); } });
    pad.addEventListener("keyup", (e) => { if (down.delete(e.key)) press(); });
    pad.addEventListener("blur", () => { down.clear(); this.release(pad); });
  }
}
