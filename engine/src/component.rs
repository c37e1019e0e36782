//! What a binary component adds up to, before anything else reads it; and why one was refused.

use crate::wrap::*;
use wasmparser::{ComponentInstance, Instance, Parser, Payload, Validator, WasmFeatures};
use wasmtime::Error;
use wasmtime_c_api::wasmtime_component_t;

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

#[derive(Default)]
struct Level {
    own: Sum,
    modules: Vec<Sum>,
    components: Vec<Sum>,
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

/// What instantiating a component adds up to, nested components included. Refuses what would take the engine down
/// or keep it busy for ever, and so goes before everything else that reads the binary. Modules and components that
/// come from elsewhere (imports, aliases) count as nothing: the limiter sees them when they are instantiated.
fn sum_up(binary: &[u8]) -> Result<Sum, Error> {
    let mut levels = vec![Level::default()];
    let mut is_module = vec![false];
    for payload in Parser::new(0).parse_all(binary) {
        if levels.len() > MAX_NESTING {
            return Err(Error::msg(format!("components nested more than {MAX_NESTING} deep")));
        }
        let level = levels.last_mut().ok_or_else(|| Error::msg("unbalanced nesting"))?;
        match payload.map_err(|e| Error::msg(e.to_string()))? {
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
            Payload::InstanceSection(instances) => {
                for instance in instances.into_iter().flatten() {
                    if let Instance::Instantiate { module_index, .. } = instance {
                        let module = level.modules.get(module_index as usize).copied().unwrap_or_default();
                        level.own.add(Sum { instances: 1, ..module });
                    }
                }
            }
            Payload::ComponentInstanceSection(instances) => {
                for instance in instances.into_iter().flatten() {
                    if let ComponentInstance::Instantiate { component_index, .. } = instance {
                        let inner = level.components.get(component_index as usize).copied().unwrap_or_default();
                        level.own.add(Sum { components: inner.components.saturating_add(1), ..inner });
                    }
                }
            }
            Payload::End(_) if levels.len() > 1 => {
                let done = levels.pop().expect("checked").own;
                let level = levels.last_mut().expect("checked");
                if is_module.pop() == Some(true) {
                    level.modules.push(done);
                } else {
                    level.components.push(done);
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
