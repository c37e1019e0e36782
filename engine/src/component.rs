//! Compiling components; what one adds up to; and why one was refused.

use crate::scan::{Sum, sum_up};
use crate::wrap::*;
use wasmparser::{Parser, Validator, WasmFeatures};
use wasmtime::Error;
use wasmtime::component::Component;
use wasmtime_c_api::{wasm_engine_t, wasmtime_component_t};

/// Compiles. The C API's own function does not stop panics, and there are inputs that cause one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bhx_component_new(
    e: &wasm_engine_t,
    data: *const u8,
    len: usize,
    out: &mut *mut wasmtime_component_t,
) -> CError {
    guarded(|| {
        let component = Component::from_binary(engine(e), unsafe { bytes(data, len) })?;
        *out = Box::into_raw(Box::new(component)).cast();
        Ok(())
    })
}

/// Compiled code as bytes.
#[unsafe(no_mangle)]
pub extern "C" fn bhx_component_serialize(c: &wasmtime_component_t, out: &mut bhx_block) -> CError {
    guarded(|| {
        *out = bhx_block::plain(component(c).serialize()?);
        Ok(())
    })
}

/// Maps compiled code from an open file, which stays open for as long as it is mapped lazily.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bhx_component_map(e: &wasm_engine_t, fd: i32, out: &mut *mut wasmtime_component_t) -> CError {
    guarded(|| {
        // The engine opens by path only. This is the same open file, not the same name: what was checked is mapped.
        let path = format!("/proc/self/fd/{fd}");
        let component = unsafe { Component::deserialize_file(engine(e), path) }?;
        *out = Box::into_raw(Box::new(component)).cast();
        Ok(())
    })
}

/// From the text format to the binary one; the C API's own function does not stop panics either.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bhx_text_assemble(data: *const u8, len: usize, out: &mut bhx_block) -> CError {
    guarded(|| {
        let binary = wat::parse_str(unsafe { text(data, len) }?).map_err(|e| Error::msg(e.to_string()))?;
        *out = bhx_block::plain(binary);
        Ok(())
    })
}

/// Size of the machine code, in bytes.
#[unsafe(no_mangle)]
pub extern "C" fn bhx_component_code_size(c: &wasmtime_component_t) -> usize {
    component(c).text().len()
}

#[repr(C)]
pub struct bhx_sum {
    memory: u64,
    instances: u64,
    memories: u64,
    tables: u64,
    starts: u64,
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn bhx_binary_sum(data: *const u8, len: usize, out: &mut bhx_sum) -> CError {
    guarded(|| {
        let Sum { memory, instances, memories, tables, starts, .. } = sum_up(unsafe { bytes(data, len) })?;
        *out = bhx_sum { memory, instances, memories, tables, starts };
        Ok(())
    })
}

/// Why bytes were refused: 1 malformed, 2 invalid, 0 neither (the compiler's own reasons).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bhx_binary_diagnose(data: *const u8, len: usize) -> u32 {
    let binary = unsafe { bytes(data, len) };
    guard(|| {
        if Parser::new(0).parse_all(binary).any(|payload| payload.is_err()) {
            return Ok(1);
        }
        match Validator::new_with_features(WasmFeatures::all()).validate_all(binary) {
            Ok(_) => Ok(2), // valid with everything switched on: it uses what is switched off here
            Err(_) => Ok(2),
        }
    })
    .unwrap_or(1)
}
