"use strict";
// atob and btoa (https://html.spec.whatwg.org/#atob).

const { DOMException } = internals;
const { DOMString, requireArguments } = internals.webidl;

function btoa(data) {
  const prefix = "Failed to execute 'btoa'";
  requireArguments(arguments.length, 1, prefix);
  const result = ops.btoa(DOMString(data, prefix, "parameter 1"));
  if (result !== undefined) return result;
  throw new DOMException(`${prefix}: The string to encode has a character above U+00FF.`, "InvalidCharacterError");
}

function atob(data) {
  const prefix = "Failed to execute 'atob'";
  requireArguments(arguments.length, 1, prefix);
  const result = ops.atob(DOMString(data, prefix, "parameter 1"));
  if (result !== undefined) return result;
  throw new DOMException(`${prefix}: The string to decode is not correctly encoded.`, "InvalidCharacterError");
}

internals.expose("btoa", btoa, true);
internals.expose("atob", atob, true);
