//! What a component exports and imports, and the types of its functions, in one pass each.
//!
//! The C API can say this too, but finds the nth part by walking to it: a hostile component with many parts
//! would cost quadratic time.

use crate::error::bhx_text;
use crate::wrap::*;
use std::ffi::c_void;
use wasmtime::Error;
use wasmtime::component::Type;
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime_c_api::{wasmtime_component_func_type_t, wasmtime_component_t};

/// One import or export. A name is NULL where there is none; `ty` is NULL for what is no function, and belongs to
/// the callee, which deletes it.
#[repr(C)]
pub struct bhx_item {
    import: bool,
    interface: bhx_text,
    name: bhx_text,
    ty: *mut wasmtime_component_func_type_t,
}

type ItemCallback = extern "C" fn(*mut c_void, &mut bhx_item) -> bool;

/// Calls back with the functions a component exports, and with the functions and interfaces it imports, until the
/// callback says false.
#[unsafe(no_mangle)]
pub extern "C" fn bhx_component_items(c: &wasmtime_component_t, callback: ItemCallback, data: *mut c_void) -> CError {
    guarded(|| {
        let component = component(c);
        let ty = component.component_type();
        let engine = component.engine();
        let give = |import, interface: Option<&str>, name: Option<&str>, ty: Option<ComponentFunc>| {
            let ty = ty.map_or(std::ptr::null_mut(), |ty| Box::into_raw(Box::new(ty.into())));
            callback(data, &mut bhx_item { import, interface: interface.into(), name: name.into(), ty })
        };
        for (name, item) in ty.exports(engine) {
            let more = match item.ty {
                ComponentItem::ComponentFunc(func) => give(false, None, Some(name), Some(func)),
                ComponentItem::ComponentInstance(interface) => {
                    interface.exports(engine).all(|(inner, item)| match item.ty {
                        ComponentItem::ComponentFunc(func) => give(false, Some(name), Some(inner), Some(func)),
                        _ => true,
                    })
                }
                _ => true,
            };
            if !more {
                return Ok(());
            }
        }
        for (name, item) in ty.imports(engine) {
            let more = match item.ty {
                ComponentItem::ComponentFunc(func) => give(true, None, Some(name), Some(func)),
                ComponentItem::ComponentInstance(_) => give(true, Some(name), None, None),
                _ => give(true, None, Some(name), None),
            };
            if !more {
                return Ok(());
            }
        }
        Ok(())
    })
}

/// One node of a type, in depth-first order: `depth` says how deep below the function it lies.
#[repr(C)]
pub struct bhx_node {
    kind: u32,
    depth: u32,
    /// Parameter, field, case or flag.
    name: bhx_text,
}

/// Numbers of `bh_kind` in the public header.
pub mod kind {
    pub const NONE: u32 = 0;
    pub const BOOL: u32 = 1;
    pub const S8: u32 = 2;
    pub const U8: u32 = 3;
    pub const S16: u32 = 4;
    pub const U16: u32 = 5;
    pub const S32: u32 = 6;
    pub const U32: u32 = 7;
    pub const S64: u32 = 8;
    pub const U64: u32 = 9;
    pub const F32: u32 = 10;
    pub const F64: u32 = 11;
    pub const CHAR: u32 = 12;
    pub const STRING: u32 = 13;
    pub const BYTES: u32 = 14;
    pub const LIST: u32 = 15;
    pub const RECORD: u32 = 16;
    pub const TUPLE: u32 = 17;
    pub const VARIANT: u32 = 18;
    pub const ENUM: u32 = 19;
    pub const OPTION: u32 = 20;
    pub const RESULT: u32 = 21;
    pub const FLAGS: u32 = 22;
    pub const OWN: u32 = 23;
    pub const BORROW: u32 = 24;
}

struct Walk {
    callback: extern "C" fn(*mut c_void, &bhx_node) -> bool,
    data: *mut c_void,
}

impl Walk {
    fn node(&self, kind: u32, depth: u32, name: Option<&str>) -> Result<(), Error> {
        match (self.callback)(self.data, &bhx_node { kind, depth, name: name.into() }) {
            true => Ok(()),
            false => Err(Error::msg("the type is too large")),
        }
    }

    fn optional(&self, ty: Option<Type>, depth: u32, name: Option<&str>) -> Result<(), Error> {
        match ty {
            Some(ty) => self.ty(&ty, depth, name),
            None => self.node(kind::NONE, depth, name),
        }
    }

    fn ty(&self, ty: &Type, depth: u32, name: Option<&str>) -> Result<(), Error> {
        let below = depth + 1;
        match ty {
            Type::Bool => self.node(kind::BOOL, depth, name),
            Type::S8 => self.node(kind::S8, depth, name),
            Type::U8 => self.node(kind::U8, depth, name),
            Type::S16 => self.node(kind::S16, depth, name),
            Type::U16 => self.node(kind::U16, depth, name),
            Type::S32 => self.node(kind::S32, depth, name),
            Type::U32 => self.node(kind::U32, depth, name),
            Type::S64 => self.node(kind::S64, depth, name),
            Type::U64 => self.node(kind::U64, depth, name),
            Type::Float32 => self.node(kind::F32, depth, name),
            Type::Float64 => self.node(kind::F64, depth, name),
            Type::Char => self.node(kind::CHAR, depth, name),
            Type::String => self.node(kind::STRING, depth, name),
            Type::List(list) => match list.ty() {
                Type::U8 => self.node(kind::BYTES, depth, name),
                element => {
                    self.node(kind::LIST, depth, name)?;
                    self.ty(&element, below, None)
                }
            },
            Type::Record(record) => {
                self.node(kind::RECORD, depth, name)?;
                record.fields().try_for_each(|field| self.ty(&field.ty, below, Some(field.name)))
            }
            Type::Tuple(tuple) => {
                self.node(kind::TUPLE, depth, name)?;
                tuple.types().try_for_each(|ty| self.ty(&ty, below, None))
            }
            Type::Variant(variant) => {
                self.node(kind::VARIANT, depth, name)?;
                variant.cases().try_for_each(|case| self.optional(case.ty, below, Some(case.name)))
            }
            Type::Enum(cases) => {
                self.node(kind::ENUM, depth, name)?;
                cases.names().try_for_each(|case| self.node(kind::NONE, below, Some(case)))
            }
            Type::Option(option) => {
                self.node(kind::OPTION, depth, name)?;
                self.ty(&option.ty(), below, None)
            }
            Type::Result(result) => {
                self.node(kind::RESULT, depth, name)?;
                self.optional(result.ok(), below, None)?;
                self.optional(result.err(), below, None)
            }
            Type::Flags(flags) => {
                self.node(kind::FLAGS, depth, name)?;
                flags.names().try_for_each(|flag| self.node(kind::NONE, below, Some(flag)))
            }
            Type::Own(_) => self.node(kind::OWN, depth, name),
            Type::Borrow(_) => self.node(kind::BORROW, depth, name),
            _ => Err(Error::msg("the type is of a kind that is not supported here (future, stream, map)")),
        }
    }
}

/// Calls back with the parameters of a function, at depth 0, each followed by what it is made of; then with its
/// result, also at depth 0 (kind NONE if it has none). Fails for types that are not supported, or when the callback
/// says false.
#[unsafe(no_mangle)]
pub extern "C" fn bhx_func_walk(
    ty: &wasmtime_component_func_type_t,
    callback: extern "C" fn(*mut c_void, &bhx_node) -> bool,
    data: *mut c_void,
) -> CError {
    guarded(|| {
        let walk = Walk { callback, data };
        let func = func_type(ty);
        for (name, ty) in func.params() {
            walk.ty(&ty, 0, Some(name))?;
        }
        walk.optional(func.results().next(), 0, None)
    })
}
