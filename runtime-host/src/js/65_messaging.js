"use strict";
// MessageChannel and MessagePort (https://html.spec.whatwg.org/#message-channels), made when first used. Both ends are in
// one isolate: a message is cloned when it is posted, and delivered as a task of the invocation that posted it.

function makeMessaging() {
  const { webidl, primordials, events, DOMException } = internals;
  const {
    ArrayPrototypeIncludes, ArrayPrototypePush, FunctionPrototypeCall, ObjectDefineProperty, ObjectFreeze,
    ReflectGetOwnPropertyDescriptor, SymbolIterator, TypeError,
  } = primordials;
  const { illegalConstructor, illegalInvocation, privateKey, requireArguments } = webidl;
  const { Event, EventTarget, MessageEvent, defineHandler, fireEvent, hasListeners } = events;

  /** What travels when a port is transferred. */
  class PortState {
    port = null; // The MessagePort that has it; none while it travels.
    other = null; // The state at the other end, until one of them is closed.
    enabled = false;
    queue = []; // Serialized messages, or CLOSE.
    task = undefined;
  }
  const CLOSE = { __proto__: null };

  let stateOf; // The port's state; null after it was transferred or closed.
  let setState;
  let isPort;

  const inPost = "Failed to execute 'postMessage' on 'MessagePort'";
  const requireObject = (value, prefix, context) => {
    if (!webidl.isObject(value)) throw new TypeError(`${prefix}: ${context} has a value that is not an object.`);
    return value;
  };
  const toTransferList = (value, prefix, context, method) => webidl.sequence(value, requireObject, prefix, context, method);
  const toOptions = webidl.dictionary("StructuredSerializeOptions", [{ key: "transfer", convert: toTransferList }]);

  class MessagePort extends EventTarget {
    #state;
    constructor(key = undefined, state = undefined) {
      if (key !== privateKey) illegalConstructor();
      super();
      this.#state = state;
      state.port = this;
    }
    static {
      isPort = (value) => webidl.isObject(value) && #state in value;
      stateOf = (port) => (isPort(port) ? port.#state : illegalInvocation());
      setState = (port, state) => {
        port.#state = state;
      };
    }

    postMessage(message, optionsOrTransfer = undefined) {
      const state = stateOf(this);
      requireArguments(arguments.length, 1, inPost);
      let transfer;
      if (webidl.isObject(optionsOrTransfer)) {
        const method = optionsOrTransfer[SymbolIterator];
        if (method !== undefined && method !== null) transfer = toTransferList(optionsOrTransfer, inPost, "parameter 2", method);
      }
      transfer ??= toOptions(optionsOrTransfer, inPost, "parameter 2").transfer ?? [];
      if (ArrayPrototypeIncludes(transfer, this)) {
        throw new DOMException(`${inPost}: a port can't be transferred through itself.`, "DataCloneError");
      }
      const target = state === null ? null : state.other;
      // The receiver that is transferred to itself is lost, and the message with it.
      const isDoomed = target !== null && target.port !== null && ArrayPrototypeIncludes(transfer, target.port);
      const serialized = internals.structuredClone.serializeWithTransfer(message, transfer);
      if (target === null || isDoomed) return;
      ArrayPrototypePush(target.queue, serialized);
      schedule(target);
    }

    start() {
      enable(stateOf(this));
    }

    close() {
      const state = stateOf(this);
      if (state === null) return;
      setState(this, null);
      state.port = null;
      const { other } = state;
      if (other === null) return;
      state.other = null;
      other.other = null;
      ArrayPrototypePush(other.queue, CLOSE);
      schedule(other);
    }
  }
  for (const type of ["message", "messageerror", "close"]) defineHandler(MessagePort.prototype, type);

  // Setting onmessage starts the port.
  const { get, set } = ReflectGetOwnPropertyDescriptor(MessagePort.prototype, "onmessage");
  const { set: setAndStart } = ReflectGetOwnPropertyDescriptor(
    {
      set onmessage(value) {
        const state = stateOf(this);
        FunctionPrototypeCall(set, this, value);
        enable(state);
      },
    },
    "onmessage",
  );
  const accessor = { __proto__: null, get, set: setAndStart, enumerable: true, configurable: true };
  ObjectDefineProperty(MessagePort.prototype, "onmessage", accessor);
  webidl.configureInterface(MessagePort);

  function enable(state) {
    if (state === null || state.enabled) return;
    state.enabled = true;
    schedule(state);
  }

  // ---- Delivery ----

  function schedule(state) {
    if (state.queue.length === 0 || state.port === null) return;
    if (!state.enabled && state.queue[0] !== CLOSE) return;
    // A task of an invocation that is over never runs: whoever posts next brings what waits.
    if (state.task !== undefined && internals.timers.isPending(state.task)) return;
    state.task = internals.timers.queueTask(() => deliver(state));
  }

  // One turn delivers what is there when it begins; between two messages microtasks run, as between tasks.
  function deliver(state) {
    state.task = undefined;
    const { queue } = state;
    state.queue = [];
    for (let i = 0; i < queue.length; i++) {
      const { port } = state;
      if (port === null || (!state.enabled && queue[i] !== CLOSE)) {
        // Transferred or closed by a listener: the rest goes along.
        const rest = [];
        for (; i < queue.length; i++) ArrayPrototypePush(rest, queue[i]);
        for (let j = 0; j < state.queue.length; j++) ArrayPrototypePush(rest, state.queue[j]);
        state.queue = rest;
        break;
      }
      if (queue[i] === CLOSE) {
        if (hasListeners(port, "close")) fireEvent(port, new Event("close"));
      } else {
        deliverMessage(port, queue[i]);
      }
      if (i + 1 < queue.length) ops.microtaskCheckpoint();
    }
    schedule(state);
  }

  function deliverMessage(port, message) {
    let data;
    const ports = [];
    try {
      const received = internals.structuredClone.deserializeWithTransfer(message);
      data = received.value;
      for (let i = 0; i < received.transferred.length; i++) {
        if (isPort(received.transferred[i])) ArrayPrototypePush(ports, received.transferred[i]);
      }
    } catch {
      return void fireEvent(port, new MessageEvent("messageerror"));
    }
    fireEvent(port, new MessageEvent("message", { __proto__: null, data, ports: ObjectFreeze(ports) }));
  }

  internals.structuredClone.registerTransferable({
    test: isPort,
    transfer(port) {
      const state = stateOf(port);
      if (state === null) throw new DOMException("A MessagePort that was transferred or closed could not be cloned.", "DataCloneError");
      setState(port, null);
      state.port = null;
      state.enabled = false;
      return state;
    },
    receive: (state) => new MessagePort(privateKey, state),
  });

  class MessageChannel {
    #port1;
    #port2;
    constructor() {
      const first = new PortState();
      const second = new PortState();
      first.other = second;
      second.other = first;
      this.#port1 = new MessagePort(privateKey, first);
      this.#port2 = new MessagePort(privateKey, second);
    }
    get port1() {
      return webidl.isObject(this) && #port1 in this ? this.#port1 : illegalInvocation();
    }
    get port2() {
      return webidl.isObject(this) && #port2 in this ? this.#port2 : illegalInvocation();
    }
  }
  webidl.configureInterface(MessageChannel);

  // 03_events.js asks it for MessageEvent's `ports`.
  internals.messaging = { __proto__: null, isPort };
  return { __proto__: null, MessageChannel, MessagePort };
}

internals.exposeLazily(["MessageChannel", "MessagePort"], makeMessaging);
