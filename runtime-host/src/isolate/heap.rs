//! Ending a Worker's turn when its memory goes past the limit.
//!
//! Heap and buffers are counted together after each full collection; past the limit the turn is
//! terminated. V8's own heap limit is the second line. Past it V8 would end the process, so its
//! callback lends memory until the termination takes effect: V8 looks for one at loops' back-edges
//! and at calls of JavaScript functions, not inside its built-in functions.

use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use super::memory::BufferMeter;
use super::watch;
use crate::worker::Bundle;

/// V8's own limit is this and half of the Worker's limit above the Worker's limit, so that the
/// count after each collection finds an excess before V8 has to.
const HEADROOM_BYTES: usize = 16 * 1024 * 1024;

/// What a turn that shall end gets first: room for the largest single object, 1 GiB (a string of
/// 2^29 two-byte units, or an array of 2^27 pointers), which V8 makes before it looks for a
/// termination. It is address space until it is used, and is given back with the isolate.
const FIRST_LOAN_BYTES: usize = 1280 * 1024 * 1024;

/// What it gets after that.
const LOAN_BYTES: usize = 64 * 1024 * 1024;

/// How often a turn gets a loan. One that has not ended after so many is inside of a built-in
/// function that fills all memory it is given (`new Array(2 ** 28).fill(0)`).
const LOANS_MAX: u32 = 4;

/// V8's heap limit for a Worker's memory limit.
pub fn v8_limit(limit: usize) -> usize {
    limit.saturating_add(limit / 2).saturating_add(HEADROOM_BYTES)
}

/// How many more bytes of buffers there are before the host looks for those that JavaScript has
/// dropped. V8 itself does so when its heap is used up, which what streams through it in buffers
/// outside does not do, and after 64 MB of them. A few windows of a body: collecting the young
/// generation takes a tenth of a millisecond or two. Where it has grown it is collected after as many
/// bytes as filling it takes, so that this costs a copy of the buffers at most, or after a sixteenth of
/// the Worker's memory, which all buffers have to fit into.
const BUFFERS_GROWTH_BYTES: usize = 2 * 1024 * 1024;

/// Below the size from which V8 puts an object elsewhere than into the young generation.
static FILLER: [u8; 64 * 1024] = [0; 64 * 1024];

/// The half of a young generation of [`YOUNG_MAX_BYTES`] that is in use between collections: V8 has
/// three parts of it, one for large objects.
const FILL_MAX_BYTES: usize = YOUNG_MAX_BYTES / 3;

/// How large V8's young generation may grow: to what V8 has without limits, 16 MB in use between
/// collections. What a request makes should die there: V8 would derive 5 MB from a limit of 128 MB, and
/// a few requests that parse 100 KB of JSON then fill the old generation with what is garbage already;
/// replacing a word in 10 MB of text takes 14 MB that live as long as the call. It starts small and
/// grows with use.
const YOUNG_MAX_BYTES: usize = 48 * 1024 * 1024;

/// The young generation's limit for a Worker's memory limit.
pub fn young_limit(limit: usize) -> usize {
    (limit / 8 * 3).min(YOUNG_MAX_BYTES)
}

/// One isolate's guard; V8's callbacks hold its address.
pub struct HeapGuard {
    exhausted: AtomicBool,
    loans: AtomicU32,
    isolate: v8::IsolateHandle,
    meter: Arc<BufferMeter>,
    /// Bytes in the heap after the last full collection.
    heap_bytes: AtomicUsize,
    /// The least bytes of buffers since the host last looked for dropped ones.
    buffer_bytes: AtomicUsize,
    collections: AtomicU32,
    /// For the last words of the process.
    worker: String,
}

impl HeapGuard {
    /// A box, because V8 keeps the address.
    #[allow(clippy::unnecessary_box_returns)]
    pub fn install(
        isolate: &mut v8::OwnedIsolate,
        meter: Arc<BufferMeter>,
        bundle: &Bundle,
    ) -> Box<Self> {
        let guard = Box::new(Self {
            exhausted: AtomicBool::new(false),
            loans: AtomicU32::new(0),
            isolate: isolate.thread_safe_handle(),
            meter,
            heap_bytes: AtomicUsize::new(0),
            buffer_bytes: AtomicUsize::new(0),
            collections: AtomicU32::new(0),
            worker: bundle.name.clone(),
        });
        let data: *mut c_void = (&raw const *guard).cast_mut().cast();
        isolate.add_near_heap_limit_callback(near_heap_limit, data);
        isolate.add_gc_epilogue_callback(
            after_collection,
            data,
            v8::GCType::kGCTypeMarkSweepCompact,
        );
        isolate.add_gc_epilogue_callback(after_any_collection, data, v8::GCType::kGCTypeAll);
        guard
    }

    pub fn exhausted(&self) -> bool {
        self.exhausted.load(Ordering::Relaxed)
    }

    /// Counts what is outside of the heap, after a turn: V8 collects too rarely for WebAssembly
    /// memory, which can be large at once.
    pub fn count_outside(&self, isolate: &mut v8::Isolate) {
        if self.count(isolate) {
            self.exhausted.store(true, Ordering::Relaxed);
        }
    }

    /// Frees the buffers of objects that died young, when so many were made that it matters: chunks
    /// that streamed through. To be called at the end of a turn.
    ///
    /// V8 has no call for collecting the young generation but one for tests, so what is free of it is
    /// filled: some dozen microseconds for a young generation of its initial size.
    pub fn free_dropped_buffers(&self, scope: &mut v8::PinScope<'_, '_>) {
        let used = self.meter.used();
        let least = self.buffer_bytes.load(Ordering::Relaxed).min(used);
        let grown = used - least;
        let enough = grown >= BUFFERS_GROWTH_BYTES
            && (grown >= self.meter.limit() / 16 || grown >= young_bytes_left(scope));
        let least = if enough {
            self.fill_young_generation(scope);
            self.meter.used()
        } else {
            least
        };
        self.buffer_bytes.store(least, Ordering::Relaxed);
    }

    fn fill_young_generation(&self, scope: &mut v8::PinScope<'_, '_>) {
        let before = self.collections.load(Ordering::Relaxed);
        // While V8 marks incrementally it may take the filler elsewhere: that is not worth more.
        for _ in 0..FILL_MAX_BYTES / FILLER.len() {
            v8::scope!(let scope, scope);
            let _garbage = v8::String::new_from_one_byte(scope, &FILLER, v8::NewStringType::Normal);
            if self.collections.load(Ordering::Relaxed) != before {
                break;
            }
        }
    }

    /// True when the limit is exceeded.
    fn count(&self, isolate: &mut v8::Isolate) -> bool {
        // A change by zero only asks for the amount: buffers and WebAssembly memory.
        let outside = isolate.adjust_amount_of_external_allocated_memory(0);
        let outside = usize::try_from(outside).unwrap_or(0);
        let wasm = outside.saturating_sub(self.meter.used());
        self.meter.set_beside(self.heap_bytes.load(Ordering::Relaxed).saturating_add(wasm));
        self.meter.exceeded()
    }

    fn end_turn(&self) {
        self.exhausted.store(true, Ordering::Relaxed);
        self.isolate.terminate_execution();
        watch::condemn();
    }
}

/// Where V8 lists the young generation among its spaces.
const NEW_SPACE: usize = 1;

/// Bytes that fit into the young generation before V8 collects it.
fn young_bytes_left(isolate: &mut v8::Isolate) -> usize {
    isolate.get_heap_space_statistics(NEW_SPACE).map_or(0, |space| space.space_available_size())
}

/// Ends the running turn and lends memory so that it can unwind.
unsafe extern "C" fn near_heap_limit(data: *mut c_void, current: usize, _initial: usize) -> usize {
    // SAFETY: `HeapGuard::install` registered a boxed guard that lives as long as the isolate.
    let guard = unsafe { &*data.cast::<HeapGuard>() };
    if guard.meter.is_cause() {
        // JavaScript will see a RangeError. V8 looks at the heap's limit once more after this.
        return current;
    }
    guard.end_turn();
    match guard.loans.fetch_add(1, Ordering::Relaxed) {
        0 => return current.saturating_add(FIRST_LOAN_BYTES),
        1..LOANS_MAX => return current.saturating_add(LOAN_BYTES),
        _ => {}
    }
    // V8 ends the process when the limit stays; whoever restarts it should know who to blame.
    tracing::error!(
        worker = %guard.worker,
        "the Worker fills all memory from inside of a built-in function and can't be ended: V8 \
         ends this process"
    );
    current
}

unsafe extern "C" fn after_any_collection(
    _isolate: v8::UnsafeRawIsolatePtr,
    _kind: v8::GCType,
    _flags: v8::GCCallbackFlags,
    data: *mut c_void,
) {
    // SAFETY: as above.
    let guard = unsafe { &*data.cast::<HeapGuard>() };
    guard.collections.fetch_add(1, Ordering::Relaxed);
}

unsafe extern "C" fn after_collection(
    isolate: v8::UnsafeRawIsolatePtr,
    _kind: v8::GCType,
    _flags: v8::GCCallbackFlags,
    data: *mut c_void,
) {
    // SAFETY: as above.
    let guard = unsafe { &*data.cast::<HeapGuard>() };
    // SAFETY: V8 passes the isolate it collects, which this thread has entered; reading its
    // statistics allocates nothing.
    let mut isolate = unsafe { v8::Isolate::from_raw_isolate_ptr(isolate) };
    guard.heap_bytes.store(isolate.get_heap_statistics().used_heap_size(), Ordering::Relaxed);
    if guard.count(&mut isolate) {
        guard.end_turn();
    }
}
