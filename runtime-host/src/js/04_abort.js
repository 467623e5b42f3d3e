"use strict";
// AbortController and AbortSignal (https://dom.spec.whatwg.org/#aborting-ongoing-activities).
//
// A signal made by AbortSignal.any() must not be kept alive by its sources, which may live as long as the isolate, and
// weak references are not available here. So a source knows of a dependent signal only while somebody observes the
// dependent (a listener or an algorithm); an unobserved one looks at its sources when asked.

const { webidl, primordials, events, DOMException } = internals;
const { ArrayPrototypeIncludes, ArrayPrototypeIndexOf, ArrayPrototypePush, ArrayPrototypeSplice, TypeError } = primordials;
const { illegalConstructor, illegalInvocation, privateKey, requireArguments } = webidl;
const { Event, EventTarget, defineHandler, fireEvent, hasListeners } = events;

class SignalState {
  aborted = false;
  reason = undefined;
  order = 0; // Which abort of this isolate it was: the first aborted source gives a dependent its reason.
  algorithms = null; // Functions that abort(reason) runs before the event.
  sources = null; // Of a dependent signal: the non-dependent signals it follows.
  dependents = null; // Of a source: observed dependent signals.
  linked = false; // Of a dependent: whether its sources know of it.
}

let aborts = 0;
let stateOf;
let isSignal;

class AbortSignal extends EventTarget {
  #state = new SignalState();
  constructor(key = undefined) {
    if (key !== privateKey) illegalConstructor();
    super();
  }
  static {
    stateOf = (signal) => (#state in signal ? signal.#state : illegalInvocation());
    isSignal = (value) => webidl.isObject(value) && #state in value;
  }

  static abort(reason = undefined) {
    const signal = create();
    setAborted(stateOf(signal), reason === undefined ? abortError() : reason);
    return signal;
  }

  static any(signals) {
    const prefix = "Failed to execute 'any' on 'AbortSignal'";
    requireArguments(arguments.length, 1, prefix);
    return any(webidl.sequence(signals, toSignal, prefix, "parameter 1"));
  }

  static timeout(milliseconds) {
    const prefix = "Failed to execute 'timeout' on 'AbortSignal'";
    requireArguments(arguments.length, 1, prefix);
    const delay_ms = webidl.unsignedLongLong(milliseconds, prefix, "parameter 1", "enforceRange");
    const signal = create();
    internals.timers.set(delay_ms, () => signalAbort(signal, new DOMException("The operation timed out.", "TimeoutError")));
    return signal;
  }

  get aborted() {
    return refresh(stateOf(this)).aborted;
  }

  get reason() {
    return refresh(stateOf(this)).reason;
  }

  throwIfAborted() {
    const state = refresh(stateOf(this));
    if (state.aborted) throw state.reason;
  }
}
defineHandler(AbortSignal.prototype, "abort");
webidl.configureInterface(AbortSignal);

class AbortController {
  #signal = create();

  get signal() {
    return #signal in this ? this.#signal : illegalInvocation();
  }

  abort(reason = undefined) {
    if (!(#signal in this)) illegalInvocation();
    signalAbort(this.#signal, reason);
  }
}
webidl.configureInterface(AbortController);

const create = () => new AbortSignal(privateKey);
const abortError = () => new DOMException("The operation was aborted.", "AbortError");

function toSignal(value, prefix, context) {
  if (!isSignal(value)) throw new TypeError(`${prefix}: ${context} has a value that is not of type 'AbortSignal'.`);
  return value;
}

function setAborted(state, reason) {
  state.aborted = true;
  state.reason = reason;
  state.order = ++aborts;
}

// Brings an unobserved dependent signal up to date.
function refresh(state) {
  if (state.aborted || state.sources === null || state.linked) return state;
  const first = firstAborted(state.sources);
  if (first !== null) {
    state.aborted = true;
    state.reason = first.reason;
    state.order = first.order;
    state.sources = null;
  }
  return state;
}

function firstAborted(signals) {
  let first = null;
  for (let i = 0; i < signals.length; i++) {
    const state = stateOf(signals[i]);
    if (state.aborted && (first === null || state.order < first.order)) first = state;
  }
  return first;
}

function any(signals) {
  const result = create();
  const state = stateOf(result);
  for (let i = 0; i < signals.length; i++) {
    const source = refresh(stateOf(signals[i]));
    if (source.aborted) {
      setAborted(state, source.reason);
      return result;
    }
  }
  const sources = [];
  for (let i = 0; i < signals.length; i++) {
    const inner = stateOf(signals[i]).sources ?? [signals[i]];
    for (let j = 0; j < inner.length; j++) {
      if (!ArrayPrototypeIncludes(sources, inner[j])) ArrayPrototypePush(sources, inner[j]);
    }
  }
  state.sources = sources;
  return result;
}

// Called when a signal gains or loses a listener or an algorithm.
function observersChanged(target) {
  if (!isSignal(target)) return;
  const state = stateOf(target);
  if (state.sources === null || refresh(state).aborted) return;
  const observed = state.algorithms !== null || hasListeners(target, "abort");
  if (observed === state.linked) return;
  state.linked = observed;
  for (let i = 0; i < state.sources.length; i++) {
    const source = stateOf(state.sources[i]);
    if (observed) ArrayPrototypePush((source.dependents ??= []), target);
    else removeItem(source.dependents, target);
  }
}

function removeItem(list, item) {
  const at = list === null ? -1 : ArrayPrototypeIndexOf(list, item);
  if (at >= 0) ArrayPrototypeSplice(list, at, 1);
}

// https://dom.spec.whatwg.org/#abortsignal-signal-abort
function signalAbort(signal, reason) {
  const state = refresh(stateOf(signal));
  if (state.aborted) return;
  setAborted(state, reason === undefined ? abortError() : reason);
  const dependents = state.dependents ?? [];
  state.dependents = null;
  const toRun = [];
  for (let i = 0; i < dependents.length; i++) {
    const dependent = stateOf(dependents[i]);
    if (dependent.aborted) continue;
    unlink(dependents[i], dependent);
    setAborted(dependent, state.reason);
    ArrayPrototypePush(toRun, dependents[i]);
  }
  runAbortSteps(signal, state);
  for (let i = 0; i < toRun.length; i++) runAbortSteps(toRun[i], stateOf(toRun[i]));
}

function unlink(signal, state) {
  for (let i = 0; i < state.sources.length; i++) removeItem(stateOf(state.sources[i]).dependents, signal);
  state.linked = false;
  state.sources = null;
}

function runAbortSteps(signal, state) {
  const { algorithms } = state;
  state.algorithms = null;
  if (algorithms !== null) {
    for (let i = 0; i < algorithms.length; i++) algorithms[i](state.reason);
  }
  if (hasListeners(signal, "abort")) fireEvent(signal, new Event("abort"));
}

internals.abort = {
  __proto__: null,
  isSignal,
  isAborted: (signal) => refresh(stateOf(signal)).aborted,
  reason: (signal) => refresh(stateOf(signal)).reason,
  /** Runs `algorithm(reason)` when the signal aborts. Nothing happens if it already has. */
  add(signal, algorithm) {
    const state = refresh(stateOf(signal));
    if (state.aborted) return;
    ArrayPrototypePush((state.algorithms ??= []), algorithm);
    observersChanged(signal);
  },
  /** Takes an algorithm back, so that a finished operation is not kept by its signal. */
  remove(signal, algorithm) {
    const state = stateOf(signal);
    if (state.algorithms === null) return;
    removeItem(state.algorithms, algorithm);
    if (state.algorithms.length === 0) state.algorithms = null;
    observersChanged(signal);
  },
  /** A signal without a controller, for signalAbort. */
  create,
  /** A signal that follows the given ones (an Array of signals). */
  any,
  signalAbort,
  observersChanged,
};
internals.expose("AbortController", AbortController);
internals.expose("AbortSignal", AbortSignal);
