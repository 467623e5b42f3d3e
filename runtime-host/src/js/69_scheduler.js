"use strict";
// scheduler.wait(), Workers' own promise of a timer. Made when first used.

function makeScheduler() {
  const { webidl } = internals;
  const { Promise, TypeError } = internals.primordials;
  const { illegalConstructor, illegalInvocation, privateKey, requireArguments } = webidl;
  const { clear, set } = internals.timers;

  class Scheduler {
    #brand;
    constructor(key = undefined) {
      if (key !== privateKey) illegalConstructor();
    }
    /** Workers' own: a promise for when so many milliseconds have passed. Rejects when `signal` aborts. */
    wait(delay, options = undefined) {
      if (!webidl.isObject(this) || !(#brand in this)) illegalInvocation();
      return new Promise((resolve, reject) => {
        requireArguments(arguments.length, 1, inWait);
        delay = webidl.long(delay, inWait, "parameter 1");
        const { signal } = toWaitOptions(options, inWait, "parameter 2");
        if (signal === undefined) return void set(delay, resolve);
        const { isAborted, reason, add, remove } = internals.abort;
        if (isAborted(signal)) return void reject(reason(signal));
        const abort = (why) => {
          clear(timer);
          reject(why);
        };
        const timer = set(delay, () => {
          remove(signal, abort);
          resolve();
        });
        add(signal, abort);
      });
    }
  }
  webidl.configureInterface(Scheduler);

  const inWait = "Failed to execute 'wait' on 'Scheduler'";
  const toWaitOptions = webidl.dictionary("SchedulerWaitOptions", [
    {
      key: "signal",
      convert(value, prefix, context) {
        if (internals.abort.isSignal(value)) return value;
        throw new TypeError(`${prefix}: ${context} is not of type 'AbortSignal'.`);
      },
    },
  ]);
  return new Scheduler(privateKey);
}

let made;
internals.exposeAttribute("scheduler", () => (made ??= makeScheduler()));
