//! Stores: a limiter that answers to C, bounds on what host calls allocate, resource drops.

use crate::error::Raised;
use crate::poll::{bhx_future, future};
use crate::profile::bhx_profiler;
use crate::wrap::*;
use std::ffi::c_void;
use wasmtime::{Error, ResourceLimiter, UpdateDeadline};
use wasmtime_c_api::{wasmtime_component_resource_any_t, wasmtime_error_t, wasmtime_store_t};

/// C's answers: 0 refuse, 1 allow, anything else raises an error of that code.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct bhx_limiter {
    memory_growing: extern "C" fn(*mut c_void, usize, usize, usize) -> u32,
    memory_failed: extern "C" fn(*mut c_void),
    table_growing: extern "C" fn(*mut c_void, usize, usize, usize) -> u32,
    table_failed: extern "C" fn(*mut c_void),
    instances: usize,
    tables: usize,
    memories: usize,
    data: *mut c_void,
}

unsafe impl Send for bhx_limiter {}
unsafe impl Sync for bhx_limiter {}

fn answer(code: u32) -> Result<bool, Error> {
    match code {
        0 => Ok(false),
        1 => Ok(true),
        code => Err(Error::from(Raised(code))),
    }
}

impl ResourceLimiter for bhx_limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool, Error> {
        answer((self.memory_growing)(self.data, current, desired, maximum.unwrap_or(usize::MAX)))
    }

    fn memory_grow_failed(&mut self, _error: Error) -> Result<(), Error> {
        (self.memory_failed)(self.data);
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool, Error> {
        answer((self.table_growing)(self.data, current, desired, maximum.unwrap_or(usize::MAX)))
    }

    fn table_grow_failed(&mut self, _error: Error) -> Result<(), Error> {
        (self.table_failed)(self.data);
        Ok(())
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn tables(&self) -> usize {
        self.tables
    }

    fn memories(&self) -> usize {
        self.memories
    }
}

/// `limiter` and `limiter.data` must outlive the store.
#[unsafe(no_mangle)]
pub extern "C" fn bhx_store_limiter(store: &mut wasmtime_store_t, limiter: *mut bhx_limiter) {
    let limiter = Lent(limiter);
    store_mut(store).limiter(move |_data| limiter.lend());
}

/// C's, for as long as the store lives.
struct Lent(*mut bhx_limiter);
unsafe impl Send for Lent {}
unsafe impl Sync for Lent {}

impl Lent {
    fn lend<'a>(&self) -> &'a mut bhx_limiter {
        unsafe { &mut *self.0 }
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn bhx_store_hostcall_bytes(store: &mut wasmtime_store_t, bytes: usize) {
    store_mut(store).set_hostcall_fuel(bytes);
}

#[unsafe(no_mangle)]
pub extern "C" fn bhx_store_handles(store: &mut wasmtime_store_t, count: usize) {
    store_mut(store).set_max_component_handles(count);
}

/// Asks C at every tick that the guest computes through: 0 give the thread back for a moment (asynchronous calls
/// only), 1 go on, anything else: stop. `data`, and `profiler` (which may be null), must outlive the store.
#[unsafe(no_mangle)]
pub extern "C" fn bhx_store_ticked(
    store: &mut wasmtime_store_t,
    ticked: extern "C" fn(*mut c_void) -> u32,
    data: *mut c_void,
    profiler: *mut bhx_profiler,
) {
    let (data, profiler) = (data as usize, profiler as usize);
    store_mut(store).epoch_deadline_callback(move |context| {
        if let Some(profiler) = unsafe { (profiler as *mut bhx_profiler).as_mut() } {
            profiler.sample(&context);
        }
        Ok(match ticked(data as *mut c_void) {
            0 => UpdateDeadline::Yield(1),
            1 => UpdateDeadline::Continue(1),
            _ => UpdateDeadline::Interrupt,
        })
    });
}

#[unsafe(no_mangle)]
pub extern "C" fn bhx_resource_drop_async<'a>(
    mut context: Context<'a>,
    handle: &'a wasmtime_component_resource_any_t,
    error_out: &'a mut *mut wasmtime_error_t,
) -> bhx_future {
    let handle = *resource(handle);
    future(async move {
        if let Err(error) = handle.resource_drop_async(&mut context).await {
            *error_out = Box::into_raw(Box::new(wasmtime_error_t::from(error)));
        }
    })
}
