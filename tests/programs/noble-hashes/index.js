import { hmac } from "@noble/hashes/hmac.js";
import { sha1 } from "@noble/hashes/legacy.js";
import { pbkdf2 } from "@noble/hashes/pbkdf2.js";
import { sha256, sha384, sha512 } from "@noble/hashes/sha2.js";
import { sha3_256 } from "@noble/hashes/sha3.js";
import { blake3 } from "@noble/hashes/blake3.js";
import { bytesToHex } from "@noble/hashes/utils.js";

const hex = (buffer) => bytesToHex(new Uint8Array(buffer));

/** What JavaScript computes is what Web Crypto says. */
export default {
  async fetch(request) {
    const data = new Uint8Array(await request.arrayBuffer());
    const same = {};
    for (const [name, hash] of [["SHA-1", sha1], ["SHA-256", sha256], ["SHA-384", sha384], ["SHA-512", sha512]]) {
      same[name] = bytesToHex(hash(data)) === hex(await crypto.subtle.digest(name, data));
    }
    const key = data.slice(0, 32);
    const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    same.HMAC = bytesToHex(hmac(sha256, key, data)) === hex(await crypto.subtle.sign("HMAC", imported, data));
    const password = await crypto.subtle.importKey("raw", key, "PBKDF2", false, ["deriveBits"]);
    const parameters = { name: "PBKDF2", hash: "SHA-256", salt: key, iterations: 1000 };
    const derived = hex(await crypto.subtle.deriveBits(parameters, password, 256));
    same.PBKDF2 = bytesToHex(pbkdf2(sha256, key, key, { c: 1000, dkLen: 32 })) === derived;
    return Response.json({ same, sha3: bytesToHex(sha3_256(data)), blake3: bytesToHex(blake3(data)) });
  },
};
