"use strict";
// Two streams out of one (https://streams.spec.whatwg.org/#abstract-opdef-readablestreamtee). A tee is one object that
// reads the original for both branches; each branch's source points back to it.

const { PromisePrototypeThen, TypedArrayPrototypeGetSymbolToStringTag } = internals.primordials;
const { isObject } = internals.webidl;
const core = internals.streamCore;
const {
  ByteController, Capability, bufferOf, copyBytes, createByteReadable, createReadable, lengthOf, microtask, noop, offsetOf, shield,
  toPromise,
} = core;

const copyOfView = (view) => copyBytes(bufferOf(view), offsetOf(view), lengthOf(view));

/** A deep copy of a chunk for the second branch; Uint8Arrays, by far the most, need no serializer. */
function cloneChunk(chunk) {
  if (!isObject(chunk) && typeof chunk !== "symbol") return chunk;
  if (TypedArrayPrototypeGetSymbolToStringTag(chunk) === "Uint8Array") return copyOfView(chunk);
  const { deserialize, serialize } = internals.structuredClone;
  return deserialize(serialize(chunk));
}

class BranchSource {
  constructor(tee, index) {
    this.tee = tee;
    this.index = index;
  }

  pull() {
    return this.tee.pull(this.index);
  }

  cancel(reason) {
    return this.tee.cancel(this.index, reason);
  }
}

/** What both kinds of tee share. Fields that end in 0 and 1 belong to the first and the second branch. */
class Tee {
  constructor(stream) {
    this.stream = stream;
    this.reader = stream.acquireReader();
    this.reading = false;
    this.canceled0 = false;
    this.canceled1 = false;
    this.reason0 = undefined;
    this.reason1 = undefined;
    this.cancellation = new Capability();
    this.branch0 = undefined;
    this.branch1 = undefined;
  }

  /** Errors of the original reach the branches through the closed promise of the reader that is in use. */
  watch(reader) {
    PromisePrototypeThen(reader.closed.get(), undefined, (reason) => {
      if (this.reader === reader) this.fail(reason);
    });
  }

  fail(reason) {
    this.branch0.controller.error(reason);
    this.branch1.controller.error(reason);
    this.finish();
  }

  finish() {
    if (!this.canceled0 || !this.canceled1) this.cancellation.resolve(undefined);
  }

  /** A chunk could not be copied. */
  failToClone(error) {
    this.branch0.controller.error(error);
    this.branch1.controller.error(error);
    this.cancelOriginal(error);
  }

  cancel(index, reason) {
    if (index === 0) {
      this.canceled0 = true;
      this.reason0 = reason;
    } else {
      this.canceled1 = true;
      this.reason1 = reason;
    }
    if (this.canceled0 && this.canceled1) {
      this.cancelOriginal([this.reason0, this.reason1]);
    }
    return this.cancellation.promise;
  }

  cancelOriginal(reason) {
    const { resolve, reject } = this.cancellation;
    PromisePrototypeThen(toPromise(this.stream.cancel(reason)), resolve, reject);
  }
}

class DefaultTee extends Tee {
  constructor(stream, clone) {
    super(stream);
    this.clone = clone;
    this.readAgain = false;
    this.request = new DefaultTeeRequest(this);
    this.branch0 = createReadable(new BranchSource(this, 0));
    this.branch1 = createReadable(new BranchSource(this, 1));
    this.watch(this.reader);
  }

  pull() {
    if (this.reading) {
      this.readAgain = true;
      return undefined;
    }
    this.reading = true;
    this.reader.read(this.request);
    return undefined;
  }

  deliver(chunk) {
    this.readAgain = false;
    let second = chunk;
    if (!this.canceled1 && this.clone) {
      try {
        second = cloneChunk(chunk);
      } catch (error) {
        this.failToClone(error);
        return;
      }
    }
    if (!this.canceled0) this.branch0.controller.enqueue(chunk);
    if (!this.canceled1) this.branch1.controller.enqueue(second);
    this.reading = false;
    if (this.readAgain) this.pull();
  }
}

/** One object serves all reads of a tee: there is never more than one at a time. */
class DefaultTeeRequest {
  constructor(tee) {
    this.tee = tee;
    this.next = undefined;
  }

  chunk(chunk) {
    // A microtask, so that an error of the original reaches the branches before a chunk it was read with.
    microtask(() => this.tee.deliver(chunk));
  }

  close() {
    const { tee } = this;
    tee.reading = false;
    if (!tee.canceled0) tee.branch0.controller.close();
    if (!tee.canceled1) tee.branch1.controller.close();
    tee.finish();
  }

  error() {
    this.tee.reading = false;
  }
}

/** https://streams.spec.whatwg.org/#abstract-opdef-readablebytestreamtee */
class ByteTee extends Tee {
  constructor(stream) {
    super(stream);
    this.readAgain0 = false;
    this.readAgain1 = false;
    this.branch0 = createByteReadable(new BranchSource(this, 0));
    this.branch1 = createByteReadable(new BranchSource(this, 1));
    this.watch(this.reader);
  }

  pull(index) {
    if (this.reading) {
      if (index === 0) this.readAgain0 = true;
      else this.readAgain1 = true;
      return undefined;
    }
    this.reading = true;
    const branch = index === 0 ? this.branch0 : this.branch1;
    const byobRequest = branch.controller.getByobRequest();
    this.useReader(byobRequest !== null);
    if (byobRequest === null) this.reader.read(new ByteTeeRequest(this));
    else this.reader.readInto(byobRequest.view, 1, new ByobTeeRequest(this, index));
    return undefined;
  }

  useReader(byob) {
    if (this.reader.byob === byob) return;
    this.reader.release();
    this.reader = this.stream.acquireReader(byob);
    this.watch(this.reader);
  }

  beginDelivery() {
    this.readAgain0 = false;
    this.readAgain1 = false;
  }

  endDelivery() {
    this.reading = false;
    if (this.readAgain0) this.pull(0);
    else if (this.readAgain1) this.pull(1);
  }

  deliver(chunk) {
    this.beginDelivery();
    let second = chunk;
    if (!this.canceled0 && !this.canceled1) {
      try {
        second = copyOfView(chunk);
      } catch (error) {
        this.failToClone(error);
        return;
      }
    }
    if (!this.canceled0) this.branch0.controller.enqueue(chunk);
    if (!this.canceled1) this.branch1.controller.enqueue(second);
    this.endDelivery();
  }

  /** The chunk lies in memory of branch `index`: that branch gets it back, the other a copy. */
  deliverByob(index, chunk) {
    this.beginDelivery();
    const byob = this.side(index);
    const other = this.side(1 - index);
    if (!other.canceled) {
      let copy;
      try {
        copy = copyOfView(chunk);
      } catch (error) {
        this.failToClone(error);
        return;
      }
      if (!byob.canceled) byob.controller.respondWithNewView(chunk);
      other.controller.enqueue(copy);
    } else if (!byob.canceled) {
      byob.controller.respondWithNewView(chunk);
    }
    this.endDelivery();
  }

  side(index) {
    return index === 0
      ? { canceled: this.canceled0, controller: this.branch0.controller }
      : { canceled: this.canceled1, controller: this.branch1.controller };
  }
}

class ByteTeeRequest {
  constructor(tee) {
    this.tee = tee;
    this.next = undefined;
  }

  chunk(chunk) {
    microtask(() => this.tee.deliver(chunk));
  }

  close() {
    const { tee } = this;
    tee.reading = false;
    const { controller: first } = tee.branch0;
    const { controller: second } = tee.branch1;
    if (!tee.canceled0) first.close();
    if (!tee.canceled1) second.close();
    if (first.pullIntos.head !== undefined) first.respond(0);
    if (second.pullIntos.head !== undefined) second.respond(0);
    tee.finish();
  }

  error() {
    this.tee.reading = false;
  }
}

class ByobTeeRequest {
  constructor(tee, index) {
    this.tee = tee;
    this.index = index;
    this.next = undefined;
  }

  chunk(chunk) {
    microtask(() => this.tee.deliverByob(this.index, chunk));
  }

  close(chunk) {
    const { tee } = this;
    tee.reading = false;
    const byob = tee.side(this.index);
    const other = tee.side(1 - this.index);
    if (!byob.canceled) byob.controller.close();
    if (!other.canceled) other.controller.close();
    // Without a chunk the original was cancelled, and with it both branches.
    if (chunk !== undefined) {
      if (!byob.canceled) byob.controller.respondWithNewView(chunk);
      if (!other.canceled && other.controller.pullIntos.head !== undefined) other.controller.respond(0);
    }
    tee.finish();
  }

  error() {
    this.tee.reading = false;
  }
}

shield(BranchSource, Tee, DefaultTeeRequest, ByteTeeRequest, ByobTeeRequest);

/**
 * Locks a stream and gives two that read the same chunks. With `clone` the second branch of a default stream gets deep
 * copies, as does that of an owning stream; branches of byte streams never share memory.
 */
core.tee = (stream, clone = false) => {
  const { controller } = stream;
  const tee = controller instanceof ByteController ? new ByteTee(stream) : new DefaultTee(stream, clone || controller.owning);
  // A branch's cancel may be the only one that looks at it.
  PromisePrototypeThen(tee.cancellation.promise, undefined, noop);
  if (!stream.disturbed) {
    tee.branch0.sameLengthAs(stream);
    tee.branch1.sameLengthAs(stream);
  }
  return [tee.branch0, tee.branch1];
};
