/** Reads a G-code file away from the page's thread and hands out one layer at a time. */

import { Toolpath } from './toolpath.js';

const toolpath = new Toolpath();

async function read(address) {
  const answer = await fetch(address);
  if (!answer.ok || !answer.body) throw new Error(`the broker answers ${answer.status}`);
  const reader = answer.body.pipeThrough(new TextDecoderStream('latin1')).getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) toolpath.push(piece.value);
  toolpath.finish();
  return { bounds: toolpath.bounds, layers: toolpath.layers.length };
}

/** The layer at work when the file is read up to a byte, and the bytes from which and to which it is. */
function layer_at(byte) {
  const [{ layers }, index] = [toolpath, toolpath.layer_at(byte)];
  const [from, to] = [index ? layers[index].start : 0, layers[index + 1]?.start ?? Infinity];
  return { ...layers[index], total: layers[layers.length - 1].number, from, to };
}

self.onmessage = async ({ data: { address, byte } }) => {
  try {
    self.postMessage(address ? { read: await read(address) } : { layer: layer_at(byte) });
  } catch (error) {
    self.postMessage({ failed: error.message });
  }
};
