"use strict";
// Timers (https://html.spec.whatwg.org/#timers). A timer belongs to the invocation that set it.

const {
  ArrayPrototypeSlice, Map, MapPrototypeDelete, MapPrototypeGet, MapPrototypeHas, MapPrototypeSet, ReflectApply,
  TypeError,
} = internals.primordials;
const { webidl } = internals;
const { requireArguments } = webidl;

/** timer -> { callback, arguments, delay, repeat } */
const timers = new Map();
let lastTimer = 0;

function set(callback, delay, args, repeat, name = "setTimeout") {
  // Code in strings is not run; Workers say it so.
  if (typeof callback !== "function") {
    throw new TypeError(
      `Failed to execute '${name}' on 'ServiceWorkerGlobalScope': parameter 1 is not of type 'Function'.`,
    );
  }
  lastTimer = lastTimer === 0x7fffffff ? 1 : lastTimer + 1;
  const timer = lastTimer;
  const wait = webidl.long(delay);
  const entry = { callback, args, delay: wait > 0 ? wait : 0, repeat };
  ops.timerStart(timer, entry.delay);
  MapPrototypeSet(timers, timer, entry);
  return timer;
}

function clear(timer) {
  const key = webidl.long(timer);
  if (MapPrototypeDelete(timers, key)) ops.timerClear(key);
}

/** Called by the host when a timer's time has come. */
function fire(timer) {
  const entry = MapPrototypeGet(timers, timer);
  if (entry === undefined) return;
  if (!entry.repeat) MapPrototypeDelete(timers, timer);
  try {
    ReflectApply(entry.callback, globalThis, entry.args);
  } catch (error) {
    internals.reportException(error);
  }
  if (entry.repeat && MapPrototypeGet(timers, timer) === entry) ops.timerStart(timer, entry.delay);
}

/** Queues a task of the running invocation; where there is none, or it is over, a microtask. Returns the timer, or 0. */
function queueTask(run) {
  if (ops.currentInvocation() !== 0) {
    try {
      return set(run, 0, [], false);
    } catch {
      // The invocation is over, or has too many timers.
    }
  }
  internals.primordials.queueMicrotask(run);
  return 0;
}

internals.timers = {
  __proto__: null,
  fire,
  /** For the host's own use: calls `callback` after `delay` milliseconds, returns the timer. */
  set: (delay, callback) => set(callback, delay, [], false),
  clear,
  queueTask,
  isPending: (timer) => MapPrototypeHas(timers, timer),
  /** Drops a timer that the host ended. */
  drop: (timer) => MapPrototypeDelete(timers, timer),
};

const rest = (args) => (args.length > 2 ? ArrayPrototypeSlice(args, 2) : []);
function setTimeout(handler, timeout = 0) {
  requireArguments(arguments.length, 1, "Failed to execute 'setTimeout'");
  return set(handler, timeout, rest(arguments), false);
}
function setInterval(handler, timeout = 0) {
  requireArguments(arguments.length, 1, "Failed to execute 'setInterval'");
  return set(handler, timeout, rest(arguments), true, "setInterval");
}
function clearTimeout(id = 0) {
  clear(id);
}
function clearInterval(id = 0) {
  clear(id);
}
function setImmediate(callback) {
  return set(callback, 0, arguments.length > 1 ? ArrayPrototypeSlice(arguments, 1) : [], false, "setImmediate");
}
function clearImmediate(immediate = 0) {
  clear(immediate);
}
const operations = {
  setTimeout, setInterval, clearTimeout, clearInterval, setImmediate, clearImmediate,
};
for (const name in operations) internals.expose(name, operations[name], true);
