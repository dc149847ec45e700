"use strict";
(() => {
  const night = matchMedia("(prefers-color-scheme: dark)");
  const theme = () => THEMES[night.matches ? "dark" : "light"];

  const colour = (token, colours) => {
    const [name, opacity] = token.slice(1).split(":");
    const hex = colours[name];
    if (hex === undefined) return token;
    if (opacity === undefined) return hex;
    const part = (at) => parseInt(hex.slice(at, at + 2), 16);
    return `rgba(${part(1)},${part(3)},${part(5)},${opacity})`;
  };

  // Plain data with each "@token" replaced; lists of numbers are handed on as they are.
  const paint = (value, colours) => {
    if (typeof value === "string") return value.startsWith("@") ? colour(value, colours) : value;
    if (Array.isArray(value)) return value.length && typeof value[0] === "number" ? value : value.map((x) => paint(x, colours));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, paint(inner, colours)]));
  };

  const plots = [...document.querySelectorAll(".plot")].map((place) => ({
    place,
    figure: JSON.parse(document.getElementById(`${place.id}-data`).textContent),
  }));

  const draw = () => {
    const colours = theme();
    for (const { place, figure } of plots) {
      const layout = paint({ ...figure.layout, template: TEMPLATE }, colours);
      Plotly.react(place, paint(figure.data, colours), layout, { responsive: true, displaylogo: false, displayModeBar: false });
    }
  };

  draw();
  night.addEventListener("change", draw);
})();
