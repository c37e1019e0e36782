//! Profiles: where a guest computes, sampled at its ticks.

use crate::wrap::*;
use std::ffi::c_void;
use std::io::Write;
use std::time::Duration;
use wasmtime::{Error, GuestProfiler};
use wasmtime_c_api::wasmtime_component_t;

pub struct bhx_profiler {
    samples: GuestProfiler,
    interval: Duration,
    left: u64,
}

impl bhx_profiler {
    pub fn sample(&mut self, context: &Context<'_>) {
        if self.left > 0 {
            self.left -= 1;
            self.samples.sample(context, self.interval);
        }
    }
}

/// For guests of one component. At most `most` samples are kept.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bhx_profiler_new(
    c: &wasmtime_component_t,
    name: *const u8,
    len: usize,
    interval_us: u64,
    most: u64,
    out: &mut *mut bhx_profiler,
) -> CError {
    guarded(|| {
        let (component, interval) = (component(c), Duration::from_micros(interval_us));
        let name = unsafe { text(name, len) }?;
        let samples = GuestProfiler::new_component(component.engine(), name, interval, component.clone(), [])?;
        *out = Box::into_raw(Box::new(bhx_profiler { samples, interval, left: most }));
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn bhx_profiler_free(_profiler: Option<Box<bhx_profiler>>) {}

struct Forward(extern "C" fn(*mut c_void, *const u8, usize), *mut c_void);

impl Write for Forward {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        (self.0)(self.1, bytes.as_ptr(), bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Writes it in the format of the Firefox profiler, and ends it.
#[unsafe(no_mangle)]
pub extern "C" fn bhx_profiler_write(
    profiler: Box<bhx_profiler>,
    write: extern "C" fn(*mut c_void, *const u8, usize),
    data: *mut c_void,
) -> CError {
    guarded(|| {
        let mut buffered = std::io::BufWriter::with_capacity(64 * 1024, Forward(write, data));
        profiler.samples.finish(&mut buffered)?;
        buffered.flush().map_err(Error::from)
    })
}
