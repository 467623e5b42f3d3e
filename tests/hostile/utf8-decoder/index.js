// A decoder that is given every kind of broken sequence, whole and in pieces.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const decoder = new TextDecoder();
    for (let i = 0; i < 2000; i++) {
      const bytes = new Uint8Array(16).map((_, at) => (i * 31 + at * 17) % 256);
      const whole = new TextDecoder().decode(bytes);
      let pieces = "";
      for (const byte of bytes) pieces += decoder.decode(new Uint8Array([byte]), { stream: true });
      pieces += decoder.decode();
      if (whole !== pieces) return new Response(`${bytes}: ${JSON.stringify(whole)} ${JSON.stringify(pieces)}`);
    }
    for (const label of ["utf-16le", "latin1", "shift_jis", "gb18030", "no-such-encoding", "\0", "x".repeat(1e5)]) {
      try {
        new TextDecoder(label, { fatal: true }).decode(new Uint8Array([0xff, 0xfe, 0x80]));
      } catch {
        // Refused.
      }
    }
    return new Response("decoded");
  },
};
