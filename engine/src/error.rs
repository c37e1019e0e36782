//! What an engine error is: trap code, exit, pool exhausted; its causes and frames.

use crate::wrap::*;
use std::ffi::c_void;
use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace, WasmCoreDump};
use wasmtime_c_api::wasmtime_error_t;
use wasmtime_wasi::I32Exit;

/// An error that a callback of ours raised; `code` is C's own.
#[derive(Debug)]
pub struct Raised(pub u32);

impl std::fmt::Display for Raised {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "stopped by the host ({})", self.0)
    }
}

impl std::error::Error for Raised {}

#[repr(C)]
pub struct bhx_error_info {
    trap_code: i32,
    raised: u32,
    exit_status: i32,
    exited: bool,
    pool_full: bool,
}

#[unsafe(no_mangle)]
pub extern "C" fn bhx_error_inspect(e: &wasmtime_error_t, out: &mut bhx_error_info) {
    let e = error(e);
    let exit = e.downcast_ref::<I32Exit>();
    *out = bhx_error_info {
        trap_code: e.downcast_ref::<Trap>().map_or(-1, |trap| *trap as i32),
        raised: e.downcast_ref::<Raised>().map_or(0, |raised| raised.0),
        exit_status: exit.map_or(0, |exit| exit.0),
        exited: exit.is_some(),
        pool_full: e.is::<PoolConcurrencyLimitError>(),
    };
}

/// The text of a cause, or its first part: that of a core dump lists every global there is.
fn beginning(cause: &dyn std::error::Error) -> String {
    struct Beginning(String);
    impl std::fmt::Write for Beginning {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            const MOST: usize = 64 * 1024;
            self.0.push_str(text);
            if self.0.len() < MOST { Ok(()) } else { Err(std::fmt::Error) }
        }
    }
    let mut text = Beginning(String::new());
    let _ = std::fmt::Write::write_fmt(&mut text, format_args!("{cause}"));
    text.0
}

/// Calls back with the text of the error and each of its causes, outermost first, without backtraces.
#[unsafe(no_mangle)]
pub extern "C" fn bhx_error_causes(
    e: &wasmtime_error_t,
    callback: extern "C" fn(*mut c_void, *const u8, usize),
    data: *mut c_void,
) {
    let _ = guard(|| {
        let dumped = error(e).is::<WasmCoreDump>();
        for cause in error(e).chain() {
            let text = if dumped { beginning(cause) } else { cause.to_string() };
            // The frames have a call of their own, and so has a core dump.
            if text.starts_with("error while executing at wasm backtrace")
                || text.starts_with("wasm coredump generated")
            {
                continue;
            }
            callback(data, text.as_ptr(), text.len());
        }
        Ok(())
    });
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct bhx_text {
    data: *const u8,
    len: usize,
}

impl From<Option<&str>> for bhx_text {
    fn from(text: Option<&str>) -> Self {
        text.map_or(bhx_text { data: std::ptr::null(), len: 0 }, |text| bhx_text {
            data: text.as_ptr(),
            len: text.len(),
        })
    }
}

impl bhx_text {
    /// Text from C; `None` where it is NULL.
    pub unsafe fn get<'a>(self) -> Result<Option<&'a str>, wasmtime::Error> {
        if self.data.is_null() { Ok(None) } else { unsafe { text(self.data, self.len) }.map(Some) }
    }
}

#[repr(C)]
pub struct bhx_frame {
    function: bhx_text,
    module: bhx_text,
    file: bhx_text,
    line: u32,
    column: u32,
    function_index: u32,
    offset: u32,
}

/// A Rust name as people wrote it; other names as they are.
fn readable(name: &str) -> String {
    rustc_demangle::try_demangle(name).map_or_else(|_| name.to_string(), |name| format!("{name:#}"))
}

/// Calls back with each wasm frame, innermost first; inlined functions are frames of their own.
#[unsafe(no_mangle)]
pub extern "C" fn bhx_error_frames(
    e: &wasmtime_error_t,
    callback: extern "C" fn(*mut c_void, &bhx_frame),
    data: *mut c_void,
) {
    let _ = guard(|| {
        let Some(backtrace) = error(e).downcast_ref::<WasmBacktrace>() else {
            return Ok(());
        };
        for frame in backtrace.frames() {
            let base = |name: Option<&str>, file, line, column| bhx_frame {
                function: name.into(),
                module: frame.module().name().into(),
                file,
                line,
                column,
                function_index: frame.func_index(),
                offset: frame.module_offset().unwrap_or(0) as u32,
            };
            if frame.symbols().is_empty() {
                let name = frame.func_name().map(readable);
                callback(data, &base(name.as_deref(), None.into(), 0, 0));
            }
            for symbol in frame.symbols() {
                let name = symbol.name().or(frame.func_name()).map(readable);
                let (line, column) = (symbol.line().unwrap_or(0), symbol.column().unwrap_or(0));
                callback(data, &base(name.as_deref(), symbol.file().into(), line, column));
            }
        }
        Ok(())
    });
}
