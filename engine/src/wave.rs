//! WAVE: values as text.

use crate::wrap::*;
use wasmtime::Error;
use wasmtime::component::Val;
use wasmtime::component::wasm_wave::untyped::UntypedFuncCall;
use wasmtime_c_api::{wasmtime_component_func_type_t, wasmtime_component_val_t};

/// Reads `call` ("name(args...)") into as many values as the function has parameters.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bhx_wave_parse(
    ty: &wasmtime_component_func_type_t,
    call: *const u8,
    len: usize,
    out: *mut wasmtime_component_val_t,
) -> CError {
    guarded(|| {
        let call = UntypedFuncCall::parse(unsafe { text(call, len) }?).map_err(|e| Error::msg(e.to_string()))?;
        let types: Vec<_> = func_type(ty).params().map(|(_, ty)| ty).collect();
        let given = match call.params_node() {
            None => 0,
            Some(node) => node.as_tuple().map_err(|e| Error::msg(e.to_string()))?.len(),
        };
        if given > types.len() {
            let (wanted, plural) = (types.len(), if types.len() == 1 { "" } else { "s" });
            return Err(Error::msg(format!("takes {wanted} argument{plural}, got {given}")));
        }
        let values: Vec<Val> = call.to_wasm_params(types.iter()).map_err(|e| Error::msg(e.to_string()))?;
        for (index, value) in values.iter().enumerate() {
            unsafe { out.add(index).write(wasmtime_component_val_t::from(value)) };
        }
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn bhx_wave_format(value: &wasmtime_component_val_t, out: &mut bhx_block) -> CError {
    guarded(|| {
        let written = Val::from(value).to_wave()?;
        *out = bhx_block::terminated(written.into_bytes());
        Ok(())
    })
}
