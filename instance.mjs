// The life of the wasm instance that this isolate has at the moment.
//
// A panic in wasm aborts the whole instance: every promise that Rust was keeping would hang for
// ever, and what was in memory is gone. So every promise from Rust is raced against the abort.

import "./build/index.js";

// worker's shim marks the end of an instance here; the name is pinned with the crate's version.
const initState = globalThis.__worker_init_state;

/** Which instance there is now, by the shim's count; nothing while there is none. */
export function instanceNow() {
  return initState.criticalError ? undefined : initState.instanceId;
}

/** Promises that Rust keeps, by the function that breaks them. */
const pending = new Set();

/** Which instance this is, counted up. What waits in one that is gone is not there in the next. */
export let instance = 0;

/** Breaks everything that was waiting for the instance that is gone. */
function instanceAborted() {
  instance += 1;
  const error = new Error("the wasm instance was aborted");
  for (const breakOff of [...pending]) breakOff(error);
  pending.clear();
}

let criticalError = initState.criticalError;
Object.defineProperty(initState, "criticalError", {
  get: () => criticalError,
  set: (value) => {
    criticalError = value;
    if (value) instanceAborted();
  },
});
addEventListener("error", (event) => {
  if (isAbort(event.error)) instanceAborted();
});

/** Whether an error ended the wasm instance: a trap, or an exception where Rust expected none. */
export function isAbort(error) {
  return error instanceof WebAssembly.RuntimeError || error?.message === "Critical error";
}

/** Marks the instance as ended if an error says so, as the shim does around its own calls. */
export function markIfAborted(error) {
  if (isAbort(error)) initState.criticalError = true;
}

/** Runs a call into Rust whose promise must not outlive the instance. */
export function guarded(call) {
  return new Promise((resolve, reject) => {
    const breakOff = (error) => {
      pending.delete(breakOff);
      reject(error);
    };
    pending.add(breakOff);
    const done = (value) => {
      pending.delete(breakOff);
      resolve(value);
    };
    try {
      Promise.resolve(call()).then(done, breakOff);
    } catch (error) {
      markIfAborted(error);
      breakOff(error);
    }
  });
}
