"use strict";
// The body of `function (internals, ops, source, name)`; returns `report`, a function that gives
// [passed, ...failure texts] once the microtasks have run.
const cases = [];
const results = [];
const test = (name, fn) => cases.push([name, fn]);
const show = (v) => { try { return typeof v === "string" ? JSON.stringify(v) : typeof v === "object" && v !== null ? JSON.stringify(v) : String(v); } catch { return Object.prototype.toString.call(v); } };
class AssertionError extends Error {}
const assert = (value, message = "expected a truthy value") => { if (!value) throw new AssertionError(message); };
assert.equal = (actual, expected, message = "") => {
  if (!Object.is(actual, expected)) throw new AssertionError(`${message} expected ${show(expected)}, got ${show(actual)}`);
};
assert.deepEqual = (actual, expected, message = "") => {
  if (show(actual) !== show(expected)) throw new AssertionError(`${message} expected ${show(expected)}, got ${show(actual)}`);
};
assert.throws = (fn, type, text) => {
  try { fn(); } catch (e) { return check(e, type, text); }
  throw new AssertionError(`expected ${type?.name ?? "an exception"}`);
};
assert.rejects = async (promise, type, text) => {
  try { await promise; } catch (e) { return check(e, type, text); }
  throw new AssertionError(`expected a rejection with ${type?.name ?? "an exception"}`);
};
function check(e, type, text) {
  if (type && !(e instanceof type)) throw new AssertionError(`expected ${type.name}, got ${e}`);
  if (text !== undefined && !String(e.message).includes(text)) throw new AssertionError(`expected a message with ${show(text)}, got ${show(e.message)}`);
  return e;
}
new Function("test", "assert", "internals", "ops", `${source}\n//# sourceURL=${name}`)(test, assert, internals, ops);
let finished = false;
// Cases run one after another, so that one that patches builtins can put them back.
const run = async () => {
  for (let i = 0; i < cases.length; i++) {
    const [caseName, fn] = cases[i];
    try { await fn(); results[i] = true; } catch (e) { results[i] = `${caseName}: ${e?.stack ?? e}`; }
  }
  finished = true;
};
run();
return () => {
  const failed = [];
  let passed = 0;
  for (let i = 0; i < cases.length; i++) {
    if (results[i] === true) passed++;
    else failed.push(results[i] ?? `${cases[i][0]}: did not finish`);
  }
  return finished ? [passed, ...failed] : [passed, ...failed, "the file did not finish"];
};
