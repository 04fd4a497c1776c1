/** The little that every view needs of the document. Elements are named by their id in index.html, or given. */

/** @param {string|Element} which @returns {any} */
export function get(which) {
  const element = typeof which === 'string' ? document.getElementById(which) : which;
  if (!element) throw new Error(`index.html has no #${which}`);
  return element;
}

/** Write only what changes: four updates a second touch next to nothing. @param {string|Element} which @param {object} properties */
export function set(which, properties) {
  const element = get(which);
  for (const [name, value] of Object.entries(properties)) if (element[name] !== value) element[name] = value;
}

/** @param {string|Element} which @param {string} text */
export function show(which, text) {
  set(which, { textContent: text });
}

/** @param {string} tag @param {object} properties attributes where the name has a dash @param {...(Node|string)} children @returns {any} */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties))
    if (name.includes('-')) element.setAttribute(name, value);
    else element[name] = value;
  element.append(...children);
  return element;
}

/** Put a drawing before an element's text. @param {Element} element @param {string} name of a symbol in index.html */
export function add_icon(element, name) {
  const [svg, use] = ['svg', 'use'].map((tag) => document.createElementNS('http://www.w3.org/2000/svg', tag));
  svg.setAttribute('aria-hidden', 'true');
  use.setAttribute('href', `#i-${name}`);
  svg.append(use);
  element.prepend(svg);
}

/** @param {string} name of a custom property in style.css */
export function colour(name) {
  return getComputedStyle(document.body).getPropertyValue(name);
}

/** A clear canvas, as fine as the screen. @param {HTMLCanvasElement} canvas @returns {CanvasRenderingContext2D} */
export function clear(canvas) {
  const ratio = devicePixelRatio;
  canvas.width = canvas.clientWidth * ratio;
  canvas.height = canvas.clientHeight * ratio;
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  pen.scale(ratio, ratio);
  return pen;
}

/** @param {HTMLCanvasElement} canvas @param {() => void} draw called when its size or the colours change */
export function redraw(canvas, draw) {
  new ResizeObserver(draw).observe(canvas);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
}
