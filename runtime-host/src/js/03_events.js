"use strict";
// Event and EventTarget (https://dom.spec.whatwg.org/#events) for targets that have no parent, and the event
// interfaces that carry only data. Other files build on internals.events.

const { webidl, primordials, DOMException } = internals;
const {
  ArrayPrototypePush, ArrayPrototypeSlice, ArrayPrototypeSplice, FunctionPrototypeCall, ObjectDefineProperty,
  ObjectFreeze, ReflectGetOwnPropertyDescriptor, TypeError, globalThis,
} = primordials;
const { DOMString, illegalInvocation, isObject, nullable, requireArguments } = webidl;

const NONE = 0;
const AT_TARGET = 2;

// What happens to an event between its creation and the end of its dispatch.
class EventState {
  type;
  bubbles;
  cancelable;
  composed;
  target = null;
  currentTarget = null;
  phase = NONE;
  initialized = true;
  dispatching = false;
  stopped = false;
  stoppedImmediately = false;
  canceled = false;
  inPassiveListener = false;
  trusted = false;
  timeStamp = ops.now();
  constructor(type, bubbles, cancelable, composed) {
    this.type = type;
    this.bubbles = bubbles;
    this.cancelable = cancelable;
    this.composed = composed;
  }
  cancel() {
    if (this.cancelable && !this.inPassiveListener) this.canceled = true;
  }
}

let stateOf;
let isEvent;

class Event {
  #state;
  constructor(type, eventInitDict = undefined) {
    const prefix = "Failed to construct 'Event'";
    requireArguments(arguments.length, 1, prefix);
    type = DOMString(type, prefix, "parameter 1");
    let bubbles = false;
    let cancelable = false;
    let composed = false;
    if (eventInitDict !== undefined && eventInitDict !== null) {
      if (!isObject(eventInitDict)) throw new TypeError(`${prefix}: parameter 2 is not of type 'EventInit'.`);
      bubbles = !!eventInitDict.bubbles;
      cancelable = !!eventInitDict.cancelable;
      composed = !!eventInitDict.composed;
    }
    this.#state = new EventState(type, bubbles, cancelable, composed);
    ObjectDefineProperty(this, "isTrusted", isTrusted);
  }
  static {
    stateOf = (event) => (#state in event ? event.#state : illegalInvocation());
    isEvent = (value) => isObject(value) && #state in value;
  }

  get type() {
    return stateOf(this).type;
  }
  get target() {
    return stateOf(this).target;
  }
  get srcElement() {
    return stateOf(this).target;
  }
  get currentTarget() {
    return stateOf(this).currentTarget;
  }
  composedPath() {
    const { currentTarget } = stateOf(this);
    return currentTarget === null ? [] : [currentTarget];
  }
  get eventPhase() {
    return stateOf(this).phase;
  }
  stopPropagation() {
    stateOf(this).stopped = true;
  }
  get cancelBubble() {
    return stateOf(this).stopped;
  }
  set cancelBubble(value) {
    const state = stateOf(this);
    if (value) state.stopped = true;
  }
  stopImmediatePropagation() {
    const state = stateOf(this);
    state.stopped = true;
    state.stoppedImmediately = true;
  }
  get bubbles() {
    return stateOf(this).bubbles;
  }
  get cancelable() {
    return stateOf(this).cancelable;
  }
  get returnValue() {
    return !stateOf(this).canceled;
  }
  set returnValue(value) {
    const state = stateOf(this);
    if (!value) state.cancel();
  }
  preventDefault() {
    stateOf(this).cancel();
  }
  get defaultPrevented() {
    return stateOf(this).canceled;
  }
  get composed() {
    return stateOf(this).composed;
  }
  get timeStamp() {
    return stateOf(this).timeStamp;
  }
  initEvent(type, bubbles = false, cancelable = false) {
    const state = stateOf(this);
    requireArguments(arguments.length, 1, "Failed to execute 'initEvent' on 'Event'");
    type = DOMString(type, "Failed to execute 'initEvent' on 'Event'", "parameter 1");
    initialize(state, type, bubbles, cancelable);
  }
}
webidl.configureInterface(Event, { NONE, CAPTURING_PHASE: 1, AT_TARGET, BUBBLING_PHASE: 3 });

// [LegacyUnforgeable]: an own property of every event, with one getter for all.
const isTrusted = {
  __proto__: null,
  get: ReflectGetOwnPropertyDescriptor(
    {
      get isTrusted() {
        return stateOf(this).trusted;
      },
    },
    "isTrusted",
  ).get,
  enumerable: true,
};

function initialize(state, type, bubbles, cancelable) {
  if (state.dispatching) return;
  state.type = type;
  state.bubbles = !!bubbles;
  state.cancelable = !!cancelable;
  state.initialized = true;
  state.stopped = false;
  state.stoppedImmediately = false;
  state.canceled = false;
  state.trusted = false;
  state.target = null;
}

// ---- Targets ----

// The listeners of one target: type -> array of records. Made when the first listener is added.
class Listeners {
  byType = { __proto__: null };
  handlers = null; // Event handler attributes: type -> { value, record }.
}

let listenersOf; // (target, create) -> Listeners or null
let isEventTarget;

// The global object can't carry private fields through a snapshot, so its listeners live here.
const globalListeners = new Listeners();

class EventTarget {
  #listeners = null;
  static {
    listenersOf = (target, create) => {
      if (target === globalThis) return globalListeners;
      if (create && target.#listeners === null) target.#listeners = new Listeners();
      return target.#listeners;
    };
    isEventTarget = (value) => value === globalThis || (isObject(value) && #listeners in value);
  }

  addEventListener(type, callback, options = undefined) {
    const target = checkTarget(this);
    const prefix = "Failed to execute 'addEventListener' on 'EventTarget'";
    requireArguments(arguments.length, 2, prefix);
    type = DOMString(type, prefix, "parameter 1");
    callback = toListener(callback, prefix);
    const record = new ListenerRecord(callback);
    let signal;
    if (isObject(options)) {
      record.capture = !!options.capture;
      record.once = !!options.once;
      record.passive = !!options.passive;
      signal = options.signal;
      if (signal !== undefined && !internals.abort.isSignal(signal)) {
        throw new TypeError(`${prefix}: member 'signal' of AddEventListenerOptions is not of type 'AbortSignal'.`);
      }
    } else {
      record.capture = !!options;
    }
    if (callback === null || (signal !== undefined && internals.abort.isAborted(signal))) return;
    if (!addRecord(target, type, record) || signal === undefined) return;
    internals.abort.add(signal, () => removeRecord(target, type, record));
  }

  removeEventListener(type, callback, options = undefined) {
    const target = checkTarget(this);
    const prefix = "Failed to execute 'removeEventListener' on 'EventTarget'";
    requireArguments(arguments.length, 2, prefix);
    type = DOMString(type, prefix, "parameter 1");
    callback = toListener(callback, prefix);
    const capture = isObject(options) ? !!options.capture : !!options;
    const list = listenersOf(target, false)?.byType[type];
    const at = list === undefined ? -1 : indexOfRecord(list, callback, capture);
    if (at >= 0) removeRecord(target, type, list[at]);
  }

  dispatchEvent(event) {
    const target = checkTarget(this);
    const prefix = "Failed to execute 'dispatchEvent' on 'EventTarget'";
    requireArguments(arguments.length, 1, prefix);
    if (!isEvent(event)) throw new TypeError(`${prefix}: parameter 1 is not of type 'Event'.`);
    const state = stateOf(event);
    if (state.dispatching) throw new DOMException(`${prefix}: The event is already being dispatched.`, "InvalidStateError");
    if (!state.initialized) {
      throw new DOMException(`${prefix}: The event provided is uninitialized.`, "InvalidStateError");
    }
    state.trusted = false;
    return dispatch(target, event, state);
  }
}
webidl.configureInterface(EventTarget);

// Called as a bare function (`addEventListener(...)`), a method acts on the global object.
function checkTarget(self) {
  if (self === undefined || self === null) return globalThis;
  return isEventTarget(self) ? self : illegalInvocation();
}

function toListener(callback, prefix) {
  if (callback === undefined || callback === null) return null;
  if (!isObject(callback)) throw new TypeError(`${prefix}: parameter 2 is not of type 'EventListener'.`);
  return callback;
}

class ListenerRecord {
  callback;
  capture = false;
  once = false;
  passive = false;
  removed = false;
  constructor(callback) {
    this.callback = callback;
  }
}

function indexOfRecord(list, callback, capture) {
  for (let i = 0; i < list.length; i++) {
    if (list[i].callback === callback && list[i].capture === capture) return i;
  }
  return -1;
}

// False when the same callback is already there.
function addRecord(target, type, record) {
  const { byType } = listenersOf(target, true);
  const list = byType[type];
  if (list === undefined) byType[type] = [record];
  else if (indexOfRecord(list, record.callback, record.capture) >= 0) return false;
  else ArrayPrototypePush(list, record);
  if (type === "abort") internals.abort.observersChanged(target);
  return true;
}

function removeRecord(target, type, record) {
  if (record.removed) return;
  record.removed = true;
  const { byType } = listenersOf(target, true);
  const list = byType[type];
  for (let i = 0; i < list.length; i++) {
    if (list[i] !== record) continue;
    if (list.length === 1) delete byType[type];
    else ArrayPrototypeSplice(list, i, 1);
    break;
  }
  if (type === "abort") internals.abort.observersChanged(target);
}

const hasListeners = (target, type) => listenersOf(target, false)?.byType[type] !== undefined;

// https://dom.spec.whatwg.org/#concept-event-dispatch with a path of one target. False when canceled.
function dispatch(target, event, state) {
  state.dispatching = true;
  state.target = target;
  const list = listenersOf(target, false)?.byType[state.type];
  if (list !== undefined) {
    state.currentTarget = target;
    state.phase = AT_TARGET;
    const snapshot = ArrayPrototypeSlice(list);
    invoke(target, event, state, snapshot, true);
    if (!state.stopped) invoke(target, event, state, snapshotAfterCapture(target, state, snapshot), false);
  }
  state.phase = NONE;
  state.currentTarget = null;
  state.dispatching = false;
  state.stopped = false;
  state.stoppedImmediately = false;
  return !state.canceled;
}

// Listeners that a capturing listener added take part in the second pass; without one nothing can have changed.
function snapshotAfterCapture(target, state, snapshot) {
  for (let i = 0; i < snapshot.length; i++) {
    if (snapshot[i].capture) return ArrayPrototypeSlice(listenersOf(target, false).byType[state.type] ?? []);
  }
  return snapshot;
}

function invoke(target, event, state, list, capture) {
  for (let i = 0; i < list.length; i++) {
    const record = list[i];
    if (record.removed || record.capture !== capture) continue;
    if (record.once) removeRecord(target, state.type, record);
    state.inPassiveListener = record.passive;
    try {
      callListener(record.callback, target, event);
    } catch (error) {
      internals.reportException(error);
    }
    state.inPassiveListener = false;
    if (state.stoppedImmediately) return;
  }
}

function callListener(callback, target, event) {
  if (typeof callback === "function") return void FunctionPrototypeCall(callback, target, event);
  const { handleEvent } = callback;
  if (typeof handleEvent !== "function") throw new TypeError("EventListener.handleEvent is not a function.");
  FunctionPrototypeCall(handleEvent, callback, event);
}

/** Marks `event` as the host's own and dispatches it at `target`. False when a listener canceled it. */
function fireEvent(target, event) {
  const state = stateOf(event);
  state.trusted = true;
  return dispatch(target, event, state);
}

// ---- Event handler attributes: https://html.spec.whatwg.org/#event-handlers ----

/** Adds the attribute `on${type}` to the prototype of an EventTarget class (or to the global object). */
function defineHandler(prototype, type) {
  const key = `on${type}`;
  const accessor = ReflectGetOwnPropertyDescriptor(
    {
      get [key]() {
        return listenersOf(checkTarget(this), false)?.handlers?.[type]?.value ?? null;
      },
      set [key](value) {
        setHandler(checkTarget(this), type, isObject(value) ? value : null);
      },
    },
    key,
  );
  ObjectDefineProperty(prototype, key, accessor);
}

function setHandler(target, type, value) {
  const listeners = listenersOf(target, true);
  listeners.handlers ??= { __proto__: null };
  const handler = (listeners.handlers[type] ??= { value: null, record: null });
  handler.value = value;
  if (value === null && handler.record !== null) {
    removeRecord(target, type, handler.record);
    handler.record = null;
  } else if (value !== null && handler.record === null) {
    handler.record = new ListenerRecord(function (event) {
      runHandler(this, handler.value, event);
    });
    addRecord(target, type, handler.record);
  }
}

// https://html.spec.whatwg.org/#the-event-handler-processing-algorithm
function runHandler(target, callback, event) {
  if (typeof callback !== "function") return;
  const state = stateOf(event);
  if (target === globalThis && state.type === "error" && isErrorEvent(event)) {
    const { message, filename, lineno, colno, error } = errorFields(event);
    if (FunctionPrototypeCall(callback, target, message, filename, lineno, colno, error) === true) state.cancel();
  } else if (FunctionPrototypeCall(callback, target, event) === false) {
    state.cancel();
  }
}

// ---- Events that carry data ----

const any = (value) => value;

class CustomEvent extends Event {
  #detail;
  constructor(type, eventInitDict = undefined) {
    requireArguments(arguments.length, 1, "Failed to construct 'CustomEvent'");
    super(type, eventInitDict);
    this.#detail = eventInitDict?.detail ?? null;
  }
  get detail() {
    return #detail in this ? this.#detail : illegalInvocation();
  }
  initCustomEvent(type, bubbles = false, cancelable = false, detail = null) {
    if (!(#detail in this)) illegalInvocation();
    const prefix = "Failed to execute 'initCustomEvent' on 'CustomEvent'";
    requireArguments(arguments.length, 1, prefix);
    type = DOMString(type, prefix, "parameter 1");
    const state = stateOf(this);
    if (state.dispatching) return;
    initialize(state, type, bubbles, cancelable);
    this.#detail = detail;
  }
}
webidl.configureInterface(CustomEvent);

const errorInit = webidl.dictionary("ErrorEventInit", [
  { key: "colno", convert: webidl.unsignedLong, default: 0 },
  { key: "error", convert: any },
  { key: "filename", convert: webidl.USVString, default: "" },
  { key: "lineno", convert: webidl.unsignedLong, default: 0 },
  { key: "message", convert: DOMString, default: "" },
]);
let errorFields;
let isErrorEvent;

class ErrorEvent extends Event {
  #init;
  constructor(type, eventInitDict = undefined) {
    requireArguments(arguments.length, 1, "Failed to construct 'ErrorEvent'");
    super(type, eventInitDict);
    this.#init = errorInit(eventInitDict, "Failed to construct 'ErrorEvent'", "parameter 2");
  }
  static {
    errorFields = (event) => (#init in event ? event.#init : illegalInvocation());
    isErrorEvent = (event) => #init in event;
  }
  get message() {
    return errorFields(this).message;
  }
  get filename() {
    return errorFields(this).filename;
  }
  get lineno() {
    return errorFields(this).lineno;
  }
  get colno() {
    return errorFields(this).colno;
  }
  get error() {
    return errorFields(this).error;
  }
}
webidl.configureInterface(ErrorEvent);

class PromiseRejectionEvent extends Event {
  #promise;
  #reason;
  constructor(type, eventInitDict) {
    const prefix = "Failed to construct 'PromiseRejectionEvent'";
    requireArguments(arguments.length, 2, prefix);
    super(type, eventInitDict);
    const promise = eventInitDict?.promise;
    if (promise === undefined) {
      throw new TypeError(`${prefix}: required member 'promise' of PromiseRejectionEventInit is undefined.`);
    }
    if (!isObject(promise)) throw new TypeError(`${prefix}: member 'promise' is not an object.`);
    this.#promise = promise;
    this.#reason = eventInitDict.reason;
  }
  get promise() {
    return #promise in this ? this.#promise : illegalInvocation();
  }
  get reason() {
    return #promise in this ? this.#reason : illegalInvocation();
  }
}
webidl.configureInterface(PromiseRejectionEvent);

const isPort = (value) => internals.messaging?.isPort(value) === true;
const toSource = (value, prefix) => {
  if (isEventTarget(value)) return value;
  throw new TypeError(`${prefix}: member 'source' is not of type 'MessageEventSource'.`);
};
const toPort = (value, prefix) => {
  if (isPort(value)) return value;
  throw new TypeError(`${prefix}: member 'ports' has a value that is not of type 'MessagePort'.`);
};
const toPorts = (value, prefix, context) => ObjectFreeze(webidl.sequence(value, toPort, prefix, context));
const messageInit = webidl.dictionary("MessageEventInit", [
  { key: "data", convert: any, default: null },
  { key: "lastEventId", convert: DOMString, default: "" },
  { key: "origin", convert: webidl.USVString, default: "" },
  { key: "ports", convert: toPorts },
  { key: "source", convert: nullable(toSource), default: null },
]);

class MessageEvent extends Event {
  #init;
  constructor(type, eventInitDict = undefined) {
    const prefix = "Failed to construct 'MessageEvent'";
    requireArguments(arguments.length, 1, prefix);
    super(type, eventInitDict);
    this.#init = messageInit(eventInitDict, prefix, "parameter 2");
    this.#init.ports ??= ObjectFreeze([]);
  }
  static #fields(event) {
    return #init in event ? event.#init : illegalInvocation();
  }
  get data() {
    return MessageEvent.#fields(this).data;
  }
  get origin() {
    return MessageEvent.#fields(this).origin;
  }
  get lastEventId() {
    return MessageEvent.#fields(this).lastEventId;
  }
  get source() {
    return MessageEvent.#fields(this).source;
  }
  get ports() {
    return MessageEvent.#fields(this).ports;
  }
  initMessageEvent(
    type, bubbles = false, cancelable = false, data = null, origin = "", lastEventId = "", source = null, ports = [],
  ) {
    MessageEvent.#fields(this);
    const prefix = "Failed to execute 'initMessageEvent' on 'MessageEvent'";
    requireArguments(arguments.length, 1, prefix);
    type = DOMString(type, prefix, "parameter 1");
    const init = messageInit({ __proto__: null, data, lastEventId, origin, source, ports }, prefix);
    const state = stateOf(this);
    if (state.dispatching) return;
    initialize(state, type, bubbles, cancelable);
    this.#init = init;
  }
}
webidl.configureInterface(MessageEvent);

internals.events = {
  __proto__: null, Event, EventTarget, CustomEvent, ErrorEvent, PromiseRejectionEvent, MessageEvent,
  isEvent, isEventTarget, hasListeners, fireEvent, defineHandler,
};
for (const Class of [Event, EventTarget, CustomEvent, ErrorEvent, PromiseRejectionEvent, MessageEvent]) {
  internals.expose(Class.name, Class);
}
