const reset = () => {
  performance.clearMarks();
  performance.clearMeasures();
};

test("globals are plain properties before anybody reads them", () => {
  const d = Object.getOwnPropertyDescriptor(globalThis, "PerformanceObserver");
  assert(typeof d.value === "function" && d.writable && d.configurable && !d.enumerable);
  assert.equal(PerformanceObserver, d.value);
  assert.equal(String(performance), "[object Performance]");
});

test("now and timeOrigin", () => {
  assert.equal(performance.timeOrigin, 0);
  assert(Math.abs(performance.now() - Date.now()) < 1000);
  assert.equal(JSON.stringify(performance), '{"timeOrigin":0}');
  assert.throws(() => Performance.prototype.now.call({}), TypeError);
  for (const Class of [Performance, PerformanceEntry, PerformanceMeasure, PerformanceObserverEntryList]) assert.throws(() => new Class(), TypeError, "Illegal");
});

test("marks", () => {
  reset();
  const detail = { a: 1 };
  const mark = performance.mark("m", { startTime: 5, detail });
  assert(mark instanceof PerformanceMark && mark instanceof PerformanceEntry);
  assert(mark.detail.a === 1 && mark.detail !== detail && mark.startTime === 5 && mark.duration === 0);
  assert.equal(performance.mark("n").detail, null);
  assert.throws(() => performance.mark("x", { startTime: -1 }), TypeError);
  assert.throws(() => performance.mark("x", 1), TypeError);
  assert.throws(() => performance.mark("x", { detail: Symbol() }), DOMException);
  assert.equal(performance.getEntries().map((e) => e.name).join(), "m,n");
  new PerformanceMark("not in the timeline");
  assert.equal(performance.getEntriesByName("not in the timeline").length, 0);
  performance.clearMarks("m");
  assert.equal(performance.getEntriesByType("mark").length, 1);
});

test("measures", () => {
  reset();
  performance.mark("a", { startTime: 10 });
  performance.mark("b", { startTime: 30 });
  const of = (...args) => { const m = performance.measure("m", ...args); return [m.startTime, m.duration].join(); };
  assert.equal(of("a", "b"), "10,20");
  assert.equal(of({ start: "a", end: 15 }), "10,5");
  assert.equal(of({ start: 1, duration: 2 }), "1,2");
  assert.equal(of({ end: "b", duration: 2 }), "28,2");
  assert.equal(of(undefined, "b"), "0,30");
  assert.equal(assert.throws(() => performance.measure("m", "no"), DOMException).name, "SyntaxError");
  for (const bad of [[{ start: 1 }, "b"], [{ detail: 1 }], [{ start: 1, duration: 1, end: 2 }], [{ start: -1 }]]) assert.throws(() => performance.measure("m", ...bad), TypeError);
});

test("the timeline keeps the newest entries", () => {
  reset();
  for (let i = 0; i < 6000; i++) performance.mark(`m${i}`);
  assert.equal(performance.getEntries().length, 5000);
  assert.equal(performance.getEntriesByName("m0").length + performance.getEntriesByName("m5999").length, 1);
  reset();
});

test("observers", async () => {
  reset();
  const seen = [];
  const observer = new PerformanceObserver(function (list, self, options) {
    seen.push(list.getEntries().map((e) => e.name).join(), this === self, typeof options);
  });
  observer.observe({ entryTypes: ["mark", "unknown"] });
  performance.mark("a");
  performance.measure("b");
  performance.mark("c");
  assert.equal(seen.length, 0);
  await null;
  await null;
  assert.deepEqual(seen, ["a,c", true, "object"]);
  performance.mark("d");
  assert.equal(observer.takeRecords().map((e) => e.name).join(), "d");
  observer.disconnect();
  const late = new PerformanceObserver((list) => seen.push(list.getEntries().length));
  late.observe({ type: "mark", buffered: true });
  await null;
  await null;
  assert.equal(seen.at(-1), 3);
  assert.throws(() => late.observe({ entryTypes: ["mark"] }), DOMException);
  assert.throws(() => late.observe({}), TypeError);
  assert.throws(() => late.observe({ type: "mark", entryTypes: [] }), TypeError);
  late.disconnect();
  assert(Object.isFrozen(PerformanceObserver.supportedEntryTypes));
});
