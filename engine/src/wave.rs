//! WAVE: values as text.

use crate::wrap::*;
use std::collections::HashSet;
use wasmtime::Error;
use wasmtime::component::wasm_wave::ast::Node;
use wasmtime::component::wasm_wave::untyped::UntypedFuncCall;
use wasmtime::component::{Type, Val};
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
        let given: Vec<&Node> = match call.params_node() {
            None => Vec::new(),
            Some(node) => node.as_tuple().map_err(|e| Error::msg(e.to_string()))?.collect(),
        };
        if given.len() > types.len() {
            let (wanted, plural) = (types.len(), if types.len() == 1 { "" } else { "s" });
            return Err(Error::msg(format!("takes {wanted} argument{plural}, got {}", given.len())));
        }
        check_each(given.into_iter(), types.iter().cloned(), call.source())?;
        let values: Vec<Val> = call.to_wasm_params(types.iter()).map_err(|e| Error::msg(e.to_string()))?;
        for (index, value) in values.iter().enumerate() {
            unsafe { out.add(index).write(wasmtime_component_val_t::from(value)) };
        }
        Ok(())
    })
}

fn check_each<'n>(
    mut nodes: impl Iterator<Item = &'n Node>,
    mut types: impl Iterator<Item = Type>,
    src: &str,
) -> Result<(), Error> {
    std::iter::zip(&mut nodes, &mut types).try_for_each(|(node, ty)| check_fields(node, &ty, src))
}

/// A field that the record does not have, or has been given before, would be dropped without a word: a typing
/// mistake in an optional field's name. What does not fit the type otherwise is left to the conversion.
fn check_fields(node: &Node, ty: &Type, src: &str) -> Result<(), Error> {
    match ty {
        Type::Record(record) => {
            let Ok(fields) = node.as_record(src) else { return Ok(()) };
            let mut seen = HashSet::new();
            for (name, value) in fields {
                let Some(field) = record.fields().find(|field| field.name == name) else {
                    return Err(Error::msg(format!("the record has no field {name}")));
                };
                if !seen.insert(name) {
                    return Err(Error::msg(format!("the field {name} is given twice")));
                }
                check_fields(value, &field.ty, src)?;
            }
            Ok(())
        }
        Type::List(list) => match node.as_list() {
            Ok(items) => check_each(items, std::iter::repeat(list.ty()), src),
            Err(_) => Ok(()),
        },
        Type::Tuple(tuple) => match node.as_tuple() {
            Ok(items) => check_each(items, tuple.types(), src),
            Err(_) => Ok(()),
        },
        Type::Variant(variant) => match node.as_variant(src) {
            Ok((label, Some(payload))) => {
                let ty = variant.cases().find(|case| case.name == label).and_then(|case| case.ty);
                ty.map_or(Ok(()), |ty| check_fields(payload, &ty, src))
            }
            _ => Ok(()),
        },
        // Both may be written without their wrapping.
        Type::Option(option) => match node.as_option() {
            Ok(Some(some)) => check_fields(some, &option.ty(), src),
            Ok(None) => Ok(()),
            Err(_) => check_fields(node, &option.ty(), src),
        },
        Type::Result(result) => match (node.as_result(), result.ok(), result.err()) {
            (Ok(Ok(Some(node))), Some(ty), _) | (Ok(Err(Some(node))), _, Some(ty)) => check_fields(node, &ty, src),
            (Err(_), Some(ty), _) => check_fields(node, &ty, src),
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn bhx_wave_format(value: &wasmtime_component_val_t, out: &mut bhx_block) -> CError {
    guarded(|| {
        let written = Val::from(value).to_wave()?;
        *out = bhx_block::terminated(written.into_bytes());
        Ok(())
    })
}
