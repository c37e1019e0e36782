//! What a binary component adds up to, before anything else reads it; and why one was refused.

use crate::wrap::*;
use wasmparser::{
    BinaryReader, ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind, ComponentTypeRef,
    Instance, Parser, Payload, Validator, WasmFeatures,
};
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

/// One module or component on the way through the binary: what instantiating it adds up to.
#[derive(Clone, Copy, Default)]
struct Sum {
    memory: u64,
    instances: u64,
    components: u64,
    memories: u64,
    tables: u64,
}

impl Sum {
    fn add(&mut self, other: Sum) {
        self.memory = self.memory.saturating_add(other.memory);
        self.instances = self.instances.saturating_add(other.instances);
        self.components = self.components.saturating_add(other.components);
        self.memories = self.memories.saturating_add(other.memories);
        self.tables = self.tables.saturating_add(other.tables);
    }
}

/// A component being read: its own sum so far, and its index spaces. What comes from elsewhere is None there.
#[derive(Default)]
struct Level {
    own: Sum,
    modules: Vec<Option<Sum>>,
    components: Vec<Option<Sum>>,
}

/// Components nested deeper than this are nobody's work; validating them takes quadratic time.
const MAX_NESTING: usize = 100;

/// Instances, nested ones unfolded, beyond which compiling takes for ever: each nesting level can multiply them.
const MAX_INSTANCES: u64 = 10_000;

/// Nested types in one section: the engine's own reader recurses into them, and would overflow the stack.
const MAX_NESTED_TYPES: usize = 1_000;

/// An upper bound of how deep instance and component types nest in a type section: each level inside another
/// starts with the declaration of a type (1) that is a component (0x41) or an instance type (0x42).
fn nested_types(section: &[u8]) -> usize {
    section.windows(2).filter(|pair| pair[0] == 1 && matches!(pair[1], 0x41 | 0x42)).count()
}

fn at(space: &[Option<Sum>], index: u32) -> Option<Sum> {
    space.get(index as usize).copied().flatten()
}

/// An alias, import or export adds to the index space of its kind.
fn add_alias(levels: &mut [Level], alias: ComponentAlias) {
    let Some(last) = levels.len().checked_sub(1) else { return };
    match alias {
        ComponentAlias::InstanceExport { kind: ComponentExternalKind::Module, .. } => levels[last].modules.push(None),
        ComponentAlias::InstanceExport { kind: ComponentExternalKind::Component, .. } => {
            levels[last].components.push(None);
        }
        ComponentAlias::Outer { kind, count, index } => {
            let outer = last.checked_sub(count as usize).map(|level| &levels[level]);
            match kind {
                ComponentOuterAliasKind::CoreModule => {
                    let module = outer.and_then(|outer| at(&outer.modules, index));
                    levels[last].modules.push(module);
                }
                ComponentOuterAliasKind::Component => {
                    let component = outer.and_then(|outer| at(&outer.components, index));
                    levels[last].components.push(component);
                }
                _ => {}
            }
        }
        _ => {}
    }
}

impl Level {
    fn add_import(&mut self, ty: ComponentTypeRef) {
        match ty {
            ComponentTypeRef::Module(_) => self.modules.push(None),
            ComponentTypeRef::Component(_) => self.components.push(None),
            _ => {}
        }
    }

    fn add_export(&mut self, kind: ComponentExternalKind, index: u32) {
        match kind {
            ComponentExternalKind::Module => self.modules.push(at(&self.modules, index)),
            ComponentExternalKind::Component => self.components.push(at(&self.components, index)),
            _ => {}
        }
    }

    /// A module from elsewhere counts as an instance with nothing in it: the limiter sees the rest.
    fn add_instance(&mut self, instance: Instance) {
        if let Instance::Instantiate { module_index, .. } = instance {
            let module = at(&self.modules, module_index).unwrap_or_default();
            self.own.add(Sum { instances: module.instances.saturating_add(1), ..module });
        }
    }

    /// A component from elsewhere could be one that multiplies whatever is multiplied here.
    fn add_component_instance(&mut self, instance: ComponentInstance) -> Result<(), Error> {
        let ComponentInstance::Instantiate { component_index, .. } = instance else { return Ok(()) };
        let Some(inner) = at(&self.components, component_index) else {
            return Err(Error::msg("it instantiates a component that it imports, which is not supported"));
        };
        self.own.add(Sum { components: inner.components.saturating_add(1), ..inner });
        Ok(())
    }
}

/// What instantiating a component adds up to, nested components included. Refuses what would take the engine down
/// or keep it busy for ever, and so goes before everything else that reads the binary.
fn sum_up(binary: &[u8]) -> Result<Sum, Error> {
    let mut levels = vec![Level::default()];
    let mut is_module = vec![false];
    for payload in Parser::new(0).parse_all(binary) {
        if levels.len() > MAX_NESTING {
            return Err(Error::msg(format!("components nested more than {MAX_NESTING} deep")));
        }
        let payload = payload.map_err(|e| Error::msg(e.to_string()))?;
        if let Payload::ComponentAliasSection(aliases) = payload {
            aliases.into_iter().flatten().for_each(|alias| add_alias(&mut levels, alias));
            continue;
        }
        let level = levels.last_mut().ok_or_else(|| Error::msg("unbalanced nesting"))?;
        match payload {
            Payload::ModuleSection { .. } => {
                levels.push(Level::default());
                is_module.push(true);
            }
            Payload::ComponentSection { .. } => {
                levels.push(Level::default());
                is_module.push(false);
            }
            Payload::ComponentTypeSection(section) => {
                let range = section.range();
                let bytes = binary.get(range.start as usize..range.end as usize).unwrap_or_default();
                if nested_types(bytes) > MAX_NESTED_TYPES {
                    return Err(Error::msg(format!("more than {MAX_NESTED_TYPES} nested types")));
                }
            }
            Payload::MemorySection(memories) => {
                for memory in memories.into_iter().flatten() {
                    let page = 1u64 << memory.page_size_log2.unwrap_or(16).min(16);
                    let memory = memory.initial.saturating_mul(page);
                    level.own.add(Sum { memory, memories: 1, ..Sum::default() });
                }
            }
            Payload::TableSection(tables) => {
                level.own.add(Sum { tables: u64::from(tables.count()), ..Sum::default() });
            }
            Payload::ComponentImportSection(imports) => {
                imports.into_iter().flatten().for_each(|import| level.add_import(import.ty));
            }
            Payload::ComponentExportSection(exports) => {
                exports.into_iter().flatten().for_each(|export| level.add_export(export.kind, export.index));
            }
            Payload::InstanceSection(instances) => {
                instances.into_iter().flatten().for_each(|instance| level.add_instance(instance));
            }
            Payload::ComponentInstanceSection(instances) => {
                instances.into_iter().flatten().try_for_each(|instance| level.add_component_instance(instance))?;
            }
            Payload::End(_) if levels.len() > 1 => {
                let done = levels.pop().expect("checked").own;
                let level = levels.last_mut().expect("checked");
                if is_module.pop() == Some(true) {
                    level.modules.push(Some(done));
                } else {
                    level.components.push(Some(done));
                }
            }
            _ => {}
        }
        let own = levels.last().map(|level| level.own).unwrap_or_default();
        if own.instances.saturating_add(own.components) > MAX_INSTANCES {
            return Err(Error::msg(format!("more than {MAX_INSTANCES} instances")));
        }
    }
    Ok(levels.pop().map(|level| level.own).unwrap_or_default())
}

/// The same refusals for a component type that wit-bindgen left in a module, in either of its formats.
pub fn check_component_type(data: &[u8]) -> Result<(), Error> {
    let mut reader = BinaryReader::new(data, 0);
    let mut binary = data;
    if data.first() == Some(&3) {
        let mut skip = || {
            reader.read_u8()?; // format
            reader.read_u8()?; // string encoding
            reader.read_string() // world
        };
        skip().map_err(|e| Error::msg(e.to_string()))?;
        binary = data.get(reader.original_position() as usize..).unwrap_or_default();
    }
    sum_up(binary).map(|_| ())
}

#[repr(C)]
pub struct bhx_sum {
    memory: u64,
    instances: u64,
    memories: u64,
    tables: u64,
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn bhx_binary_sum(data: *const u8, len: usize, out: &mut bhx_sum) -> CError {
    guarded(|| {
        let Sum { memory, instances, memories, tables, .. } = sum_up(unsafe { bytes(data, len) })?;
        *out = bhx_sum { memory, instances, memories, tables };
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
