//! Core dumps: what a trap left behind, in the format of tool-conventions' Coredump.md.
//!
//! Wasmtime has a writer of its own (`WasmCoreDump::serialize`). It panics over components that call each other, whose
//! flags are globals that no instance defines, and over globals that hold exceptions; and its copies end the process
//! where there is no memory for them. So the dump is Wasmtime's, and the writer is ours.

use crate::wrap::*;
use std::ops::Range;
use wasm_encoder as wasm;
use wasm_encoder::{Encode, Section};
use wasmtime::{Error, ExternType, Global, HeapType, Instance, Memory, Module, Val, ValType, WasmCoreDump};
use wasmtime_c_api::wasmtime_error_t;

/// What a module may hold at most, and so a dump.
const MOST_GLOBALS: usize = 1_000_000;

/// What is looked at at once: memory is left out where all of that is zero.
const PAGE: usize = 4096;

/// Where something is that the dump does not know: an import of an instance's.
const UNKNOWN: u32 = u32::MAX;

/// Writes the dump that an error carries; `out` stays as it is where it carries none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bhx_error_coredump(
    e: &wasmtime_error_t,
    context: Context<'_>,
    name: *const u8,
    len: usize,
    out: &mut bhx_block,
) -> CError {
    let dump = error(e).downcast_ref::<WasmCoreDump>()?;
    guarded(|| {
        *out = bhx_block::plain(write(dump, context, unsafe { text(name, len) }?)?);
        Ok(())
    })
}

fn write(dump: &WasmCoreDump, mut context: Context<'_>, name: &str) -> Result<Vec<u8>, Error> {
    if dump.globals().len() > MOST_GLOBALS {
        return Err(Error::msg("more globals than a core dump can hold"));
    }
    let mut out = wasm::Module::HEADER.to_vec();
    wasm::CoreDumpSection::new(name).append_to(&mut out);
    memories(dump, &context).append_to(&mut out);
    globals(dump, &mut context).append_to(&mut out);
    put_data(&mut out, dump, &context)?;
    modules(dump).append_to(&mut out);
    instances(dump, &context).append_to(&mut out);
    stack(dump, &context).append_to(&mut out);
    Ok(out)
}

fn memories(dump: &WasmCoreDump, context: &Context<'_>) -> wasm::MemorySection {
    let mut section = wasm::MemorySection::new();
    for memory in dump.memories() {
        let ty = memory.ty(context);
        let page_size_log2 = ty.page_size_log2();
        section.memory(wasm::MemoryType {
            minimum: memory.size(context),
            maximum: ty.maximum(),
            memory64: ty.is_64(),
            shared: ty.is_shared(),
            page_size_log2: (page_size_log2 != 16).then_some(page_size_log2.into()),
        });
    }
    section
}

/// References are written as null: what they refer to is not in the dump.
fn globals(dump: &WasmCoreDump, context: &mut Context<'_>) -> wasm::GlobalSection {
    let mut section = wasm::GlobalSection::new();
    for global in dump.globals() {
        let ty = global.ty(&*context);
        let mutable = ty.mutability() == wasmtime::Mutability::Var;
        let (val_type, value) = match ty.content() {
            ValType::Ref(reference) => null(reference.heap_type().top()),
            _ => number(global.get(&mut *context)),
        };
        section.global(wasm::GlobalType { val_type, mutable, shared: false }, &value);
    }
    section
}

fn number(value: Val) -> (wasm::ValType, wasm::ConstExpr) {
    match value {
        Val::I32(x) => (wasm::ValType::I32, wasm::ConstExpr::i32_const(x)),
        Val::I64(x) => (wasm::ValType::I64, wasm::ConstExpr::i64_const(x)),
        Val::F32(bits) => (wasm::ValType::F32, wasm::ConstExpr::f32_const(wasm::Ieee32::new(bits))),
        Val::F64(bits) => (wasm::ValType::F64, wasm::ConstExpr::f64_const(wasm::Ieee64::new(bits))),
        Val::V128(x) => (wasm::ValType::V128, wasm::ConstExpr::v128_const(x.as_u128() as i128)),
        _ => null(HeapType::Any),
    }
}

fn null(top: HeapType) -> (wasm::ValType, wasm::ConstExpr) {
    let ty = match top {
        HeapType::Extern => wasm::AbstractHeapType::Extern,
        HeapType::Func => wasm::AbstractHeapType::Func,
        HeapType::Exn => wasm::AbstractHeapType::Exn,
        HeapType::Cont => wasm::AbstractHeapType::Cont,
        _ => wasm::AbstractHeapType::Any,
    };
    let heap_type = wasm::HeapType::Abstract { shared: false, ty };
    (wasm::ValType::Ref(wasm::RefType { nullable: true, heap_type }), wasm::ConstExpr::ref_null(heap_type))
}

/// The contents of all memories. Sizes that are known only afterwards take five bytes.
fn put_data(out: &mut Vec<u8>, dump: &WasmCoreDump, context: &Context<'_>) -> Result<(), Error> {
    out.push(wasm::SectionId::Data as u8);
    let size_at = out.len();
    let count_at = size_at + 5;
    out.extend([0; 10]);
    let mut count = 0;
    for (index, memory) in dump.memories().iter().enumerate() {
        let (data, wide) = (memory.data(context), memory.ty(context).is_64());
        for_each_run(data, |run| {
            count += 1;
            put_segment(out, index as u32, wide, run.start, &data[run])
        })?;
    }
    let size = (out.len() - count_at) as u32;
    fill_in(&mut out[size_at..count_at], size);
    fill_in(&mut out[count_at..count_at + 5], count);
    Ok(())
}

fn put_segment(out: &mut Vec<u8>, memory: u32, wide: bool, offset: usize, bytes: &[u8]) -> Result<(), Error> {
    const AROUND: usize = 64;
    let size = bytes.len() + AROUND;
    if out.len() + size > u32::MAX as usize {
        return Err(Error::msg("more memory in use than a core dump can hold, which is 4 GiB"));
    }
    out.try_reserve(size).map_err(|_| Error::msg("no memory left for a core dump"))?;
    2u32.encode(out);
    memory.encode(out);
    let offset = match wide {
        true => wasm::ConstExpr::i64_const(offset as i64),
        false => wasm::ConstExpr::i32_const(offset as u32 as i32),
    };
    offset.encode(out);
    bytes.encode(out);
    Ok(())
}

/// A number in five bytes, however small it is.
fn fill_in(place: &mut [u8], number: u32) {
    for (i, byte) in place.iter_mut().enumerate() {
        *byte = (number >> (7 * i)) as u8 & 0x7f | if i < 4 { 0x80 } else { 0 };
    }
}

/// Visits the parts of a memory that are in use: pages side by side that are not zero, without the zeroes at both ends.
fn for_each_run(data: &[u8], mut visit: impl FnMut(Range<usize>) -> Result<(), Error>) -> Result<(), Error> {
    static ZEROES: [u8; PAGE] = [0; PAGE];
    let mut begin = None;
    for (i, page) in data.chunks(PAGE).enumerate() {
        let used = *page != ZEROES[..page.len()];
        match begin {
            None if used => begin = Some(i * PAGE),
            Some(at) if !used => {
                begin = None;
                visit(trim(data, at..i * PAGE))?;
            }
            _ => {}
        }
    }
    match begin {
        Some(at) => visit(trim(data, at..data.len())),
        None => Ok(()),
    }
}

fn trim(data: &[u8], run: Range<usize>) -> Range<usize> {
    let bytes = &data[run.clone()];
    let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(0);
    let last = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0);
    run.start + first..run.start + last + 1
}

fn modules(dump: &WasmCoreDump) -> wasm::CoreDumpModulesSection {
    let mut section = wasm::CoreDumpModulesSection::new();
    for (i, module) in dump.modules().iter().enumerate() {
        match module.name() {
            Some(name) => section.module(name),
            None => section.module(format!("<module {i}>")),
        };
    }
    section
}

/// The number of the instance that a memory or a global belongs to, and of an instance. All three begin with the number
/// of their store and this, as the C API's header has it; the version is pinned.
fn owner<T>(thing: &T) -> u32 {
    const { assert!(size_of::<T>() >= 12 && align_of::<T>() == 8) };
    unsafe { *(&raw const *thing).cast::<u32>().add(2) }
}

const _: () = assert!(size_of::<Memory>() == 24 && size_of::<Global>() == 24 && size_of::<Instance>() == 16);

/// Which of the memories, or globals, an instance defines: they are in the order of their instances.
fn defined<T>(things: &[T], instance: u32) -> Range<u32> {
    let begin = things.partition_point(|thing| owner(thing) < instance);
    let end = things.partition_point(|thing| owner(thing) <= instance);
    begin as u32..end as u32
}

/// An instance's imports come first. What is behind them the engine does not tell, but a sole memory can only be itself.
fn instances(dump: &WasmCoreDump, context: &Context<'_>) -> wasm::CoreDumpInstancesSection {
    let mut section = wasm::CoreDumpInstancesSection::new();
    let elsewhere = if dump.memories().len() == 1 { 0 } else { UNKNOWN };
    for instance in dump.instances() {
        let module = instance.module(context);
        let index = dump.modules().iter().position(|other| Module::same(module, other));
        let (mut memories, mut globals) = (Vec::new(), Vec::new());
        for import in module.imports() {
            match import.ty() {
                ExternType::Memory(_) => memories.push(elsewhere),
                ExternType::Global(_) => globals.push(UNKNOWN),
                _ => {}
            }
        }
        memories.extend(defined(dump.memories(), owner(instance)));
        globals.extend(defined(dump.globals(), owner(instance)));
        section.instance(index.map_or(UNKNOWN, |index| index as u32), memories, globals);
    }
    section
}

/// Of several instances of a module the engine does not tell which one a frame is in: the last is taken. Locals are not
/// known either.
fn stack(dump: &WasmCoreDump, context: &Context<'_>) -> wasm::CoreDumpStackSection {
    let mut section = wasm::CoreDumpStackSection::new("main");
    for frame in dump.frames() {
        let is_in = |instance: &Instance| Module::same(instance.module(context), frame.module());
        let instance = dump.instances().iter().rposition(is_in).map_or(UNKNOWN, |index| index as u32);
        let offset = frame.func_offset().and_then(|offset| u32::try_from(offset).ok()).unwrap_or(0);
        section.frame(instance, frame.func_index(), offset, [], []);
    }
    section
}
