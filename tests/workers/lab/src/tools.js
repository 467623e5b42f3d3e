const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

export async function sha256(bytes) {
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

/** A stream with every bit turned over. */
export function flipped(stream) {
  return stream.pipeThrough(new TransformStream({
    transform(chunk, controller) {
      const out = new Uint8Array(chunk.length);
      for (let i = 0; i < chunk.length; i++) out[i] = chunk[i] ^ 0xff;
      controller.enqueue(out);
    },
  }));
}

/** `total` bytes 0, 1, … 250, 0, … in pieces, a turn of the event loop between two of them. */
export function counting(total, piece) {
  let sent = 0;
  return new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      const out = new Uint8Array(Math.min(piece, total - sent));
      for (let i = 0; i < out.length; i++) out[i] = (sent + i) % 251;
      sent += out.length;
      if (out.length > 0) controller.enqueue(out);
      if (sent >= total) controller.close();
    },
  });
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
