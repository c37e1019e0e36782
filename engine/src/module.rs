//! Making a component of a core module built for WASI 0.1.
//!
//! The official adapter does the work. Two things it cannot do are done here, to the module, before:
//! - it knows only success and failure, so `proc_exit` is sent to an import of ours that keeps the number;
//! - it takes memory through `cabi_realloc` or else by growing the module's memory, which the malloc of older
//!   wasi-libc releases then takes for its own. So where a module has a `malloc` and no `cabi_realloc`, one that
//!   calls it is added.

use crate::scan::check_component_type;
use crate::wrap::*;
use std::collections::HashMap;
use wasi_preview1_component_adapter_provider as adapters;
use wasm_encoder::reencode::{self, Reencode, utils};
use wasm_encoder::{
    CodeSection, ExportKind, ExportSection, Function, FunctionSection, ImportSection, TypeSection, ValType,
};
use wasmparser::{CompositeInnerType, Encoding, ExternalKind, KnownCustom, Name, Parser, Payload, TypeRef};
use wasmtime::Error;
use wasmtime::component::Linker;

const WASI: &str = adapters::WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME;
const EXIT_INTERFACE: &str = "bulkhead:wasi/process@0.1.0";
const EXIT_WIT: &str = "
    package bulkhead:wasi@0.1.0;
    interface process { exit: func(code: u32); }
    world wrapped { import process; }
";

/// The other end of the import that keeps exit codes.
pub fn link_exit(linker: &mut Linker<Data>) -> Result<(), Error> {
    linker
        .instance(EXIT_INTERFACE)?
        .func_wrap("exit", |_, (code,): (u32,)| Err::<(), Error>(Error::from(wasmtime_wasi::I32Exit(code as i32))))
}

#[repr(C)]
#[derive(Default)]
pub struct bhx_module_info {
    /// It exports `_start`.
    command: bool,
    /// It imports from wasi_snapshot_preview1.
    wasi: bool,
    /// It imports from elsewhere, too.
    other_imports: bool,
    /// wit-bindgen left a component type in it.
    component_type: bool,
}

/// Imports of a module, and worlds that were linked into it: wrapping takes quadratic time for either.
const MAX_IMPORTS: usize = 5_000;
const MAX_WORLDS: usize = 100;

/// What there is to know of a module before it is changed.
#[derive(Default)]
struct Survey {
    info: bhx_module_info,
    /// The type of each type index that is `(i32) -> i32`.
    unary: Vec<bool>,
    /// Type index of each function, imports first.
    functions: Vec<u32>,
    types: u32,
    malloc: Option<u32>,
    realloc: bool,
    exits: bool,
}

fn survey(binary: &[u8]) -> Result<Survey, Error> {
    let mut s = Survey::default();
    let mut named: HashMap<String, u32> = HashMap::new();
    let (mut imported, mut worlds) = (0, 0);
    for payload in Parser::new(0).parse_all(binary) {
        match payload.map_err(|e| Error::msg(e.to_string()))? {
            Payload::Version { encoding: Encoding::Component, .. } => {
                return Err(Error::msg("this is a component, not a module"));
            }
            Payload::TypeSection(groups) => {
                for ty in groups.into_iter().flatten().flat_map(|group| group.into_types()) {
                    let unary = match &ty.composite_type.inner {
                        CompositeInnerType::Func(f) => {
                            f.params() == [wasmparser::ValType::I32] && f.results() == [wasmparser::ValType::I32]
                        }
                        _ => false,
                    };
                    s.unary.push(unary);
                    s.types += 1;
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports().flatten() {
                    imported += 1;
                    if imported > MAX_IMPORTS {
                        return Err(Error::msg(format!("more than {MAX_IMPORTS} imports")));
                    }
                    let wasi = import.module == WASI;
                    s.info.wasi |= wasi;
                    s.info.other_imports |= !wasi;
                    s.exits |= wasi && import.name == "proc_exit";
                    if let TypeRef::Func(ty) | TypeRef::FuncExact(ty) = import.ty {
                        s.functions.push(ty);
                    }
                }
            }
            Payload::FunctionSection(functions) => s.functions.extend(functions.into_iter().flatten()),
            Payload::ExportSection(exports) => {
                for export in exports.into_iter().flatten().filter(|e| e.kind == ExternalKind::Func) {
                    s.info.command |= export.name == "_start";
                    s.realloc |= export.name == "cabi_realloc";
                    named.insert(export.name.to_string(), export.index);
                }
            }
            Payload::CustomSection(section) => {
                if section.name().starts_with("component-type") {
                    worlds += 1;
                    if worlds > MAX_WORLDS {
                        return Err(Error::msg(format!("more than {MAX_WORLDS} component types")));
                    }
                    check_component_type(section.data())?;
                    s.info.component_type = true;
                }
                if let KnownCustom::Name(names) = section.as_known() {
                    for name in names.into_iter().flatten() {
                        let Name::Function(functions) = name else { continue };
                        for function in functions.into_iter().flatten().filter(|f| f.name == "malloc") {
                            named.entry(function.name.to_string()).or_insert(function.index);
                        }
                    }
                }
            }
            _ => {}
        }
    }
    s.malloc = named.get("malloc").copied().filter(|index| {
        let ty = s.functions.get(*index as usize).copied().unwrap_or(u32::MAX);
        s.unary.get(ty as usize).copied().unwrap_or(false)
    });
    Ok(s)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn bhx_module_inspect(data: *const u8, len: usize, out: &mut bhx_module_info) -> CError {
    guarded(|| {
        *out = survey(unsafe { bytes(data, len) })?.info;
        Ok(())
    })
}

struct Rewrite<'a> {
    survey: &'a Survey,
}

impl Rewrite<'_> {
    fn malloc(&self) -> Option<u32> {
        self.survey.malloc.filter(|_| !self.survey.realloc)
    }
}

type Reencoded<E> = Result<(), reencode::Error<E>>;

impl Reencode for Rewrite<'_> {
    type Error = std::convert::Infallible;

    fn parse_type_section(
        &mut self,
        types: &mut TypeSection,
        section: wasmparser::TypeSectionReader<'_>,
    ) -> Reencoded<Self::Error> {
        utils::parse_type_section(self, types, section)?;
        if self.malloc().is_some() {
            types.ty().function([ValType::I32; 4], [ValType::I32]);
        }
        Ok(())
    }

    fn parse_import_section(
        &mut self,
        imports: &mut ImportSection,
        section: wasmparser::ImportSectionReader<'_>,
    ) -> Reencoded<Self::Error> {
        for import in section.into_imports() {
            let import = import?;
            let exit = import.module == WASI && import.name == "proc_exit";
            let (module, name) = if exit { (EXIT_INTERFACE, "exit") } else { (import.module, import.name) };
            imports.import(module, name, self.entity_type(import.ty)?);
        }
        Ok(())
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: wasmparser::FunctionSectionReader<'_>,
    ) -> Reencoded<Self::Error> {
        utils::parse_function_section(self, functions, section)?;
        if self.malloc().is_some() {
            functions.function(self.survey.types);
        }
        Ok(())
    }

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        section: wasmparser::ExportSectionReader<'_>,
    ) -> Reencoded<Self::Error> {
        utils::parse_export_section(self, exports, section)?;
        if self.malloc().is_some() {
            exports.export("cabi_realloc", ExportKind::Func, self.survey.functions.len() as u32);
        }
        Ok(())
    }

    /// Bodies stay as they are, byte for byte: debug information points into them.
    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: wasmparser::CodeSectionReader<'_>,
    ) -> Reencoded<Self::Error> {
        for body in section {
            code.raw(body?.as_bytes());
        }
        if let Some(malloc) = self.malloc() {
            // The adapter only ever allocates: no old block is handed in, and malloc aligns enough for it.
            let mut realloc = Function::new([]);
            realloc.instructions().local_get(3).call(malloc).end();
            code.function(&realloc);
        }
        Ok(())
    }
}

fn rewrite(binary: &[u8], survey: &Survey) -> Result<Vec<u8>, Error> {
    let mut module = wasm_encoder::Module::new();
    let mut rewrite = Rewrite { survey };
    rewrite.parse_core_module(&mut module, Parser::new(0), binary).map_err(|e| Error::msg(e.to_string()))?;
    let mut rewritten = module.finish();
    if survey.exits {
        let mut resolve = wit_parser::Resolve::default();
        let package = resolve.push_str("bulkhead.wit", EXIT_WIT).map_err(|e| Error::msg(format!("{e:#}")))?;
        let world = resolve.select_world(&[package], None).map_err(|e| Error::msg(format!("{e:#}")))?;
        let encoding = wit_component::StringEncoding::UTF8;
        wit_component::embed_component_metadata(&mut rewritten, &resolve, world, encoding)
            .map_err(|e| Error::msg(format!("{e:#}")))?;
    }
    Ok(rewritten)
}

/// Makes a component of a module, with the official adapter for WASI 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bhx_module_wrap(data: *const u8, len: usize, command: bool, out: &mut bhx_block) -> CError {
    guarded(|| {
        let binary = unsafe { bytes(data, len) };
        let survey = survey(binary)?;
        let adapter = if command {
            adapters::WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER
        } else {
            adapters::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER
        };
        let module = rewrite(binary, &survey)?;
        let encode = || wit_component::ComponentEncoder::default().module(&module)?.adapter(WASI, adapter)?.encode();
        let wrapped = encode().map_err(|e| Error::msg(format!("{e:#}")))?;
        *out = bhx_block::plain(wrapped);
        Ok(())
    })
}
