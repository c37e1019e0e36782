//! Memory. It comes from malloc, so that buffers can change hands between here and C without a copy: C frees what it is
//! given, and hands over blocks that are freed here.
//!
//! malloc keeps a few blocks for each thread, up to a kilobyte. A call on a fresh instance needs a few that are a little
//! larger (the store, an instance), which take it ten times as long. So a thread keeps some of these here, at most 4 of
//! each kind and 80 KiB in all.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr::null_mut;

const SMALLEST: usize = 1032;
const STEP: usize = 512;
const KINDS: usize = 6;
const KEPT: usize = 4;

struct Kept {
    blocks: [[*mut u8; KEPT]; KINDS],
    counts: [usize; KINDS],
}

impl Drop for Kept {
    fn drop(&mut self) {
        for (blocks, count) in std::iter::zip(&self.blocks, &mut self.counts) {
            for block in &blocks[..std::mem::take(count)] {
                unsafe { libc::free(block.cast()) };
            }
        }
    }
}

thread_local! {
    static KEPT_BLOCKS: UnsafeCell<Kept> =
        const { UnsafeCell::new(Kept { blocks: [[null_mut(); KEPT]; KINDS], counts: [0; KINDS] }) };
}

/// Which kind a block is of, and how long those are.
fn kind(size: usize, align: usize) -> Option<(usize, usize)> {
    if size <= SMALLEST || size > SMALLEST + KINDS * STEP || align > 16 {
        return None;
    }
    let kind = (size - SMALLEST - 1) / STEP;
    Some((kind, SMALLEST + (kind + 1) * STEP))
}

/// What `body` does with this thread's blocks; None at its end, when they are gone.
fn with<T>(body: impl FnOnce(&mut Kept) -> Option<T>) -> Option<T> {
    // Nothing in `body` allocates, so nobody else has the reference.
    KEPT_BLOCKS.try_with(|kept| body(unsafe { &mut *kept.get() })).ok().flatten()
}

pub struct Keeping;

unsafe impl GlobalAlloc for Keeping {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some((kind, whole)) = kind(layout.size(), layout.align()) else { return unsafe { System.alloc(layout) } };
        let taken = with(|kept| {
            kept.counts[kind] = kept.counts[kind].checked_sub(1)?;
            Some(kept.blocks[kind][kept.counts[kind]])
        });
        taken.unwrap_or_else(|| unsafe { libc::malloc(whole) }.cast())
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some((kind, whole)) = kind(layout.size(), layout.align()) else {
            return unsafe { System.dealloc(block, layout) };
        };
        // One that C made, or that was made longer, may be shorter than its kind.
        let kept = unsafe { libc::malloc_usable_size(block.cast()) } >= whole
            && with(|kept| {
                *kept.blocks[kind].get_mut(kept.counts[kind])? = block;
                kept.counts[kind] += 1;
                Some(())
            })
            .is_some();
        if !kept {
            unsafe { libc::free(block.cast()) };
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        unsafe { System.realloc(block, layout, size) }
    }
}
