//! WAVE: one value from text, of a type that C has as a tree.

use crate::types::kind;
use crate::value::*;
use crate::wrap::*;
use std::collections::BTreeMap;
use std::ffi::c_char;
use wasmtime::Error;
use wasmtime::component::wasm_wave::ast::Node;
use wasmtime::component::wasm_wave::untyped::UntypedValue;

/// `struct bh_type` of src/engine/type.h, which asserts that it is this.
#[repr(C)]
pub struct bhx_type {
    kind: u32,
    name: *const c_char,
    count: usize,
    capacity: usize,
    parts: *const *const bhx_type,
}

impl bhx_type {
    fn parts(&self) -> impl ExactSizeIterator<Item = &bhx_type> {
        let parts = if self.count == 0 { &[] } else { unsafe { std::slice::from_raw_parts(self.parts, self.count) } };
        parts.iter().map(|part| unsafe { &**part })
    }

    fn part(&self, index: usize) -> Result<&bhx_type, Error> {
        self.parts().nth(index).ok_or_else(mismatch)
    }

    fn name(&self) -> Result<&str, Error> {
        unsafe { name(self.name) }
    }

    /// The case or flag of that name.
    fn named(&self, wanted: &str) -> Result<&bhx_type, Error> {
        self.parts()
            .find(|part| part.name().is_ok_and(|name| name == wanted))
            .ok_or_else(|| Error::msg(format!("{wanted} is not in the type")))
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn bhx_wave_read(ty: &bhx_type, data: *const u8, len: usize, out: *mut bhx_value) -> CError {
    guarded(|| {
        let value = UntypedValue::parse(unsafe { text(data, len) }?).map_err(said)?;
        unsafe { out.write(read(value.node(), ty, value.source())?.take()) };
        Ok(())
    })
}

fn said(error: impl ToString) -> Error {
    Error::msg(error.to_string())
}

/// The parser bounds how deep the text nests, and C how deep the type does.
fn read(node: &Node, ty: &bhx_type, src: &str) -> Result<Filled, Error> {
    let scalar = |of| Ok(Filled::new(ty.kind, of));
    match ty.kind {
        kind::BOOL => scalar(Payload { boolean: node.as_bool().map_err(said)? }),
        kind::S8 => scalar(Payload { s8: node.as_number(src).map_err(said)? }),
        kind::U8 => scalar(Payload { u8: node.as_number(src).map_err(said)? }),
        kind::S16 => scalar(Payload { s16: node.as_number(src).map_err(said)? }),
        kind::U16 => scalar(Payload { u16: node.as_number(src).map_err(said)? }),
        kind::S32 => scalar(Payload { s32: node.as_number(src).map_err(said)? }),
        kind::U32 => scalar(Payload { u32: node.as_number(src).map_err(said)? }),
        kind::S64 => scalar(Payload { s64: node.as_number(src).map_err(said)? }),
        kind::U64 => scalar(Payload { u64: node.as_number(src).map_err(said)? }),
        kind::F32 => scalar(Payload { u32: node.as_number::<f32>(src).map_err(said)?.to_bits() }),
        kind::F64 => scalar(Payload { u64: node.as_number::<f64>(src).map_err(said)?.to_bits() }),
        kind::CHAR => scalar(Payload { u32: node.as_char(src).map_err(said)? as u32 }),
        kind::STRING => Filled::block(kind::STRING, node.as_str(src).map_err(said)?.as_bytes()),
        kind::BYTES => {
            let bytes = node.as_list().map_err(said)?.map(|item| item.as_number(src));
            Filled::block(kind::BYTES, &bytes.collect::<Result<Vec<u8>, _>>().map_err(said)?)
        }
        kind::LIST => {
            let nodes: Vec<_> = node.as_list().map_err(said)?.collect();
            let item = ty.part(0)?;
            Filled::items(kind::LIST, nodes.len(), |index| read(nodes[index], item, src))
        }
        kind::TUPLE => {
            let parts: Vec<_> = std::iter::zip(node.as_tuple().map_err(said)?, ty.parts()).collect();
            if node.as_tuple().map_err(said)?.len() != ty.count || parts.len() != ty.count {
                return Err(Error::msg(format!("a tuple of {} is wanted", ty.count)));
            }
            Filled::items(kind::TUPLE, parts.len(), |index| read(parts[index].0, parts[index].1, src))
        }
        kind::RECORD => record(node, ty, src),
        kind::VARIANT => {
            let (name, payload) = node.as_variant(src).map_err(said)?;
            Filled::case(kind::VARIANT, name, carried(payload, ty.named(name)?, src)?)
        }
        kind::ENUM => {
            let name = node.as_enum(src).map_err(said)?;
            ty.named(name)?;
            Filled::case(kind::ENUM, name, None)
        }
        kind::OPTION => match node.as_option() {
            Ok(None) => Filled::option(None),
            Ok(Some(some)) => Filled::option(Some(read(some, ty.part(0)?, src)?)),
            // It may be written without its wrapping.
            Err(_) => Filled::option(Some(read(node, ty.part(0)?, src)?)),
        },
        kind::RESULT => match node.as_result() {
            Ok(Ok(payload)) => Filled::outcome(false, carried(payload, ty.part(0)?, src)?),
            Ok(Err(payload)) => Filled::outcome(true, carried(payload, ty.part(1)?, src)?),
            Err(_) => Filled::outcome(false, carried(Some(node), ty.part(0)?, src)?),
        },
        kind::FLAGS => {
            let names: Vec<_> = node.as_flags(src).map_err(said)?.collect();
            for (index, name) in names.iter().enumerate() {
                ty.named(name)?;
                if names[..index].contains(name) {
                    return Err(Error::msg(format!("{name} is given twice")));
                }
            }
            Filled::flags(names.into_iter())
        }
        _ => Err(Error::msg("a handle has no text")),
    }
}

/// Fields may come in any order, and those that are options be left out.
fn record(node: &Node, ty: &bhx_type, src: &str) -> Result<Filled, Error> {
    let mut given: BTreeMap<_, _> = node.as_record(src).map_err(said)?.collect();
    let types: Vec<_> = ty.parts().collect();
    let record = Filled::record(types.len(), |index| {
        let name = types[index].name()?;
        let value = match given.remove(name) {
            Some(node) => read(node, types[index], src)?,
            None if types[index].kind == kind::OPTION => Filled::option(None)?,
            None => return Err(Error::msg(format!("the record lacks its field {name}"))),
        };
        Ok((name, value))
    })?;
    match given.keys().next() {
        Some(name) => Err(Error::msg(format!("the record has no field {name}"))),
        None => Ok(record),
    }
}

/// What a case carries, of kind NONE if nothing.
fn carried(node: Option<&Node>, ty: &bhx_type, src: &str) -> Result<Option<Filled>, Error> {
    match (node, ty.kind) {
        (None, kind::NONE) => Ok(None),
        (None, _) => Err(Error::msg("a payload is missing")),
        (Some(_), kind::NONE) => Err(Error::msg("there is a payload where the type has none")),
        (Some(node), _) => read(node, ty, src).map(Some),
    }
}
