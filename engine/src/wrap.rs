//! From the C API's wrappers to the Rust values inside them, and panics to errors.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use wasmtime::component::types::ComponentFunc;
use wasmtime::component::{Component, Linker, ResourceAny};
use wasmtime::{Config, Engine, Error, PoolingAllocationConfig, Store, StoreContextMut};
use wasmtime_c_api::*;
use wasmtime_wasi::WasiCtxBuilder;

pub type Data = WasmtimeStoreData;
pub type Context<'a> = StoreContextMut<'a, Data>;
/// What entry points that can fail return: NULL for success.
pub type CError = Option<Box<wasmtime_error_t>>;

macro_rules! unwrapper {
    ($name:ident, $name_mut:ident, $wrapper:ty, $inner:ty) => {
        const _: () = assert!(size_of::<$wrapper>() == size_of::<$inner>());
        const _: () = assert!(align_of::<$wrapper>() == align_of::<$inner>());

        #[allow(dead_code)]
        pub fn $name(wrapper: &$wrapper) -> &$inner {
            unsafe { &*(wrapper as *const $wrapper).cast() }
        }

        #[allow(dead_code)]
        pub fn $name_mut(wrapper: &mut $wrapper) -> &mut $inner {
            unsafe { &mut *(wrapper as *mut $wrapper).cast() }
        }
    };
}

unwrapper!(config, config_mut, wasm_config_t, Config);
unwrapper!(pool_config, pool_config_mut, wasmtime_pooling_allocation_config_t, PoolingAllocationConfig);
unwrapper!(engine, engine_mut, wasm_engine_t, Engine);
unwrapper!(component, component_mut, wasmtime_component_t, Component);
unwrapper!(linker, linker_mut, wasmtime_component_linker_t, Linker<Data>);
unwrapper!(store, store_mut, wasmtime_store_t, Store<Data>);
unwrapper!(error, error_mut, wasmtime_error_t, Error);
unwrapper!(func_type, func_type_mut, wasmtime_component_func_type_t, ComponentFunc);
unwrapper!(resource, resource_mut, wasmtime_component_resource_any_t, ResourceAny);
unwrapper!(wasi_config, wasi_config_mut, wasi_config_t, WasiCtxBuilder);

pub fn fail(error: Error) -> CError {
    Some(Box::new(wasmtime_error_t::from(error)))
}

thread_local! {
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// A library prints nothing: panics are kept for the error they become. Rust's runtime in this archive is
/// ours alone, so is its panic hook.
fn keep_panics_quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            // Without the folder of the machine that built it.
            let file = info.location().map_or("?", |at| at.file().rsplit("/src/").next().unwrap_or("?"));
            let line = info.location().map_or(0, |at| at.line());
            let text = format!("{} ({file}:{line})", info.payload_as_str().unwrap_or("without a message"));
            let _ = PANIC.try_with(|kept| *kept.borrow_mut() = text);
        }));
    });
}

/// Run `body`; a panic in it becomes an error.
pub fn guard<T>(body: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    keep_panics_quiet();
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(result) => result,
        Err(_) => {
            let text = PANIC.with(|kept| std::mem::take(&mut *kept.borrow_mut()));
            Err(Error::msg(format!("the engine panicked: {text}")))
        }
    }
}

/// The same for entry points that return an error pointer.
pub fn guarded(body: impl FnOnce() -> Result<(), Error>) -> CError {
    match guard(body) {
        Ok(()) => None,
        Err(error) => fail(error),
    }
}

/// Bytes from C; NULL is allowed when the length is zero.
pub unsafe fn bytes<'a>(data: *const u8, len: usize) -> &'a [u8] {
    if len == 0 { &[] } else { unsafe { std::slice::from_raw_parts(data, len) } }
}

/// Bytes that are UTF-8 as Unicode has it: no overlong forms, no surrogates. A kilobyte takes a third of the
/// instructions of std's check.
pub fn utf8(bytes: &[u8]) -> Option<&str> {
    simdutf8::basic::from_utf8(bytes).ok()
}

/// What a guest is told of text that is none.
pub fn not_utf8() -> Error {
    Error::msg("a string is not UTF-8")
}

/// Text from C, which has been checked to be UTF-8 there; checked again because the price of a mistake is high.
pub unsafe fn text<'a>(data: *const u8, len: usize) -> Result<&'a str, Error> {
    utf8(unsafe { bytes(data, len) }).ok_or_else(|| Error::msg("text is not UTF-8"))
}

/// A block handed to C, which frees it with free(3).
#[repr(C)]
pub struct bhx_block {
    pub data: *mut u8,
    pub len: usize,
}

impl bhx_block {
    /// Hands a buffer over, with a NUL behind it that `len` does not count.
    pub fn terminated(mut buffer: Vec<u8>) -> bhx_block {
        let len = buffer.len();
        buffer.reserve_exact(1);
        buffer.push(0);
        let data = buffer.as_mut_ptr();
        std::mem::forget(buffer);
        bhx_block { data, len }
    }

    /// Hands a buffer over as it is. An empty one is NULL.
    pub fn plain(mut buffer: Vec<u8>) -> bhx_block {
        if buffer.capacity() == 0 {
            return bhx_block { data: std::ptr::null_mut(), len: 0 };
        }
        let block = bhx_block { data: buffer.as_mut_ptr(), len: buffer.len() };
        std::mem::forget(buffer);
        block
    }
}

/// Whether bytes are UTF-8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bhx_text_is_utf8(data: *const u8, len: usize) -> bool {
    utf8(unsafe { bytes(data, len) }).is_some()
}
