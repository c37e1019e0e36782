//! Engines: building one without aborting, telling them apart, and what its compiled code depends on.

use crate::error::bhx_text;
use crate::wrap::*;
use std::ffi::{c_char, c_void};
use std::hash::{Hash, Hasher};
use wasmtime::{Enabled, Engine, Error, WasmBacktraceDetails};
use wasmtime_c_api::{wasm_config_t, wasm_engine_t, wasmtime_pooling_allocation_config_t};

#[unsafe(no_mangle)]
pub extern "C" fn bhx_engine_new(config: Box<wasm_config_t>, out: &mut *mut wasm_engine_t) -> CError {
    guarded(|| {
        let engine = Engine::new(crate::wrap::config(&config))?;
        *out = Box::into_raw(Box::new(engine)).cast();
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn bhx_engine_same(a: &wasm_engine_t, b: &wasm_engine_t) -> bool {
    Engine::same(engine(a), engine(b))
}

/// Which build of this crate it is: it decides what is compiled, and what is put around a core module.
#[unsafe(no_mangle)]
pub extern "C" fn bhx_engine_build(out: &mut bhx_text) {
    *out = Some(option_env!("BULKHEAD_ENGINE_KEY").unwrap_or("unkeyed")).into();
}

/// Feeds what compiled code depends on to C's hash function.
#[unsafe(no_mangle)]
pub extern "C" fn bhx_engine_compatibility(
    e: &wasm_engine_t,
    write: extern "C" fn(*mut c_void, *const u8, usize),
    data: *mut c_void,
) {
    struct Forward(extern "C" fn(*mut c_void, *const u8, usize), *mut c_void);
    impl Hasher for Forward {
        fn write(&mut self, bytes: &[u8]) {
            (self.0)(self.1, bytes.as_ptr(), bytes.len());
        }
        fn finish(&self) -> u64 {
            0
        }
    }
    engine(e).precompile_compatibility_hash().hash(&mut Forward(write, data));
}

/// What the C API has no setter for: freed slots are cleaned page by page where the kernel tells which were written to.
#[unsafe(no_mangle)]
pub extern "C" fn bhx_pool_scan(pool: &mut wasmtime_pooling_allocation_config_t) {
    pool_config_mut(pool).pagemap_scan(Enabled::Auto);
}

/// Switches on what the C API has no setter for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bhx_config_set(
    config: &mut wasm_config_t,
    lines: bool,
    coredump: bool,
    target: *const c_char,
) -> CError {
    guarded(|| {
        let config = config_mut(config);
        config.wasm_backtrace_max_frames(std::num::NonZeroUsize::new(64));
        let details = if lines { WasmBacktraceDetails::Enable } else { WasmBacktraceDetails::Disable };
        config.wasm_backtrace_details(details);
        config.coredump_on_trap(coredump);
        config.wasm_component_model_async(false);
        if !target.is_null() {
            config.target(unsafe { crate::value::name(target) }?)?;
        }
        Ok::<(), Error>(())
    })
}
