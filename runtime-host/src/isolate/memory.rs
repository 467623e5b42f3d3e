//! Counting what an isolate's `ArrayBuffer`s hold.
//!
//! V8's heap limit does not see backing stores. This allocator counts them per isolate and refuses
//! past the limit, which JavaScript sees as a `RangeError`. WebAssembly memory, which V8 reserves
//! itself, is counted with the heap; bodies still queued in the host are not.

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc};
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

/// Bytes in use and how many there may be.
#[derive(Debug)]
pub struct BufferMeter {
    used: AtomicUsize,
    /// Bytes of the isolate's memory that are no buffers, when last counted.
    beside: AtomicUsize,
    refusal: AtomicU8,
    limit: usize,
}

/// Where V8 is with an allocation that was refused: it collects and tries again, calls the
/// near-heap-limit callback before its last collection (`Heap::CollectAllAvailableGarbage`), and
/// tries a last time.
const NO_REFUSAL: u8 = 0;
const REFUSED: u8 = 1;
const LAST_TRY: u8 = 2;

impl BufferMeter {
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            used: AtomicUsize::new(0),
            beside: AtomicUsize::new(0),
            refusal: AtomicU8::new(NO_REFUSAL),
            limit,
        })
    }

    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Says what the isolate's memory beside buffers is: heap and WebAssembly memory.
    pub fn set_beside(&self, bytes: usize) {
        self.beside.store(bytes, Ordering::Relaxed);
    }

    /// Whether an allocation of this size would be allowed now.
    pub fn fits(&self, bytes: usize) -> bool {
        self.total(self.used(), bytes) <= self.limit
    }

    /// Whether an allocation of this size would be allowed if there were nothing else.
    pub fn could_fit(&self, bytes: usize) -> bool {
        bytes <= self.limit
    }

    /// Whether all memory that was last counted is past the limit.
    pub fn exceeded(&self) -> bool {
        self.total(self.used(), 0) > self.limit
    }

    fn total(&self, used: usize, more: usize) -> usize {
        used.saturating_add(more).saturating_add(self.beside.load(Ordering::Relaxed))
    }

    /// Whether V8's near-heap-limit callback is called for a buffer that was refused, and not for
    /// the heap.
    pub fn is_cause(&self) -> bool {
        let next =
            self.refusal.compare_exchange(REFUSED, LAST_TRY, Ordering::Relaxed, Ordering::Relaxed);
        next.is_ok()
    }

    /// Counts memory that V8 did not allocate, as long as the charge lives. `None` past the limit.
    pub fn charge(meter: &Arc<Self>, bytes: usize) -> Option<Charge> {
        meter.try_reserve(bytes).then(|| Charge { meter: Arc::clone(meter), bytes })
    }

    fn reserve(&self, bytes: usize) -> bool {
        let reserved = self.try_reserve(bytes);
        let settled = reserved || self.refusal.load(Ordering::Relaxed) == LAST_TRY;
        let refusal = if settled { NO_REFUSAL } else { REFUSED };
        self.refusal.store(refusal, Ordering::Relaxed);
        reserved
    }

    fn try_reserve(&self, bytes: usize) -> bool {
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                let total = used.checked_add(bytes)?;
                (self.total(total, 0) <= self.limit).then_some(total)
            })
            .is_ok()
    }
}

/// Memory of the host's that an isolate's objects hold.
#[derive(Debug)]
pub struct Charge {
    meter: Arc<BufferMeter>,
    bytes: usize,
}

impl Charge {
    /// Leaves the bytes counted until [`Charge::resume`].
    pub fn keep(self) -> Arc<BufferMeter> {
        let this = std::mem::ManuallyDrop::new(self);
        // SAFETY: the field is read once, since the charge itself is never dropped.
        unsafe { std::ptr::read(&raw const this.meter) }
    }

    /// A charge of so many bytes that was kept; dropping it ends it.
    pub fn resume(meter: Arc<BufferMeter>, bytes: usize) -> Self {
        Self { meter, bytes }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.meter.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The allocator for one isolate.
pub fn allocator(meter: &Arc<BufferMeter>) -> v8::UniqueRef<v8::Allocator> {
    const VTABLE: &v8::RustAllocatorVtable<BufferMeter> =
        &v8::RustAllocatorVtable { allocate, allocate_uninitialized, free, drop };
    // SAFETY: the handle is an Arc's pointer that `drop` gives back; the vtable's functions take
    // exactly that type.
    unsafe { v8::new_rust_allocator(Arc::into_raw(Arc::clone(meter)), VTABLE) }
}

/// Alignment that any typed array needs and more than malloc gives for small sizes.
const ALIGN: usize = 16;

fn layout(len: usize) -> Option<Layout> {
    // A zero-sized layout may not be allocated; V8 wants a non-null pointer all the same.
    Layout::from_size_align(len.max(1), ALIGN).ok()
}

unsafe extern "C" fn allocate(meter: &BufferMeter, len: usize) -> *mut c_void {
    match layout(len) {
        // SAFETY: the layout is not zero-sized.
        Some(layout) if meter.reserve(len) => unsafe { alloc_zeroed(layout).cast() },
        _ => null_mut(),
    }
}

unsafe extern "C" fn allocate_uninitialized(meter: &BufferMeter, len: usize) -> *mut c_void {
    match layout(len) {
        // SAFETY: the layout is not zero-sized.
        Some(layout) if meter.reserve(len) => unsafe { alloc(layout).cast() },
        _ => null_mut(),
    }
}

unsafe extern "C" fn free(meter: &BufferMeter, data: *mut c_void, len: usize) {
    if let Some(layout) = layout(len) {
        // SAFETY: V8 frees what `allocate` gave, with the same length.
        unsafe { dealloc(data.cast(), layout) };
        meter.used.fetch_sub(len, Ordering::Relaxed);
    }
}

unsafe extern "C" fn drop(meter: *const BufferMeter) {
    // SAFETY: the pointer came from Arc::into_raw in `allocator`; V8 drops the allocator once.
    unsafe { std::mem::drop(Arc::from_raw(meter)) };
}

#[cfg(test)]
mod tests {
    use super::{BufferMeter, Charge};

    #[test]
    fn refuses_past_the_limit_and_never_overflows() {
        let meter = BufferMeter::new(100);
        assert!(meter.reserve(60));
        assert!(!meter.reserve(41));
        assert!(!meter.reserve(usize::MAX));
        assert!(meter.reserve(40));
        assert_eq!(meter.used(), 100);
    }

    #[test]
    fn a_charge_counts_until_it_is_dropped() {
        let meter = BufferMeter::new(100);
        let charge = BufferMeter::charge(&meter, 60).unwrap();
        assert!(BufferMeter::charge(&meter, 41).is_none());
        let kept = charge.keep();
        assert_eq!(meter.used(), 60);
        drop(Charge::resume(kept, 60));
        assert_eq!((meter.used(), std::sync::Arc::strong_count(&meter)), (0, 1));
    }

    #[test]
    fn a_refused_buffer_is_told_from_a_full_heap() {
        let meter = BufferMeter::new(100);
        assert!(!meter.is_cause());
        assert!(!meter.reserve(101) && !meter.reserve(101) && meter.is_cause());
        // The heap is full besides, or later.
        assert!(!meter.is_cause());
        assert!(!meter.reserve(101) && !meter.is_cause());
        assert!(!meter.reserve(101) && meter.reserve(1) && !meter.is_cause());
    }

    #[test]
    fn the_heap_leaves_less_room_for_buffers() {
        let meter = BufferMeter::new(100);
        meter.set_beside(70);
        assert!(meter.fits(30) && !meter.fits(31) && !meter.exceeded());
        assert!(!meter.reserve(31));
        assert!(meter.reserve(30));
        meter.set_beside(71);
        assert!(meter.exceeded());
    }
}
