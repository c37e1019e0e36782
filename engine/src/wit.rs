//! WIT for `src/engine/wit.c`: a world, of text or of a component, as one pass of nodes that refer to each other by number
//! (`include/bhx.h` says what each field means). What C names things, and what it makes of them, is C's own.

use crate::error::bhx_text;
use crate::scan::sum_up;
use crate::types::kind;
use crate::wrap::*;
use std::collections::HashMap;
use std::ffi::c_void;
use std::path::{Path, PathBuf};
use wasmtime::Error;
use wit_parser::decoding::{DecodedWasm, decode};
use wit_parser::{
    Function, FunctionKind, Handle, InterfaceId, Resolve, Type, TypeDefKind, TypeId, TypeOwner, WorldId, WorldItem,
    WorldKey,
};

const WORLD: u32 = 0;
const TYPE: u32 = 1;
const PART: u32 = 2;
const IMPORT: u32 = 3;
const EXPORT: u32 = 4;
const PARAM: u32 = 5;
const RESULT: u32 = 6;
const RESOURCE: u32 = 7;

const KIND_RESOURCE: u32 = 32;
const KIND_ALIAS: u32 = 33;
const NO_TYPE: u32 = u32::MAX;

/// All WIT text of one reading, and all of a component.
const MAX_TEXT: u64 = 4 << 20;
const MAX_BINARY: u64 = 256 << 20;
/// Types that use types that use types, aliases counted.
const MAX_DEPTH: u32 = 1000;

#[repr(C)]
pub struct bhx_wit_node {
    what: u32,
    kind: u32,
    ty: u32,
    interface: bhx_text,
    name: bhx_text,
    docs: bhx_text,
}

fn text(e: impl std::fmt::Display) -> Error {
    Error::msg(format!("{e:#}"))
}

fn is_wit(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "wit")
}

/// The files that the parser is going to read: a folder's, those of `deps/`, and those of its folders.
fn sources(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let list = |folder: &Path| -> Result<Vec<PathBuf>, Error> {
        let entries = std::fs::read_dir(folder).map_err(text)?;
        entries.map(|entry| entry.map(|entry| entry.path()).map_err(text)).collect()
    };
    let mut found: Vec<_> = list(path)?.into_iter().filter(|path| is_wit(path)).collect();
    let deps = path.join("deps");
    for path in if deps.is_dir() { list(&deps)? } else { Vec::new() } {
        match path.is_dir() {
            true => found.extend(list(&path)?.into_iter().filter(|path| is_wit(path))),
            false => found.push(path),
        }
    }
    Ok(found)
}

/// A FIFO would be waited for, a device read for ever.
fn check_sources(paths: &[PathBuf], most: u64) -> Result<(), Error> {
    let mut total = 0;
    for path in paths {
        let data = std::fs::metadata(path).map_err(|e| Error::msg(format!("{}: {e}", path.display())))?;
        if !data.is_file() && !data.is_dir() {
            return Err(Error::msg(format!("{} is no file", path.display())));
        }
        total += data.len();
        if total > most {
            return Err(Error::msg(format!("{}: more than {} MiB", path.display(), most >> 20)));
        }
    }
    Ok(())
}

fn of_component(binary: &[u8], name: Option<&str>) -> Result<(Resolve, WorldId), Error> {
    sum_up(binary)?; // bounds what the decoder unfolds
    match decode(binary).map_err(text)? {
        DecodedWasm::Component(resolve, world) => match name {
            Some(name) if name != resolve.worlds[world].name => {
                Err(Error::msg("a component has no worlds to choose from"))
            }
            _ => Ok((resolve, world)),
        },
        DecodedWasm::WitPackage(resolve, package) => {
            let world = resolve.select_world(&[package], name).map_err(text)?;
            Ok((resolve, world))
        }
    }
}

fn read(path: &Path, name: Option<&str>) -> Result<(Resolve, WorldId), Error> {
    if path.is_dir() {
        check_sources(&sources(path)?, MAX_TEXT)?;
    } else {
        check_sources(&[path.to_path_buf()], MAX_BINARY)?;
        let binary = std::fs::read(path).map_err(text)?;
        if wat::Detect::from_bytes(&binary).is_wasm() {
            let binary = wat::parse_bytes(&binary).map_err(text)?;
            if !wasmparser::Parser::is_component(&binary) {
                return Err(Error::msg("this is a core WebAssembly module, which has no world"));
            }
            return of_component(&binary, name);
        }
        check_sources(&[path.to_path_buf()], MAX_TEXT)?;
    }
    let mut resolve = Resolve { all_features: true, ..Resolve::default() };
    let (package, _) = resolve.push_path(path).map_err(|e| {
        // The place says more than which folder was being read for the sake of which.
        let (whole, cause) = (resolve.render_error(&e), e.root_cause().to_string());
        Error::msg(whole.find(&cause).map_or(&*whole, |at| &whole[at..]).to_string())
    })?;
    let world = resolve.select_world(&[package], name).map_err(text)?;
    Ok((resolve, world))
}

struct Walk<'a> {
    resolve: &'a Resolve,
    /// What the world calls its interfaces that have no names of their own.
    inline: HashMap<InterfaceId, &'a str>,
    known: HashMap<Type, u32>,
    count: u32,
    callback: extern "C" fn(*mut c_void, &bhx_wit_node) -> bool,
    data: *mut c_void,
}

/// A type's parts: name and type of each.
type Parts<'a> = Vec<(Option<&'a str>, Option<Type>)>;

impl<'a> Walk<'a> {
    #[rustfmt::skip]
    fn node(&self, what: u32, kind: u32, ty: u32, interface: Option<&str>, name: Option<&str>, docs: Option<&str>) -> Result<(), Error> {
        let node = bhx_wit_node { what, kind, ty, interface: interface.into(), name: name.into(), docs: docs.into() };
        if (self.callback)(self.data, &node) { Ok(()) } else { Err(Error::msg("the world is too large")) }
    }

    fn interface_name(&self, id: InterfaceId) -> Option<String> {
        self.resolve.id_of(id).or_else(|| self.inline.get(&id).map(|name| String::from(*name)))
    }

    fn parts_of(&self, kind: &'a TypeDefKind) -> Result<(u32, Parts<'a>), Error> {
        let one = |ty: &Type| vec![(None, Some(*ty))];
        Ok(match kind {
            TypeDefKind::Record(r) => (kind::RECORD, r.fields.iter().map(|f| (Some(&*f.name), Some(f.ty))).collect()),
            TypeDefKind::Variant(v) => (kind::VARIANT, v.cases.iter().map(|c| (Some(&*c.name), c.ty)).collect()),
            TypeDefKind::Enum(e) => (kind::ENUM, e.cases.iter().map(|c| (Some(&*c.name), None)).collect()),
            TypeDefKind::Flags(f) => (kind::FLAGS, f.flags.iter().map(|f| (Some(&*f.name), None)).collect()),
            TypeDefKind::Tuple(t) => (kind::TUPLE, t.types.iter().map(|ty| (None, Some(*ty))).collect()),
            TypeDefKind::Option(ty) => (kind::OPTION, one(ty)),
            TypeDefKind::List(Type::U8) => (kind::BYTES, Vec::new()),
            TypeDefKind::List(ty) => match self.bare(*ty) {
                Type::U8 => (kind::BYTES, Vec::new()),
                _ => (kind::LIST, one(ty)),
            },
            TypeDefKind::Result(r) => (kind::RESULT, vec![(None, r.ok), (None, r.err)]),
            TypeDefKind::Handle(Handle::Own(id)) => (kind::OWN, one(&Type::Id(*id))),
            TypeDefKind::Handle(Handle::Borrow(id)) => (kind::BORROW, one(&Type::Id(*id))),
            TypeDefKind::Resource => (KIND_RESOURCE, Vec::new()),
            TypeDefKind::Type(ty) => (KIND_ALIAS, one(ty)),
            other => return Err(Error::msg(format!("the type {} is not supported", other.as_str()))),
        })
    }

    /// What an alias stands for in the end.
    fn bare(&self, mut ty: Type) -> Type {
        while let Type::Id(id) = ty {
            let TypeDefKind::Type(inner) = self.resolve.types[id].kind else { break };
            ty = inner;
        }
        ty
    }

    fn scalar(ty: Type) -> Option<u32> {
        Some(match ty {
            Type::Bool => kind::BOOL,
            Type::S8 => kind::S8,
            Type::U8 => kind::U8,
            Type::S16 => kind::S16,
            Type::U16 => kind::U16,
            Type::S32 => kind::S32,
            Type::U32 => kind::U32,
            Type::S64 => kind::S64,
            Type::U64 => kind::U64,
            Type::F32 => kind::F32,
            Type::F64 => kind::F64,
            Type::Char => kind::CHAR,
            Type::String => kind::STRING,
            _ => return None,
        })
    }

    /// Tells of a type, after those it is made of, and says its number.
    fn ty(&mut self, ty: Type, depth: u32) -> Result<u32, Error> {
        if let Some(number) = self.known.get(&ty) {
            return Ok(*number);
        }
        if depth > MAX_DEPTH {
            return Err(Error::msg(format!("types are made of types of types, more than {MAX_DEPTH} deep")));
        }
        let Type::Id(id) = ty else {
            let kind = Self::scalar(ty).ok_or_else(|| Error::msg("the type error-context is not supported"))?;
            self.node(TYPE, kind, NO_TYPE, None, None, None)?;
            return Ok(self.number(ty));
        };
        let resolve = self.resolve;
        let def = &resolve.types[id];
        let (kind, parts) = self.parts_of(&def.kind)?;
        let parts = parts.into_iter().map(|(name, ty)| Ok((name, self.optional(ty, depth + 1)?)));
        let parts = parts.collect::<Result<Vec<_>, Error>>()?;
        let interface = match def.owner {
            TypeOwner::Interface(id) => self.interface_name(id),
            _ => None,
        };
        self.node(TYPE, kind, NO_TYPE, interface.as_deref(), def.name.as_deref(), def.docs.contents.as_deref())?;
        for (name, ty) in parts {
            self.node(PART, 0, ty, None, name, None)?;
        }
        Ok(self.number(ty))
    }

    fn optional(&mut self, ty: Option<Type>, depth: u32) -> Result<u32, Error> {
        ty.map_or(Ok(NO_TYPE), |ty| self.ty(ty, depth))
    }

    fn number(&mut self, ty: Type) -> u32 {
        self.known.insert(ty, self.count);
        self.count += 1;
        self.count - 1
    }

    fn function(&mut self, what: u32, interface: Option<&str>, function: &Function) -> Result<(), Error> {
        let name = &function.name;
        let told = |e: Error| {
            Error::msg(format!("{}{}{name}: {e}", interface.unwrap_or(""), if interface.is_some() { "#" } else { "" }))
        };
        if function.kind.is_async() {
            return Err(told(Error::msg("functions that are async in WIT are not supported")));
        }
        let mut params = Vec::new();
        for param in &function.params {
            params.push((&param.name, self.ty(param.ty, 0).map_err(told)?));
        }
        let result = self.optional(function.result, 0).map_err(told)?;
        let made_of = match function.kind {
            FunctionKind::Method(id) | FunctionKind::Static(id) | FunctionKind::Constructor(id) => {
                self.ty(Type::Id(id), 0)?
            }
            _ => NO_TYPE,
        };
        self.node(what, 0, made_of, interface, Some(name), function.docs.contents.as_deref())?;
        for (name, ty) in params {
            self.node(PARAM, 0, ty, None, Some(name), None)?;
        }
        self.node(RESULT, 0, result, None, None, None)
    }

    /// A type of an interface or the world, also if no function uses it. One that the program must define is told so.
    fn named(&mut self, what: u32, interface: Option<&str>, id: TypeId) -> Result<(), Error> {
        let number = self.ty(Type::Id(id), 0)?;
        let def = &self.resolve.types[id];
        if what == IMPORT && matches!(def.kind, TypeDefKind::Resource) {
            self.node(RESOURCE, 0, number, interface, def.name.as_deref(), None)?;
        }
        Ok(())
    }

    fn item(&mut self, what: u32, key: &WorldKey, item: &WorldItem, skip: Skip) -> Result<(), Error> {
        let resolve = self.resolve;
        match item {
            WorldItem::Function(function) => self.function(what, None, function),
            WorldItem::Type { id, .. } => self.named(what, None, *id),
            WorldItem::Interface { id, .. } => {
                let name = resolve.name_world_key(key);
                if what == IMPORT && skip(&name) {
                    return Ok(());
                }
                let interface = &resolve.interfaces[*id];
                interface.types.values().try_for_each(|id| self.named(what, Some(&name), *id))?;
                interface.functions.values().try_for_each(|function| self.function(what, Some(&name), function))
            }
        }
    }
}

type Skip<'a> = &'a dyn Fn(&str) -> bool;

/// Calls back with a world's nodes until the callback says false; without imports of interfaces that `provided` knows.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bhx_wit_read(
    path: bhx_text,
    name: bhx_text,
    provided: extern "C" fn(*mut c_void, *const u8, usize) -> bool,
    callback: extern "C" fn(*mut c_void, &bhx_wit_node) -> bool,
    data: *mut c_void,
) -> CError {
    guarded(|| {
        let path = unsafe { path.get() }?.ok_or_else(|| Error::msg("no path"))?;
        let (resolve, world) = read(Path::new(path), unsafe { name.get() }?)?;
        let world = &resolve.worlds[world];
        let mut inline = HashMap::new();
        for (key, item) in world.imports.iter().chain(&world.exports) {
            if let (WorldKey::Name(name), WorldItem::Interface { id, .. }) = (key, item) {
                inline.insert(*id, &**name);
            }
        }
        let mut walk = Walk { resolve: &resolve, inline, known: HashMap::new(), count: 0, callback, data };
        let package = world.package.map(|id| resolve.packages[id].name.to_string());
        walk.node(WORLD, 0, NO_TYPE, package.as_deref(), Some(&world.name), world.docs.contents.as_deref())?;
        let skip = |name: &str| provided(data, name.as_ptr(), name.len());
        for (what, items) in [(IMPORT, &world.imports), (EXPORT, &world.exports)] {
            for (key, item) in items {
                walk.item(what, key, item, &skip)?;
            }
        }
        Ok(())
    })
}
