//! WAVE: values as text.

use crate::types::kind;
use crate::value::*;
use crate::wrap::*;
use std::collections::HashSet;
use wasmtime::Error;
use wasmtime::component::wasm_wave::ast::Node;
use wasmtime::component::wasm_wave::untyped::UntypedFuncCall;
use wasmtime::component::{Type, Val};
use wasmtime_c_api::wasmtime_component_func_type_t;

/// Reads `call` ("name(args...)") into as many values as the function has parameters.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bhx_wave_parse(
    ty: &wasmtime_component_func_type_t,
    call: *const u8,
    len: usize,
    out: *mut bhx_value,
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
        let filled = std::iter::zip(&values, &types).map(|(value, ty)| fill(value, ty));
        for (index, value) in filled.collect::<Result<Vec<_>, _>>()?.into_iter().enumerate() {
            unsafe { out.add(index).write(value.take()) };
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

/// For C, which will own it.
fn fill(value: &Val, ty: &Type) -> Result<Filled, Error> {
    let scalar = |kind, of| Ok(Filled::new(kind, of));
    let carried = |value: &Option<Box<Val>>, ty: Option<Type>| match (value, ty) {
        (Some(value), Some(ty)) => fill(value, &ty).map(Some),
        _ => Ok(None),
    };
    match (value, ty) {
        (Val::Bool(v), _) => scalar(kind::BOOL, Payload { boolean: *v }),
        (Val::S8(v), _) => scalar(kind::S8, Payload { s8: *v }),
        (Val::U8(v), _) => scalar(kind::U8, Payload { u8: *v }),
        (Val::S16(v), _) => scalar(kind::S16, Payload { s16: *v }),
        (Val::U16(v), _) => scalar(kind::U16, Payload { u16: *v }),
        (Val::S32(v), _) => scalar(kind::S32, Payload { s32: *v }),
        (Val::U32(v), _) => scalar(kind::U32, Payload { u32: *v }),
        (Val::S64(v), _) => scalar(kind::S64, Payload { s64: *v }),
        (Val::U64(v), _) => scalar(kind::U64, Payload { u64: *v }),
        (Val::Float32(v), _) => scalar(kind::F32, Payload { u32: v.to_bits() }),
        (Val::Float64(v), _) => scalar(kind::F64, Payload { u64: v.to_bits() }),
        (Val::Char(v), _) => scalar(kind::CHAR, Payload { u32: *v as u32 }),
        (Val::String(text), _) => Filled::block(kind::STRING, text.as_bytes()),
        (Val::List(items), Type::List(list)) if matches!(list.ty(), Type::U8) => {
            let byte = |item: &Val| if let Val::U8(byte) = item { Ok(*byte) } else { Err(mismatch()) };
            Filled::block(kind::BYTES, &items.iter().map(byte).collect::<Result<Vec<_>, _>>()?)
        }
        (Val::List(items), Type::List(list)) => {
            let ty = list.ty();
            Filled::items(kind::LIST, items.len(), |index| fill(&items[index], &ty))
        }
        (Val::Tuple(parts), Type::Tuple(tuple)) => {
            let types: Vec<_> = tuple.types().collect();
            Filled::items(kind::TUPLE, parts.len(), |index| fill(&parts[index], types.get(index).ok_or_else(mismatch)?))
        }
        (Val::Record(fields), Type::Record(record)) => {
            let types: Vec<_> = record.fields().map(|field| field.ty).collect();
            Filled::record(fields.len(), |index| {
                let (name, value) = &fields[index];
                Ok((&**name, fill(value, types.get(index).ok_or_else(mismatch)?)?))
            })
        }
        (Val::Variant(name, payload), Type::Variant(variant)) => {
            let ty = variant.cases().find(|case| case.name == name).and_then(|case| case.ty);
            Filled::case(kind::VARIANT, name, carried(payload, ty)?)
        }
        (Val::Enum(name), _) => Filled::case(kind::ENUM, name, None),
        (Val::Option(some), Type::Option(option)) => Filled::option(carried(some, Some(option.ty()))?),
        (Val::Result(Ok(payload)), Type::Result(result)) => Filled::outcome(false, carried(payload, result.ok())?),
        (Val::Result(Err(payload)), Type::Result(result)) => Filled::outcome(true, carried(payload, result.err())?),
        (Val::Flags(set), _) => Filled::flags(set.iter().map(|name| &**name)),
        _ => Err(mismatch()),
    }
}

/// A value as it describes itself, without a type.
fn describe(value: &bhx_value) -> Result<Val, Error> {
    let boxed = |value: Option<&bhx_value>| value.map(|value| describe(value).map(Box::new)).transpose();
    let items = || value.items().iter().map(describe).collect::<Result<Vec<_>, _>>();
    Ok(match u32::from(value.kind) {
        kind::BOOL => Val::Bool(unsafe { value.of.u8 } != 0),
        kind::S8 => Val::S8(unsafe { value.of.s8 }),
        kind::U8 => Val::U8(unsafe { value.of.u8 }),
        kind::S16 => Val::S16(unsafe { value.of.s16 }),
        kind::U16 => Val::U16(unsafe { value.of.u16 }),
        kind::S32 => Val::S32(unsafe { value.of.s32 }),
        kind::U32 => Val::U32(unsafe { value.of.u32 }),
        kind::S64 => Val::S64(unsafe { value.of.s64 }),
        kind::U64 => Val::U64(unsafe { value.of.u64 }),
        kind::F32 => Val::Float32(f32::from_bits(unsafe { value.of.u32 })),
        kind::F64 => Val::Float64(f64::from_bits(unsafe { value.of.u64 })),
        kind::CHAR => Val::Char(char::from_u32(unsafe { value.of.u32 }).ok_or_else(mismatch)?),
        kind::STRING => Val::String(value.text()?.into()),
        kind::BYTES => Val::List(value.block().iter().map(|byte| Val::U8(*byte)).collect()),
        kind::LIST => Val::List(items()?),
        kind::TUPLE => Val::Tuple(items()?),
        kind::RECORD => {
            let field = |field: &bhx_field| Ok((field.name()?.into(), describe(&field.value)?));
            Val::Record(value.fields().iter().map(field).collect::<Result<_, Error>>()?)
        }
        kind::VARIANT => {
            let (name, payload) = value.case()?;
            Val::Variant(name.into(), boxed(payload)?)
        }
        kind::ENUM => Val::Enum(value.case()?.0.into()),
        kind::OPTION => Val::Option(boxed(value.option())?),
        kind::RESULT => match value.outcome() {
            (false, payload) => Val::Result(Ok(boxed(payload)?)),
            (true, payload) => Val::Result(Err(boxed(payload)?)),
        },
        kind::FLAGS => {
            let named = |set: &*const _| unsafe { name(*set) }.map(String::from);
            Val::Flags(value.flags().iter().map(named).collect::<Result<_, _>>()?)
        }
        _ => return Err(Error::msg("a handle, or a kind that does not exist")),
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn bhx_wave_format(value: &bhx_value, out: &mut bhx_block) -> CError {
    guarded(|| {
        let written = describe(value)?.to_wave()?;
        *out = bhx_block::terminated(written.into_bytes());
        Ok(())
    })
}
