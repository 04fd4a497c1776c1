/** Reads G-code files away from the page's thread and hands out one layer at a time. */

import { Toolpath } from './toolpath.js';

let toolpath = new Toolpath();

/** @param {string} address */
async function read(address) {
  toolpath = new Toolpath();
  const answer = await fetch(address);
  if (!answer.ok || !answer.body) throw new Error(`the broker answers ${answer.status}`);
  const reader = answer.body.getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) toolpath.push(piece.value);
  toolpath.finish();
  return { read: { bounds: toolpath.bounds, layers: toolpath.layers.length } };
}

/** The layer that is printed once the file is read up to a byte. @param {number} byte */
function layer_at(byte) {
  const { layers, points } = toolpath;
  if (!layers.length) return { layer: null };
  const index = toolpath.layer_at(byte);
  const { first, end, number, z } = layers[index];
  const [x, y, done, drawn] = [points.x, points.y, points.byte, points.drawn].map((all) => all.slice(first, end));
  const from = index ? layers[index].byte : 0; // the first layer is shown from the file's beginning
  const to = layers[index + 1]?.byte ?? Infinity;
  return { layer: { number, total: layers[layers.length - 1].number, z, from, to, x, y, byte: done, drawn } };
}

self.onmessage = async ({ data }) => {
  try {
    self.postMessage({ ...('address' in data ? await read(data.address) : layer_at(data.byte)), token: data.token });
  } catch (error) {
    self.postMessage({ failed: String(error instanceof Error ? error.message : error), token: data.token });
  }
};
