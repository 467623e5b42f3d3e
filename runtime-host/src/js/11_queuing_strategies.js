"use strict";
// Queuing strategies (https://streams.spec.whatwg.org/#qs) and what a stream makes of the one it is given.

const { RangeError, ReflectApply, TypeError } = internals.primordials;
const { configureInterface, illegalInvocation, isObject, requireArguments, unrestrictedDouble } = internals.webidl;
const core = internals.streamCore;

// The functions behind `size` are one per realm and, as methods, not constructors.
const { size: countSize } = { size() { return 1; } };
const { size: byteLengthSize } = { size(chunk) { return chunk.byteLength; } };

function readInit(init, count, name) {
  const prefix = `Failed to construct '${name}'`;
  requireArguments(count, 1, prefix);
  core.requireDictionary(init, prefix, "QueuingStrategyInit");
  const highWaterMark = isObject(init) ? init.highWaterMark : undefined;
  if (highWaterMark === undefined) {
    throw new TypeError(`${prefix}: required member 'highWaterMark' of QueuingStrategyInit is undefined.`);
  }
  return unrestrictedDouble(highWaterMark, prefix, "member 'highWaterMark' of QueuingStrategyInit");
}

class CountQueuingStrategy {
  #highWaterMark;

  constructor(init) {
    this.#highWaterMark = readInit(init, arguments.length, "CountQueuingStrategy");
  }

  get highWaterMark() {
    if (!isObject(this) || !(#highWaterMark in this)) illegalInvocation();
    return this.#highWaterMark;
  }

  get size() {
    if (!isObject(this) || !(#highWaterMark in this)) illegalInvocation();
    return countSize;
  }
}

class ByteLengthQueuingStrategy {
  #highWaterMark;

  constructor(init) {
    this.#highWaterMark = readInit(init, arguments.length, "ByteLengthQueuingStrategy");
  }

  get highWaterMark() {
    if (!isObject(this) || !(#highWaterMark in this)) illegalInvocation();
    return this.#highWaterMark;
  }

  get size() {
    if (!isObject(this) || !(#highWaterMark in this)) illegalInvocation();
    return byteLengthSize;
  }
}

const NO_STRATEGY = { highWaterMark: undefined, size: undefined, hasSize: false };

/**
 * Converts a QueuingStrategy dictionary. `size` is undefined when every chunk counts 1, so that the common strategies
 * call no function.
 */
function readStrategy(strategy, prefix) {
  if (strategy === undefined || strategy === null) return NO_STRATEGY;
  core.requireDictionary(strategy, prefix, "QueuingStrategy");
  let highWaterMark = strategy.highWaterMark;
  if (highWaterMark !== undefined) {
    highWaterMark = unrestrictedDouble(highWaterMark, prefix, "member 'highWaterMark' of QueuingStrategy");
  }
  const size = core.readMethod(strategy, "size", "QueuingStrategy");
  return { highWaterMark, size: size === countSize ? undefined : size, hasSize: size !== undefined };
}

/** https://streams.spec.whatwg.org/#validate-and-normalize-high-water-mark */
function highWaterMarkOf(strategy, fallback) {
  const { highWaterMark } = strategy;
  if (highWaterMark === undefined) return fallback;
  if (!(highWaterMark >= 0)) throw new RangeError("highWaterMark must be a number that is not negative.");
  return highWaterMark;
}

/** Asks a strategy for the size of a chunk; throws what the strategy throws. */
function chunkSize(size, chunk) {
  return size === undefined ? 1 : unrestrictedDouble(ReflectApply(size, undefined, [chunk]), undefined, "The size of a chunk");
}

configureInterface(CountQueuingStrategy);
configureInterface(ByteLengthQueuingStrategy);
internals.expose("CountQueuingStrategy", CountQueuingStrategy);
internals.expose("ByteLengthQueuingStrategy", ByteLengthQueuingStrategy);
Object.assign(core, { readStrategy, highWaterMarkOf, chunkSize });
