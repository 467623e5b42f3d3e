"use strict";
// performance: High Resolution Time, Performance Timeline and User Timing (https://w3c.github.io/hr-time/,
// https://w3c.github.io/performance-timeline/, https://w3c.github.io/user-timing/). Made when first used.
//
// As in Workers the time origin is 0, so that now() is the time of day, and stands still while code runs. The timeline
// belongs to the isolate, and with that to one Worker; it holds the newest entries only.

// Entries of the timeline, and of what an observer has not taken.
const ENTRIES_MAX = 5000;

function makePerformance() {
  const { webidl, primordials, events, DOMException } = internals;
  const {
    ArrayPrototypeFilter, ArrayPrototypeIncludes, ArrayPrototypeIndexOf, ArrayPrototypePush, ArrayPrototypeShift,
    ArrayPrototypeSlice, ArrayPrototypeSort, ArrayPrototypeSplice, FunctionPrototypeCall, MathFloor,
    ObjectFreeze, TypeError,
  } = primordials;
  const { DOMString, illegalConstructor, illegalInvocation, privateKey, requireArguments } = webidl;

  // Whole hundredths of a millisecond (https://w3c.github.io/hr-time/#dfn-coarsen-time asks for no finer than 5 us).
  const now = () => MathFloor(ops.now() * 100) / 100;

  // ---- Entries ----

  class EntryState {
    id = ++lastId;
    name;
    type;
    start;
    duration;
    detail;
    constructor(name, type, start, duration, detail) {
      this.name = name;
      this.type = type;
      this.start = start;
      this.duration = duration;
      this.detail = detail;
    }
  }
  let lastId = 0;
  let stateOf;

  class PerformanceEntry {
    #state;
    constructor(key = undefined, state = undefined) {
      if (key !== privateKey) illegalConstructor();
      this.#state = state;
    }
    static {
      stateOf = (entry) => (webidl.isObject(entry) && #state in entry ? entry.#state : illegalInvocation());
    }
    get id() {
      return stateOf(this).id;
    }
    get name() {
      return stateOf(this).name;
    }
    get entryType() {
      return stateOf(this).type;
    }
    get startTime() {
      return stateOf(this).start;
    }
    get duration() {
      return stateOf(this).duration;
    }
    get navigationId() {
      stateOf(this);
      return 0;
    }
    toJSON() {
      const { id, name, type, start, duration } = stateOf(this);
      return { id, name, entryType: type, startTime: start, duration, navigationId: 0 };
    }
  }
  webidl.configureInterface(PerformanceEntry);

  const number = webidl.double;
  const any = (value) => value;
  const toMarkOptions = webidl.dictionary("PerformanceMarkOptions", [
    { key: "detail", convert: any },
    { key: "startTime", convert: number },
  ]);
  const copyOf = (detail) => {
    if (detail === undefined || detail === null) return null;
    const { serialize, deserialize } = internals.structuredClone;
    return deserialize(serialize(detail));
  };

  function markState(name, options, prefix) {
    name = DOMString(name, prefix, "parameter 1");
    const { startTime, detail } = toMarkOptions(options, prefix, "parameter 2");
    if (startTime < 0) throw new TypeError(`${prefix}: startTime must not be negative.`);
    return new EntryState(name, "mark", startTime ?? now(), 0, copyOf(detail));
  }

  class PerformanceMark extends PerformanceEntry {
    constructor(markName, markOptions = undefined) {
      const prefix = "Failed to construct 'PerformanceMark'";
      if (markName === privateKey) {
        super(privateKey, markOptions);
        return;
      }
      requireArguments(arguments.length, 1, prefix);
      super(privateKey, markState(markName, markOptions, prefix));
    }
    get detail() {
      const state = stateOf(this);
      return state.type === "mark" ? state.detail : illegalInvocation();
    }
  }
  webidl.configureInterface(PerformanceMark);

  class PerformanceMeasure extends PerformanceEntry {
    constructor(key = undefined, state = undefined) {
      super(key, state);
    }
    get detail() {
      const state = stateOf(this);
      return state.type === "measure" ? state.detail : illegalInvocation();
    }
  }
  webidl.configureInterface(PerformanceMeasure);

  // ---- The timeline ----

  /** Entries in the order in which they were added. */
  let timeline = [];
  const dropped = { __proto__: null, mark: 0, measure: 0 };

  /** Adds an entry; returns the oldest when that has to give way. */
  function pushBounded(list, entry) {
    const oldest = list.length >= ENTRIES_MAX ? ArrayPrototypeShift(list) : undefined;
    ArrayPrototypePush(list, entry);
    return oldest;
  }

  function queue(entry) {
    const oldest = pushBounded(timeline, entry);
    if (oldest !== undefined) dropped[stateOf(oldest).type]++;
    for (let i = 0; i < observers.length; i++) observers[i].offer(entry);
  }

  // https://w3c.github.io/performance-timeline/#filter-buffer-by-name-and-type
  function select(list, name, type) {
    const found = ArrayPrototypeFilter(list, (entry) => {
      const state = stateOf(entry);
      return (name === undefined || state.name === name) && (type === undefined || state.type === type);
    });
    return ArrayPrototypeSort(found, (a, b) => stateOf(a).start - stateOf(b).start);
  }

  const methodsOfLists = (listOf, className) => {
    const inType = `Failed to execute 'getEntriesByType' on '${className}'`;
    const inName = `Failed to execute 'getEntriesByName' on '${className}'`;
    return {
      getEntries() {
        return select(listOf(this));
      },
      getEntriesByType(type) {
        const list = listOf(this);
        requireArguments(arguments.length, 1, inType);
        return select(list, undefined, DOMString(type, inType, "parameter 1"));
      },
      getEntriesByName(name, type = undefined) {
        const list = listOf(this);
        requireArguments(arguments.length, 1, inName);
        name = DOMString(name, inName, "parameter 1");
        return select(list, name, type === undefined ? undefined : DOMString(type, inName, "parameter 2"));
      },
    };
  };
  const addMethodsOfLists = (Class, listOf) => {
    const methods = methodsOfLists(listOf, Class.name);
    for (const key in methods) webidl.defineMethod(Class.prototype, key, methods[key], true);
  };

  function clear(name, type) {
    timeline = ArrayPrototypeFilter(timeline, (entry) => {
      const state = stateOf(entry);
      return state.type !== type || (name !== undefined && state.name !== name);
    });
  }

  // ---- Performance ----

  const inMeasure = "Failed to execute 'measure' on 'Performance'";
  const toMarkOrTime = (value, prefix, context) =>
    typeof value === "number" ? number(value, prefix, context) : DOMString(value, prefix, context);
  const toMeasureOptions = webidl.dictionary("PerformanceMeasureOptions", [
    { key: "detail", convert: any },
    { key: "duration", convert: number },
    { key: "end", convert: toMarkOrTime },
    { key: "start", convert: toMarkOrTime },
  ]);

  // https://w3c.github.io/user-timing/#convert-a-mark-to-a-timestamp
  function timeOf(mark) {
    if (typeof mark === "number") {
      if (mark < 0) throw new TypeError(`${inMeasure}: a time must not be negative.`);
      return mark;
    }
    for (let i = timeline.length - 1; i >= 0; i--) {
      const state = stateOf(timeline[i]);
      if (state.type === "mark" && state.name === mark) return state.start;
    }
    throw new DOMException(`${inMeasure}: there is no mark '${mark}'.`, "SyntaxError");
  }

  function requireMeasurable({ start, duration, end }, endMark) {
    if (endMark !== undefined) throw new TypeError(`${inMeasure}: with options there can be no third parameter.`);
    if (start === undefined && end === undefined) throw new TypeError(`${inMeasure}: options need a start or an end.`);
    if (start !== undefined && duration !== undefined && end !== undefined) {
      throw new TypeError(`${inMeasure}: options with start, duration and end say one thing twice.`);
    }
  }

  let isPerformance;

  class Performance extends events.EventTarget {
    #brand;
    constructor(key = undefined) {
      if (key !== privateKey) illegalConstructor();
      super();
    }
    static {
      isPerformance = (value) => webidl.isObject(value) && #brand in value;
    }

    get timeOrigin() {
      checkPerformance(this);
      return 0;
    }
    now() {
      checkPerformance(this);
      return now();
    }
    toJSON() {
      checkPerformance(this);
      return { timeOrigin: 0 };
    }

    mark(markName, markOptions = undefined) {
      checkPerformance(this);
      const prefix = "Failed to execute 'mark' on 'Performance'";
      requireArguments(arguments.length, 1, prefix);
      const entry = new PerformanceMark(privateKey, markState(markName, markOptions, prefix));
      queue(entry);
      return entry;
    }

    measure(measureName, startOrMeasureOptions = undefined, endMark = undefined) {
      checkPerformance(this);
      requireArguments(arguments.length, 1, inMeasure);
      measureName = DOMString(measureName, inMeasure, "parameter 1");
      const hasOptions = startOrMeasureOptions === undefined || startOrMeasureOptions === null || webidl.isObject(startOrMeasureOptions);
      const options = hasOptions
        ? toMeasureOptions(startOrMeasureOptions, inMeasure, "parameter 2")
        : { __proto__: null, start: DOMString(startOrMeasureOptions, inMeasure, "parameter 2") };
      if (endMark !== undefined) endMark = DOMString(endMark, inMeasure, "parameter 3");
      const { start, duration, end } = options;
      if (hasOptions && (start !== undefined || duration !== undefined || end !== undefined || options.detail !== undefined)) {
        requireMeasurable(options, endMark);
      }
      let endTime;
      if (endMark !== undefined) endTime = timeOf(endMark);
      else if (end !== undefined) endTime = timeOf(end);
      else if (duration !== undefined) endTime = timeOf(start) + duration;
      else endTime = now();
      let startTime = 0;
      if (start !== undefined) startTime = timeOf(start);
      else if (duration !== undefined) startTime = endTime - duration;
      const state = new EntryState(measureName, "measure", startTime, endTime - startTime, copyOf(options.detail));
      const entry = new PerformanceMeasure(privateKey, state);
      queue(entry);
      return entry;
    }

    clearMarks(markName = undefined) {
      checkPerformance(this);
      clear(markName === undefined ? undefined : DOMString(markName), "mark");
    }
    clearMeasures(measureName = undefined) {
      checkPerformance(this);
      clear(measureName === undefined ? undefined : DOMString(measureName), "measure");
    }
  }
  const checkPerformance = (value) => void (isPerformance(value) || illegalInvocation());
  addMethodsOfLists(Performance, (self) => {
    checkPerformance(self);
    return timeline;
  });
  webidl.configureInterface(Performance);

  // ---- Observers ----

  /** Those that observe something. */
  const observers = [];
  let task;
  const TYPES = ObjectFreeze(["mark", "measure"]);

  const toInit = webidl.dictionary("PerformanceObserverInit", [
    { key: "buffered", convert: (value) => !!value },
    { key: "entryTypes", convert: (value, prefix, context) => webidl.sequence(value, DOMString, prefix, context) },
    { key: "type", convert: DOMString },
  ]);

  class ObserverState {
    callback;
    observer;
    mode = undefined; // "single" or "multiple", by the first observe().
    types = [];
    entries = [];
    tellsDropped = false;
    constructor(callback, observer) {
      this.callback = callback;
      this.observer = observer;
    }
    offer(entry) {
      if (!ArrayPrototypeIncludes(this.types, stateOf(entry).type)) return;
      pushBounded(this.entries, entry);
      queueTask();
    }
    take() {
      const { entries } = this;
      this.entries = [];
      return entries;
    }
  }

  // https://w3c.github.io/performance-timeline/#queue-the-performanceobserver-task
  function queueTask() {
    // A task of an invocation that is over never runs.
    if (task !== undefined && internals.timers.isPending(task)) return;
    task = internals.timers.queueTask(() => {
      task = undefined;
      const list = ArrayPrototypeSlice(observers);
      for (let i = 0; i < list.length; i++) notify(list[i]);
    });
  }

  function notify(state) {
    const entries = state.take();
    if (entries.length === 0) return;
    const options = {};
    if (state.tellsDropped) {
      state.tellsDropped = false;
      let count = 0;
      for (let i = 0; i < state.types.length; i++) count += dropped[state.types[i]];
      options.droppedEntriesCount = count;
    }
    const list = new PerformanceObserverEntryList(privateKey, entries);
    try {
      FunctionPrototypeCall(state.callback, state.observer, list, state.observer, options);
    } catch (error) {
      internals.reportException(error);
    }
  }

  let entriesOf;
  class PerformanceObserverEntryList {
    #entries;
    constructor(key = undefined, entries = undefined) {
      if (key !== privateKey) illegalConstructor();
      this.#entries = entries;
    }
    static {
      entriesOf = (list) => (webidl.isObject(list) && #entries in list ? list.#entries : illegalInvocation());
    }
  }
  addMethodsOfLists(PerformanceObserverEntryList, (self) => entriesOf(self));
  webidl.configureInterface(PerformanceObserverEntryList);

  class PerformanceObserver {
    #state;
    constructor(callback) {
      const prefix = "Failed to construct 'PerformanceObserver'";
      requireArguments(arguments.length, 1, prefix);
      this.#state = new ObserverState(webidl.callback(callback, prefix, "parameter 1"), this);
    }
    static get supportedEntryTypes() {
      return TYPES;
    }
    static #of(observer) {
      return webidl.isObject(observer) && #state in observer ? observer.#state : illegalInvocation();
    }

    observe(options = undefined) {
      const state = PerformanceObserver.#of(this);
      const prefix = "Failed to execute 'observe' on 'PerformanceObserver'";
      const { buffered, entryTypes, type } = toInit(options, prefix, "parameter 1");
      if ((entryTypes === undefined) === (type === undefined)) {
        throw new TypeError(`${prefix}: either 'entryTypes' or 'type' is needed, and not both.`);
      }
      const mode = type === undefined ? "multiple" : "single";
      if (state.mode !== undefined && state.mode !== mode) {
        throw new DOMException(`${prefix}: this observer takes '${mode === "single" ? "entryTypes" : "type"}'.`, "InvalidModificationError");
      }
      state.mode = mode;
      state.tellsDropped = true;
      const isWanted = (one) => (type === undefined ? ArrayPrototypeIncludes(entryTypes, one) : one === type);
      const wanted = ArrayPrototypeFilter(TYPES, isWanted);
      if (wanted.length === 0) return;
      if (mode === "multiple") state.types = wanted;
      else if (!ArrayPrototypeIncludes(state.types, type)) ArrayPrototypePush(state.types, type);
      if (!ArrayPrototypeIncludes(observers, state)) ArrayPrototypePush(observers, state);
      if (mode === "multiple" || !buffered) return;
      const before = select(timeline, undefined, type);
      for (let i = 0; i < before.length; i++) state.offer(before[i]);
    }

    disconnect() {
      const state = PerformanceObserver.#of(this);
      const at = ArrayPrototypeIndexOf(observers, state);
      if (at >= 0) ArrayPrototypeSplice(observers, at, 1);
      state.types = [];
      state.entries = [];
      state.mode = undefined;
    }

    takeRecords() {
      return PerformanceObserver.#of(this).take();
    }
  }
  webidl.configureInterface(PerformanceObserver);

  return {
    __proto__: null,
    Performance, PerformanceEntry, PerformanceMark, PerformanceMeasure, PerformanceObserver, PerformanceObserverEntryList,
    performance: new Performance(privateKey),
  };
}

const group = internals.exposeLazily(
  [
    "Performance", "PerformanceEntry", "PerformanceMark", "PerformanceMeasure", "PerformanceObserver",
    "PerformanceObserverEntryList",
  ],
  makePerformance,
);
internals.exposeAttribute("performance", () => group().performance);
