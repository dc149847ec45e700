// The robot in WebGL: meshes that stand still in their bodies, and bodies that move. No library: two small shaders.

const SOLID = [
  `#version 300 es
  in vec3 position, normal; uniform mat4 view, model; out vec3 n;
  void main() { n = mat3(model) * normal; gl_Position = view * model * vec4(position, 1.0); }`,
  `#version 300 es
  precision mediump float; in vec3 n; uniform vec4 colour; uniform float lit; out vec4 pixel;
  void main() {
    vec3 m = normalize(n);
    float sun = max(dot(m, normalize(vec3(0.35, -0.5, 0.8))), 0.0);
    float light = mix(1.0, 0.45 + 0.15 * m.z + 0.5 * sun, lit);
    pixel = vec4(colour.rgb * light, colour.a);
  }`,
];
const FLOOR = [
  `#version 300 es
  in vec3 position; uniform mat4 view; uniform vec2 middle; out vec2 place; out vec2 away;
  void main() { away = position.xy * 8.0; place = middle + away; gl_Position = view * vec4(place, 0.0, 1.0); }`,
  `#version 300 es
  precision highp float; in vec2 place, away; uniform vec3 paper, line; out vec4 pixel;
  float grid(float cell) { vec2 p = place / cell, w = fwidth(p), d = abs(fract(p - 0.5) - 0.5) / w; return 1.0 - min(min(d.x, d.y), 1.0); }
  void main() {
    float mark = max(grid(1.0), 0.45 * grid(0.25)) * smoothstep(6.0, 0.5, length(away));
    pixel = vec4(mix(paper, line, mark), 1.0);
  }`,
];
const SHADOW = [1, 0, 0, 0, 0, 1, 0, 0, -0.44, 0.62, 0, 0, 0, 0, 0.002, 1]; // along the sun, onto the floor

export class Twin {
  constructor(canvas) {
    this.canvas = canvas;
    this.gl = canvas.getContext("webgl2", { antialias: true, stencil: true });
    if (!this.gl) throw new Error("this browser has no WebGL 2");
    this.solid = program(this.gl, SOLID);
    this.floor = program(this.gl, FLOOR);
    this.quad = upload(this.gl, this.floor, { vertices: [-1, -1, 0, 1, -1, 0, 1, 1, 0, -1, 1, 0], faces: [0, 1, 2, 0, 2, 3] });
    this.geoms = [];
    this.pose = null;
    this.yaw = 0.7; this.pitch = 0.3; this.distance = 1.75; this.middle = [0, 0, 0.36];
    this.frames = 0;
    this.hold();
    new ResizeObserver(() => this.redraw()).observe(canvas);
    this.colours();
  }

  // What the server says of the robot: meshes, and geoms with their body, place and colour.
  load(scene) {
    const meshes = scene.meshes.map((mesh) => upload(this.gl, this.solid, mesh));
    this.geoms = scene.geoms.map((geom) => ({
      mesh: meshes[geom.mesh], body: geom.body, colour: [...geom.colour, 1], local: placed(geom.position, geom.quat),
    }));
    this.redraw();
  }

  // Where all bodies are: x, y, z, then w, x, y, z, one body after the other.
  show(pose) {
    this.pose = pose;
    const base = [pose[7], pose[8]];
    const jump = Math.hypot(base[0] - this.middle[0], base[1] - this.middle[1]) > 1;
    for (const axis of [0, 1]) this.middle[axis] += (base[axis] - this.middle[axis]) * (jump ? 1 : 0.15);
    this.redraw();
  }

  // Take the page's colours, by day or by night.
  colours() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => [1, 3, 5].map((at) => parseInt(style.getPropertyValue(name).trim().slice(at, at + 2), 16) / 255);
    this.paper = colour("--card");
    this.line = colour("--muted").map((part, i) => 0.55 * part + 0.45 * this.paper[i]);
    this.redraw();
  }

  redraw() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => { this.waiting = 0; this.draw(); });
  }

  draw() {
    const { gl, canvas } = this, scale = Math.min(devicePixelRatio || 1, 2);
    const width = Math.round(canvas.clientWidth * scale), height = Math.round(canvas.clientHeight * scale);
    if (!width || !height) return;
    if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
    gl.viewport(0, 0, width, height);
    gl.clearColor(...this.paper, 1);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT | gl.STENCIL_BUFFER_BIT);
    const view = times(perspective(0.6, width / height), looking(this.middle, this.yaw, this.pitch, this.distance));
    gl.enable(gl.DEPTH_TEST);
    gl.useProgram(this.floor.program);
    gl.uniformMatrix4fv(this.floor.view, false, view);
    gl.uniform2f(this.floor.middle, this.middle[0], this.middle[1]);
    gl.uniform3fv(this.floor.paper, this.paper);
    gl.uniform3fv(this.floor.line, this.line);
    this.put(this.quad);
    if (!this.pose) return;
    gl.useProgram(this.solid.program);
    gl.uniformMatrix4fv(this.solid.view, false, view);
    const models = this.geoms.map((geom) => times(body(this.pose, geom.body), geom.local));
    gl.enable(gl.BLEND); gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
    gl.enable(gl.STENCIL_TEST); gl.stencilFunc(gl.EQUAL, 0, 255); gl.stencilOp(gl.KEEP, gl.KEEP, gl.INCR);
    gl.uniform1f(this.solid.lit, 0); gl.uniform4f(this.solid.colour, 0, 0, 0, 0.28);
    this.geoms.forEach((geom, i) => { gl.uniformMatrix4fv(this.solid.model, false, times(SHADOW, models[i])); this.put(geom.mesh); });
    gl.disable(gl.STENCIL_TEST); gl.disable(gl.BLEND);
    gl.uniform1f(this.solid.lit, 1);
    this.geoms.forEach((geom, i) => {
      gl.uniform4fv(this.solid.colour, geom.colour);
      gl.uniformMatrix4fv(this.solid.model, false, models[i]);
      this.put(geom.mesh);
    });
    this.frames += 1;
    canvas.dataset.frames = this.frames;
  }

  put(mesh) {
    this.gl.bindVertexArray(mesh.array);
    this.gl.drawElements(this.gl.TRIANGLES, mesh.count, this.gl.UNSIGNED_INT, 0);
  }

  // Drag to look around, wheel or two fingers to come nearer.
  hold() {
    const fingers = new Map();
    const spread = () => { const [a, b] = [...fingers.values()]; return Math.hypot(a.x - b.x, a.y - b.y); };
    const nearer = (factor) => { this.distance = Math.min(6, Math.max(0.4, this.distance * factor)); this.redraw(); };
    this.canvas.addEventListener("pointerdown", (e) => { this.canvas.setPointerCapture(e.pointerId); fingers.set(e.pointerId, { x: e.clientX, y: e.clientY }); });
    this.canvas.addEventListener("pointermove", (e) => {
      const before = fingers.get(e.pointerId);
      if (!before) return;
      const was = fingers.size === 2 ? spread() : 0;
      fingers.set(e.pointerId, { x: e.clientX, y: e.clientY });
      if (fingers.size === 2) return nearer(was / Math.max(spread(), 1));
      this.yaw -= (e.clientX - before.x) * 0.008;
      this.pitch = Math.min(1.5, Math.max(-0.1, this.pitch + (e.clientY - before.y) * 0.008));
      this.redraw();
    });
    for (const name of ["pointerup", "pointercancel"]) this.canvas.addEventListener(name, (e) => fingers.delete(e.pointerId));
    this.canvas.addEventListener("wheel", (e) => { e.preventDefault(); nearer(Math.exp(e.deltaY * 0.001)); }, { passive: false });
  }
}

function program(gl, sources) {
  const made = gl.createProgram();
  [gl.VERTEX_SHADER, gl.FRAGMENT_SHADER].forEach((kind, i) => {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, sources[i]);
    gl.compileShader(shader);
    gl.attachShader(made, shader);
  });
  gl.linkProgram(made);
  if (!gl.getProgramParameter(made, gl.LINK_STATUS)) throw new Error("this browser cannot draw the robot: " + gl.getProgramInfoLog(made));
  const places = { program: made };
  for (let i = gl.getProgramParameter(made, gl.ACTIVE_UNIFORMS) - 1; i >= 0; i--) {
    const name = gl.getActiveUniform(made, i).name;
    places[name] = gl.getUniformLocation(made, name);
  }
  return places;
}

function upload(gl, shader, mesh) {
  const array = gl.createVertexArray();
  gl.bindVertexArray(array);
  for (const [name, values] of [["position", mesh.vertices], ["normal", mesh.normals]]) {
    const place = gl.getAttribLocation(shader.program, name);
    if (place < 0) continue;
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array(values), gl.STATIC_DRAW);
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, 3, gl.FLOAT, false, 0, 0);
  }
  gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, new Uint32Array(mesh.faces), gl.STATIC_DRAW);
  return { array, count: mesh.faces.length };
}

// Matrices are lists of 16 numbers, column by column.
function times(a, b) {
  const c = new Float32Array(16);
  for (let col = 0; col < 4; col++)
    for (let row = 0; row < 4; row++)
      for (let k = 0; k < 4; k++) c[4 * col + row] += a[4 * k + row] * b[4 * col + k];
  return c;
}

function placed([x, y, z], [w, i, j, k]) {
  return [
    1 - 2 * (j * j + k * k), 2 * (i * j + w * k), 2 * (i * k - w * j), 0,
    2 * (i * j - w * k), 1 - 2 * (i * i + k * k), 2 * (j * k + w * i), 0,
    2 * (i * k + w * j), 2 * (j * k - w * i), 1 - 2 * (i * i + j * j), 0,
    x, y, z, 1,
  ];
}

const body = (pose, number) => placed(pose.slice(7 * number, 7 * number + 3), pose.slice(7 * number + 3, 7 * number + 7));

function perspective(angle, aspect) {
  const f = Math.min(1, aspect) / Math.tan(angle / 2), near = 0.05, far = 30;
  return [f / aspect, 0, 0, 0, 0, f, 0, 0, 0, 0, (far + near) / (near - far), -1, 0, 0, (2 * far * near) / (near - far), 0];
}

function looking(middle, yaw, pitch, distance) {
  const back = [Math.cos(yaw) * Math.cos(pitch), Math.sin(yaw) * Math.cos(pitch), Math.sin(pitch)];
  const right = [-Math.sin(yaw), Math.cos(yaw), 0];
  const up = [back[1] * right[2] - back[2] * right[1], back[2] * right[0] - back[0] * right[2], back[0] * right[1] - back[1] * right[0]];
  const eye = middle.map((part, i) => part + distance * back[i]);
  const dot = (a) => -(a[0] * eye[0] + a[1] * eye[1] + a[2] * eye[2]);
  return [right[0], up[0], back[0], 0, right[1], up[1], back[1], 0, right[2], up[2], back[2], 0, dot(right), dot(up), dot(back), 1];
}
