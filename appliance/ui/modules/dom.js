/** The little that every view needs of the document. */

/** @param {string} id @returns {any} the element; a missing one is our own mistake */
export function get(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`index.html has no #${id}`);
  return element;
}

/**
 * @param {string} tag @param {Record<string, any>} [properties] properties, or attributes where the name has a dash
 * @param {...(Node|string)} children @returns {any}
 */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties))
    if (name.includes('-') || name === 'role') element.setAttribute(name, value);
    else /** @type {any} */ (element)[name] = value;
  element.append(...children);
  return element;
}

/** Write only what changes: four updates a second touch next to nothing. @param {Element} element @param {string} text */
export function set_text(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @param {any} element @param {Record<string, any>} properties */
export function set(element, properties) {
  for (const [name, value] of Object.entries(properties)) if (element[name] !== value) element[name] = value;
}

/** @param {string} name of a symbol in index.html */
export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  use.setAttribute('href', `#i-${name}`);
  svg.append(use);
  return svg;
}

/** Make a canvas as fine as the screen. @param {HTMLCanvasElement} canvas @returns {{pen: CanvasRenderingContext2D, width: number, height: number}} */
export function fit_canvas(canvas) {
  const [ratio, width, height] = [window.devicePixelRatio || 1, canvas.clientWidth, canvas.clientHeight];
  set(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return { pen, width, height };
}

/** Call `draw` whenever the canvas changes its size or the colours change. @param {HTMLCanvasElement} canvas @param {() => void} draw */
export function redraw(canvas, draw) {
  new ResizeObserver(draw).observe(canvas);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
}

/** @param {string} name of a custom property in style.css */
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
