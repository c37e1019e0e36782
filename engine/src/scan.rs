//! Looking at a binary component before anything else reads it.
//!
//! Small files can unfold into more than any machine holds: components that instantiate each other, instances that
//! hold each other, types within types. The engine unfolds them while it compiles, without a bound. So they are
//! added up here first, in one pass that unfolds nothing, and what is too much is refused.

use std::collections::HashMap;
use std::rc::Rc;
use wasmparser::{
    BinaryReader, ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentInstantiationArg,
    ComponentOuterAliasKind, ComponentTypeRef, Instance, Parser, Payload,
};
use wasmtime::Error;

/// Components nested deeper than this are nobody's work; validating them takes quadratic time.
const MAX_NESTING: usize = 100;

/// Components in a file, and modules: the engine takes quadratic memory for them, 150 MiB for these.
const MAX_COMPONENTS: usize = 1_000;
const MAX_MODULES: usize = 1_000;

/// Instances, nested ones unfolded, beyond which compiling takes for ever: each nesting level can multiply them.
const MAX_INSTANCES: u64 = 10_000;

/// What all instances hold, instances within instances unfolded: the engine copies them, at 3 KiB for each item.
const MAX_ITEMS: u64 = 100_000;

/// Steps of instantiating, nested ones unfolded: aliases, lifted and lowered functions, arguments. 0.6 us each.
const MAX_STEPS: u64 = 1_000_000;

/// Nested types in one section: the engine's own reader recurses into them, and would overflow the stack.
const MAX_NESTED_TYPES: usize = 1_000;

/// An upper bound of how deep instance and component types nest in a type section: each level inside another
/// starts with the declaration of a type (1) that is a component (0x41) or an instance type (0x42).
fn nested_types(section: &[u8]) -> usize {
    section.windows(2).filter(|pair| pair[0] == 1 && matches!(pair[1], 0x41 | 0x42)).count()
}

/// A number of items: so many, and for each `hole` as many more as the largest instance that is given as an argument.
#[derive(Clone, Copy, Default)]
struct Items {
    known: u64,
    holes: u64,
}

impl Items {
    fn add(&mut self, other: Items) {
        self.known = self.known.saturating_add(other.known);
        self.holes = self.holes.saturating_add(other.holes);
    }

    fn filled(self, argument: Items) -> Items {
        Items {
            known: self.known.saturating_add(self.holes.saturating_mul(argument.known)),
            holes: self.holes.saturating_mul(argument.holes),
        }
    }

    fn larger(self, other: Items) -> Items {
        Items { known: self.known.max(other.known), holes: self.holes.max(other.holes) }
    }

    fn most(self) -> u64 {
        self.known.saturating_add(self.holes)
    }
}

/// What instantiating a module or component adds up to.
#[derive(Clone, Copy, Default)]
pub struct Sum {
    pub memory: u64,
    pub instances: u64,
    pub memories: u64,
    pub tables: u64,
    /// Start functions: code that runs before anything is called.
    pub starts: u64,
    components: u64,
    steps: u64,
    items: Items,
}

impl Sum {
    fn add(&mut self, other: Sum) {
        self.memory = self.memory.saturating_add(other.memory);
        self.instances = self.instances.saturating_add(other.instances);
        self.memories = self.memories.saturating_add(other.memories);
        self.tables = self.tables.saturating_add(other.tables);
        self.starts = self.starts.saturating_add(other.starts);
        self.components = self.components.saturating_add(other.components);
        self.steps = self.steps.saturating_add(other.steps);
        self.items.add(other.items);
    }
}

/// What an instance holds: everything counted, and by name what are instances again. Without names it is one that
/// came from elsewhere, or was bounded.
#[derive(Clone, Default)]
struct Shape<'a> {
    items: Items,
    instances: HashMap<&'a str, Rc<Shape<'a>>>,
}

impl<'a> Shape<'a> {
    fn unknown() -> Shape<'a> {
        Shape { items: Items { known: 0, holes: 1 }, ..Shape::default() }
    }

    fn hold(&mut self, name: &'a str, instance: Option<&Rc<Shape<'a>>>) {
        self.items.add(Items { known: 1, holes: 0 });
        if let Some(instance) = instance {
            self.items.add(instance.items);
            self.instances.insert(name, instance.clone());
        }
    }

    fn filled(self: &Rc<Self>, argument: Items) -> Rc<Shape<'a>> {
        match self.items.holes {
            0 => self.clone(),
            _ => Rc::new(Shape { items: self.items.filled(argument), ..Shape::default() }),
        }
    }

    /// An upper bound where it is not known: one that holds all that its owner holds.
    fn get(self: &Rc<Self>, name: &str) -> Rc<Shape<'a>> {
        self.instances.get(name).unwrap_or(self).clone()
    }
}

#[derive(Clone)]
struct Definition<'a> {
    sum: Sum,
    exports: Rc<Shape<'a>>,
}

/// A component or module being read: its sum so far, and its index spaces. What comes from elsewhere is None there.
#[derive(Default)]
struct Level<'a> {
    is_module: bool,
    sum: Sum,
    exports: Shape<'a>,
    modules: Vec<Option<Sum>>,
    components: Vec<Option<Definition<'a>>>,
    instances: Vec<Rc<Shape<'a>>>,
}

impl<'a> Level<'a> {
    fn module(&self, index: u32) -> Option<Sum> {
        self.modules.get(index as usize).copied().flatten()
    }

    fn component(&self, index: u32) -> Option<Definition<'a>> {
        self.components.get(index as usize).cloned().flatten()
    }

    fn add_steps(&mut self, count: usize) {
        self.sum.steps = self.sum.steps.saturating_add(count as u64);
    }

    fn add_instance(&mut self, shape: Rc<Shape<'a>>) {
        self.sum.items.add(shape.items);
        self.instances.push(shape);
    }

    fn import(&mut self, ty: ComponentTypeRef) {
        match ty {
            ComponentTypeRef::Module(_) => self.modules.push(None),
            ComponentTypeRef::Component(_) => self.components.push(None),
            ComponentTypeRef::Instance(_) => self.instances.push(Rc::new(Shape::unknown())),
            _ => {}
        }
    }

    /// What is exported gets another index.
    fn export(&mut self, name: &'a str, kind: ComponentExternalKind, index: u32) {
        match kind {
            ComponentExternalKind::Module => self.modules.push(self.module(index)),
            ComponentExternalKind::Component => self.components.push(self.component(index)),
            ComponentExternalKind::Instance => {
                let shape = self.instances.get(index as usize).cloned();
                self.exports.hold(name, shape.as_ref());
                if let Some(shape) = shape {
                    self.add_instance(shape);
                }
                return;
            }
            _ => {}
        }
        self.exports.hold(name, None);
    }

    /// A module from elsewhere counts as an instance with nothing in it: the limiter sees the rest.
    fn instantiate_module(&mut self, instance: Instance) {
        match instance {
            Instance::Instantiate { module_index, args } => {
                let module = self.module(module_index).unwrap_or_default();
                self.sum.add(Sum { instances: module.instances.saturating_add(1), ..module });
                self.add_steps(args.len());
            }
            Instance::FromExports(exports) => self.add_steps(exports.len()),
        }
    }

    fn make_instance(&mut self, instance: ComponentInstance<'a>) -> Result<(), Error> {
        match instance {
            ComponentInstance::Instantiate { component_index, args } => self.instantiate(component_index, &args),
            ComponentInstance::FromExports(exports) => {
                let mut shape = Shape::default();
                for export in exports.iter() {
                    let is_instance = export.kind == ComponentExternalKind::Instance;
                    let inner = is_instance.then(|| self.instances.get(export.index as usize)).flatten();
                    shape.hold(export.name.name, inner);
                }
                self.add_instance(Rc::new(shape));
                Ok(())
            }
        }
    }

    fn instantiate(&mut self, index: u32, args: &[ComponentInstantiationArg]) -> Result<(), Error> {
        // One from elsewhere could multiply whatever is multiplied here.
        let Some(inner) = self.component(index) else {
            return Err(Error::msg("it instantiates a component that it imports, which is not supported"));
        };
        let instances = args.iter().filter(|arg| arg.kind == ComponentExternalKind::Instance);
        let argument = instances
            .filter_map(|arg| self.instances.get(arg.index as usize))
            .fold(Items::default(), |most, shape| most.larger(shape.items));
        self.add_steps(args.len());
        self.sum.add(Sum {
            components: inner.sum.components.saturating_add(1),
            items: inner.sum.items.filled(argument),
            ..inner.sum
        });
        self.add_instance(inner.exports.filled(argument));
        Ok(())
    }
}

#[derive(Default)]
struct Scan<'a> {
    levels: Vec<Level<'a>>,
    components: usize,
    modules: usize,
}

fn refuse_above(what: &str, count: u64, most: u64) -> Result<(), Error> {
    match count > most {
        true => Err(Error::msg(format!("more than {most} {what}"))),
        false => Ok(()),
    }
}

impl<'a> Scan<'a> {
    fn enter(&mut self, is_module: bool) -> Result<(), Error> {
        self.levels.push(Level { is_module, ..Level::default() });
        *(if is_module { &mut self.modules } else { &mut self.components }) += 1;
        refuse_above("modules", self.modules as u64, MAX_MODULES as u64)?;
        refuse_above("components", self.components as u64, MAX_COMPONENTS as u64)?;
        refuse_above("components within each other", self.levels.len() as u64, MAX_NESTING as u64)
    }

    fn leave(&mut self) {
        let Some(done) = self.levels.pop() else { return };
        let Some(level) = self.levels.last_mut() else { return };
        match done.is_module {
            true => level.modules.push(Some(done.sum)),
            false => level.components.push(Some(Definition { sum: done.sum, exports: Rc::new(done.exports) })),
        }
    }

    fn alias(&mut self, alias: ComponentAlias) {
        let last = self.levels.len() - 1;
        let outer = |count: u32| last.checked_sub(count as usize).map(|level| &self.levels[level]);
        match alias {
            ComponentAlias::InstanceExport { kind, instance_index, name } => {
                let level = &mut self.levels[last];
                match kind {
                    ComponentExternalKind::Module => level.modules.push(None),
                    ComponentExternalKind::Component => level.components.push(None),
                    ComponentExternalKind::Instance => {
                        if let Some(shape) = level.instances.get(instance_index as usize) {
                            level.add_instance(shape.get(name));
                        }
                    }
                    _ => {}
                }
            }
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::CoreModule, count, index } => {
                let module = outer(count).and_then(|outer| outer.module(index));
                self.levels[last].modules.push(module);
            }
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::Component, count, index } => {
                let component = outer(count).and_then(|outer| outer.component(index));
                self.levels[last].components.push(component);
            }
            _ => {}
        }
    }

    /// Broken items are skipped: the validator refuses the component when it comes to them.
    fn payload(&mut self, payload: Payload<'a>, binary: &[u8]) -> Result<(), Error> {
        let inner = self.levels.len() > 1;
        let Some(level) = self.levels.last_mut() else { return Ok(()) };
        match payload {
            Payload::ModuleSection { .. } => self.enter(true)?,
            Payload::ComponentSection { .. } => self.enter(false)?,
            Payload::End(_) if inner => self.leave(),
            Payload::ComponentTypeSection(section) => {
                let range = section.range();
                let bytes = binary.get(range.start as usize..range.end as usize).unwrap_or_default();
                refuse_above("nested types", nested_types(bytes) as u64, MAX_NESTED_TYPES as u64)?;
            }
            Payload::MemorySection(memories) => {
                for memory in memories.into_iter().flatten() {
                    let page = 1u64 << memory.page_size_log2.unwrap_or(16).min(16);
                    let memory = memory.initial.saturating_mul(page);
                    level.sum.add(Sum { memory, memories: 1, ..Sum::default() });
                }
            }
            Payload::StartSection { .. } | Payload::ComponentStartSection { .. } => {
                level.sum.add(Sum { starts: 1, ..Sum::default() });
            }
            Payload::TableSection(tables) => {
                level.sum.add(Sum { tables: u64::from(tables.count()), ..Sum::default() });
            }
            Payload::ComponentImportSection(imports) => {
                level.add_steps(imports.count() as usize);
                imports.into_iter().flatten().for_each(|import| level.import(import.ty));
            }
            Payload::ComponentExportSection(exports) => {
                level.add_steps(exports.count() as usize);
                let exports = exports.into_iter().flatten();
                exports.for_each(|export| level.export(export.name.name, export.kind, export.index));
            }
            Payload::ComponentCanonicalSection(functions) => level.add_steps(functions.count() as usize),
            Payload::ComponentAliasSection(aliases) => {
                level.add_steps(aliases.count() as usize);
                aliases.into_iter().flatten().for_each(|alias| self.alias(alias));
            }
            Payload::InstanceSection(instances) => {
                instances.into_iter().flatten().for_each(|instance| level.instantiate_module(instance));
            }
            Payload::ComponentInstanceSection(instances) => {
                for instance in instances.into_iter().flatten() {
                    level.make_instance(instance)?;
                    refuse_above("items in instances", level.sum.items.most(), MAX_ITEMS)?;
                }
            }
            _ => {}
        }
        let sum = self.levels.last().map(|level| level.sum).unwrap_or_default();
        refuse_above("instances", sum.instances.saturating_add(sum.components), MAX_INSTANCES)?;
        refuse_above("steps to instantiate it", sum.steps, MAX_STEPS)?;
        refuse_above("items in instances", sum.items.most(), MAX_ITEMS)
    }
}

/// What instantiating a component adds up to, nested components included; or why it is refused.
pub fn sum_up(binary: &[u8]) -> Result<Sum, Error> {
    let mut scan = Scan { levels: vec![Level::default()], ..Scan::default() };
    for payload in Parser::new(0).parse_all(binary) {
        scan.payload(payload.map_err(|e| Error::msg(e.to_string()))?, binary)?;
    }
    Ok(scan.levels.pop().map(|level| level.sum).unwrap_or_default())
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
