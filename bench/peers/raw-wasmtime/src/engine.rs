//! The engine as Bulkhead sets it up, setting for setting: `configure` and `bhx_config_set` for engines
//! (src/engine/variant.c, engine/src/engine.rs), `bh_store_new` and `bh_store_begin` for stores (src/engine/store.c).

use std::num::NonZeroUsize;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, RegallocAlgorithm};
use wasmtime::{Result, Store, UpdateDeadline, WasmBacktraceDetails};

const KIB: usize = 1 << 10;
const PAGE: usize = 4 * KIB;
const MIB: usize = 1 << 20;
const STACK: usize = MIB;
const FIBER_ROOM: usize = 256 * KIB;
const FUEL: u64 = 1_000_000;
const FUEL_SLICE: u64 = 100_000;
const TICK: Duration = Duration::from_millis(1);

/// Slots of a pool, where nothing else is asked for.
pub const SLOTS: u32 = 1000;

fn pool(slots: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_core_instances(slots * 4)
        .total_memories(slots)
        .total_tables(slots * 4)
        .total_stacks(slots)
        .total_gc_heaps(slots)
        .max_core_instances_per_component(32)
        .max_memories_per_component(8)
        .max_tables_per_component(16)
        .max_memories_per_module(8)
        .max_tables_per_module(16)
        .table_elements(20_000)
        .max_memory_size(4 << 30)
        .max_component_instance_size(MIB)
        .max_core_instance_size(MIB)
        .max_unused_warm_slots(slots.min(100))
        .linear_memory_keep_resident((256 * MIB / slots as usize / PAGE * PAGE).clamp(PAGE, MIB))
        .pagemap_scan(wasmtime::Enabled::Auto)
        .table_keep_resident((64 * MIB / (slots as usize * 4) / PAGE * PAGE).clamp(PAGE, 64 * KIB));
    pool
}

fn config(metered: bool) -> Config {
    let mut config = Config::new();
    config
        .consume_fuel(metered)
        .epoch_interruption(true)
        .max_wasm_stack(STACK)
        .async_stack_size(STACK + FIBER_ROOM)
        .wasm_component_model(true)
        .wasm_component_model_async(false)
        .concurrency_support(false)
        .wasm_gc(true)
        .wasm_function_references(true)
        .wasm_exceptions(true)
        .debug_info(false)
        .cranelift_opt_level(OptLevel::Speed)
        .cranelift_regalloc_algorithm(RegallocAlgorithm::Backtracking)
        .parallel_compilation(true)
        .wasm_backtrace_max_frames(NonZeroUsize::new(64))
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .coredump_on_trap(false);
    config
}

pub fn pooled(metered: bool, slots: u32) -> Result<Engine> {
    start(config(metered).allocation_strategy(InstanceAllocationStrategy::Pooling(pool(slots))))
}

pub fn on_demand(metered: bool) -> Result<Engine> {
    start(&config(metered))
}

/// With a thread that makes guests look up every millisecond, as src/host/ticker.c does; it ends with the process.
fn start(config: &Config) -> Result<Engine> {
    let engine = Engine::new(config)?;
    let ticked = engine.clone();
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(TICK);
            ticked.increment_epoch();
        }
    });
    Ok(engine)
}

/// Compiles, and links against nothing: the guests import nothing.
pub fn link(engine: &Engine, bytes: &[u8]) -> Result<InstancePre<()>> {
    let component = Component::new(engine, bytes)?;
    Linker::new(engine).instantiate_pre(&component)
}

/// For calls on fibers, which yield at every tick and every slice of fuel.
pub fn store_async(engine: &Engine, metered: bool) -> Result<Store<()>> {
    let mut store = Store::new(engine, ());
    store.epoch_deadline_async_yield_and_update(1);
    if metered {
        store.fuel_async_yield_interval(Some(FUEL_SLICE))?;
    }
    begin(&mut store, metered)?;
    Ok(store)
}

/// For calls on the caller's own stack, which look up at every tick and go on.
pub fn store_sync(engine: &Engine, metered: bool) -> Result<Store<()>> {
    let mut store = Store::new(engine, ());
    store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Continue(1)));
    begin(&mut store, metered)?;
    Ok(store)
}

/// Before each call: instantiation and the first call share fuel.
pub fn begin(store: &mut Store<()>, metered: bool) -> Result<()> {
    if metered {
        store.set_fuel(FUEL)?;
    }
    store.set_epoch_deadline(1);
    Ok(())
}

/// Polls until it is done. A guest that imports nothing waits for nothing: pending means that it yielded.
pub fn finish<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}
